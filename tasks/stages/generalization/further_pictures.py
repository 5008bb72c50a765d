"""Stage `further-test` of pictures: those of another source, to test a fine-tuned model on.

They are read as the pictures of the problem are. A source with a test split gives this split alone,
any other all of its pictures. Copies of a training or a validation picture are left out and
counted, and so are pictures of their groups: the model knows their answers. Copies are known by the
perceptual hash that stands for the group of a picture without one, and by equal stored pixels.

It prepares pictures and finds nothing, so that it writes no finding.json.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from tasks.contract import Monitor, StageError
from tasks.data.images.decoding import Decoded, decode
from tasks.data.images.likeness import likeness
from tasks.data.images.picture import Picture
from tasks.data.images.pixel_arrays import PixelFile, open_pixels
from tasks.data.images.pixel_arrays import Pixels as Square
from tasks.data.images.resizing import to_square
from tasks.data.images.sheet import Sheet
from tasks.data.notices import Notices, report_remarks
from tasks.data.rows import FEWEST_TESTED
from tasks.data.tables import write_dataset_file, write_json
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.models.answering import read_labels
from tasks.problems.picture_rows import keeping, moves, pictures_of
from tasks.sources import Progress, Source
from tasks.sources.images import pictures

TEST = "test"
SPLITS = ("train", "validation")  # that the model knows
COPY, GROUP = "copy", "group"
ALSO = "in the training or the validation split"
LEFT_OUT = {
    COPY: f"left out: pictures of which a copy is {ALSO}",
    GROUP: f"left out: pictures of a group that is {ALSO}",
}
COLUMNS = {"document": "string", "image": "string", "label": "string", "place": "int64"}


@dataclass(frozen=True)
class _Tested:
    """A picture to test on, without its pixels."""

    picture: str
    document: str
    answer: str


def prepare_further_pictures(
    data: ImageData, pixels: Pixels, source: Source, *, known: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Read, check and store the pictures of a further test set.

    Args:
        data: the part of the experiment about the pictures, with the columns of this source; its
            name is `NAME.evaluate_also.NAME`.
        pixels: how pictures become numbers.
        source: where the pictures come from.
        known: folder of stage `pixels` of the problem.
        out: empty folder for test.npy and test.parquet, what the problem stores beside them,
            further.json, dataset.json, tally.json and sheet.npy; train.parquet and labels.json are
            copied, as an evaluation reads them.
        monitor: receives the progress and what was found.

    Returns:
        rows, documents, and left_out: pictures that are left out.

    Raises:
        StageError: a picture cannot be read, has no answer or one that the problem does not have,
            or too few remain.
    """
    reading = _Reading(data, pixels, source, monitor)
    labels = read_labels(known)
    try:
        tested = reading.choose(_Learnt.of(known), labels)
        reading.store(tested, labels, out)
    except StageError as error:
        raise StageError(f"downstream.{data.name}: {error}") from None
    left_out = reading.left_out
    for name in ("train.parquet", "labels.json"):
        shutil.copyfile(known / name, out / name)
    facts = {"left_out": left_out[COPY], "left_out_by_document": left_out[GROUP]}
    write_json(out / "further.json", {"name": source.name, "rows": len(tested), **facts})
    write_dataset_file(out, source.name, COLUMNS, len(tested))
    np.save(out / "sheet.npy", reading.sheet.pictures(labels))
    counted = pictures_of(data.kind).counted
    balance = Counter(label for each in tested for label in counted(each.answer))
    write_json(
        out / "tally.json",
        {
            "name": source.name,
            "facts": reading.notices.facts(),
            "counts": {TEST: len(tested)},
            "balance": {TEST: dict(sorted(balance.items()))},
            "sizes": reading.sheet.sizes(),
            "means": reading.sheet.means(),
            "sheet": reading.sheet.named(labels),
        },
    )
    reading.notices.report(monitor)
    report_remarks(source.remarks(), monitor)
    return _counts(tested, left_out)


def check_further_pictures(
    data: ImageData, pixels: Pixels, source: Source, *, known: Path, monitor: Monitor
) -> dict[str, float]:
    """Read and check the pictures of a further test set, before those of the problem are stored.

    Args and Raises: as of `prepare_further_pictures`; but `known` is the folder of stage `images`
        of the problem, and nothing is written.
    """
    reading = _Reading(data, pixels, source, monitor)
    try:
        tested = reading.choose(_Learnt.of_unstored(known), read_labels(known))
    except StageError as error:
        raise StageError(f"downstream.{data.name}: {error}") from None
    return _counts(tested, reading.left_out)


def _counts(tested: Sequence[_Tested], left_out: Counter[str]) -> dict[str, float]:
    return {
        "rows": float(len(tested)),
        "documents": float(len({each.document for each in tested})),
        "left_out": float(left_out.total()),
    }


@dataclass
class _Learnt:
    """What the training and the validation split have: groups, and digests of stored pixels."""

    documents: set[str]
    pixels: set[bytes] = field(default_factory=set)

    @classmethod
    def of(cls, known: Path) -> Self:
        """That of the problem's pictures as they are stored."""
        found = cls(set())
        for split in SPLITS:
            table = pd.read_parquet(known / f"{split}.parquet", columns=["document"])
            found.documents |= {str(document) for document in table["document"]}
            found.pixels |= {_digest(each) for each in open_pixels(known, split)}
        return found

    @classmethod
    def of_unstored(cls, images: Path) -> Self:
        """That of the problem's pictures before they are stored: their groups alone."""
        table = pd.read_parquet(images / "pictures.parquet", columns=["split", "group"])
        return cls({*table["group"][table["split"].isin(SPLITS)]})

    def same(self, group: str, key: str, square: Square) -> str:
        """What a picture has in common with these splits: COPY, GROUP, or ""."""
        if key in self.documents or _digest(square) in self.pixels:
            return COPY
        return GROUP if group and group in self.documents else ""


def _digest(square: Square) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(square).tobytes()).digest()


@dataclass
class _Reading:
    """The pictures of a source: read once to choose those to test on, and again to store them."""

    data: ImageData
    pixels: Pixels
    source: Source
    monitor: Monitor
    notices: Notices = field(default_factory=Notices)
    sheet: Sheet = field(default_factory=Sheet)
    left_out: Counter[str] = field(default_factory=Counter)

    def choose(self, learnt: _Learnt, labels: Sequence[str]) -> list[_Tested]:
        """The pictures to test on, in the order of the source.

        Raises:
            StageError: a picture is not valid, or has a label that the problem does not have; or
                too few remain.
        """
        shape = pictures_of(self.data.kind)
        only_test = any(picture.split == TEST for picture in self._read(_silent))
        found = []
        for picture in self._read(self.monitor.progress):
            if only_test and picture.split != TEST:
                continue
            if picture.problem:
                raise StageError(f"{picture.where}: {picture.problem}")
            decoded = decode(picture.data, picture.where)
            answer = shape.answer(picture, decoded, self.data, self.notices)
            if answer is None:
                continue
            names = list(shape.counted(answer))
            unknown = [name for name in names if name not in labels]
            if unknown:
                raise StageError(
                    f"{picture.where}: the problem has no label {unknown[0]!r}; accepted: "
                    f"{', '.join(labels[:20])}"
                )
            group = picture.group or self._by_pattern(picture.name)
            key = likeness(decoded.image, picture.data).hex()
            if what := learnt.same(group, key, self._square(decoded)):
                self.notices.add(LEFT_OUT[what], picture.name)
                self.left_out[what] += 1
                continue
            for notice in decoded.notices:
                self.notices.add(notice, picture.name)
            self.sheet.add(names[-1] if names else "", decoded)
            found.append(_Tested(picture.name, group or key, answer))
        self._require_enough(found)
        return found

    def _require_enough(self, found: Sequence[_Tested]) -> None:
        documents = len({each.document for each in found})
        if documents < FEWEST_TESTED:
            raise StageError(
                f"{self.source.location} has {len(found)} pictures of {documents} groups to test "
                f"on; {self.left_out[COPY]:,} are left out since a copy is {ALSO}, "
                f"{self.left_out[GROUP]:,} since their group is; intervals need at least "
                f"{FEWEST_TESTED} groups"
            )

    def store(self, tested: Sequence[_Tested], labels: Sequence[str], out: Path) -> None:
        """Write test.npy and test.parquet, and what the problem stores beside them."""
        problem = self.data.kind if moves(self.data.kind) else ""
        rows: list[tuple[str, str, str, int]] = []
        found = self._read(_silent)
        size, channels = self.pixels.size, self.pixels.channels
        counts = {TEST: len(tested)}
        with (
            PixelFile(out / f"{TEST}.npy", len(tested), size, channels) as file,
            keeping(problem, out, counts, self.pixels, labels, notices=self.notices) as keep,
        ):
            for each in tested:
                picture = next(picture for picture in found if picture.name == each.picture)
                decoded = decode(picture.data, picture.where)
                label = keep(TEST, picture, decoded, each.answer)
                rows.append((each.document, each.picture, label, len(rows)))
                file.append(self._square(decoded))
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table.to_parquet(out / f"{TEST}.parquet", index=False)

    def _read(self, progress: Progress) -> Iterator[Picture]:
        return pictures(self.source, self.data.columns, progress)

    def _square(self, decoded: Decoded) -> Square:
        pixels = self.pixels
        return to_square(decoded.image, pixels.size, pixels.channels, pixels.fit)

    def _by_pattern(self, name: str) -> str:
        """The group of a picture by its name; "" if there is no pattern or no match."""
        match = re.search(self.data.group_pattern, name) if self.data.group_pattern else None
        return match[1] if match else ""


def _silent(_done: int, _total: int, _unit: str) -> None:
    """Another pass counts the pictures."""
