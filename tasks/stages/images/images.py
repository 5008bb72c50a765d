"""Stage `images`: pictures read, checked, labelled and split; every bad file is reported at once.

Pictures flow from the source one at a time. Memory contains a row of a table for each: its name,
its group, its label and a perceptual hash. Copies of a picture, by that hash, and pictures of one
group share a split.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.contract import Monitor, StageError
from tasks.data.images.decoding import Decoded, decode
from tasks.data.images.likeness import likeness
from tasks.data.images.resizing import thumbnail
from tasks.data.notices import Notices, report_remarks
from tasks.data.rows import FEWEST_TESTED, Split
from tasks.data.same_text import share
from tasks.data.tables import TableWriter, write_dataset_file, write_json
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData
from tasks.problems.class_labels import note_labels_alike
from tasks.problems.picture_rows import pictures_of
from tasks.sources import Source
from tasks.sources.images import Picture, pictures

COLUMNS = {"image": "string", "split": "string", "group": "string", "label": "string"}
SPLITS = ("train", "validation", "test")
MISTAKES_TOLD = 20
LEAST = 64  # sides of a JPEG that is decoded to be checked, in pixels
THUMBNAIL, OF_A_LABEL, MOST_LABELS = 48, 8, 24  # of the sheet of pictures on the page
NO_LABEL = ""
COPIED = "left out: pictures of which another split has a copy or the same group"
TESTED = "left out: pictures of which a test split has a copy"
REPEATED = "copies of another picture of their split, by a perceptual hash"


@dataclass
class _Row:
    """A picture: what is known of it beside its pixels."""

    image: str
    given: Split
    group: str
    label: str
    key: bytes
    split: str = ""

    @property
    def document(self) -> str:
        """Its group, or what stands for it: copies are one document."""
        return self.group or self.key.hex()


def prepare_images(
    images: Images | ImageData,
    source: Source,
    held_out: Sequence[Path],
    seed: int,
    *,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Read, check and split the pictures of a source.

    A split that the source has is used as it is; a missing one is taken from the training pictures,
    by a hash of the seed and the group, or of the perceptual hash where there is no group.

    Args:
        images: Its part of the experiment; of a problem, or of pre-training.
        source: Where the pictures come from.
        held_out: `held_out.parquet` of each problem, whose pictures are left out.
        seed: Of the split.
        out: Empty folder for pictures.parquet (image, split, group and label of each picture of
            the source, in its order; those left out have no split), labels.json, held_out.parquet,
            dataset.json, tally.json and sheet.npy (small pictures for the page).
        monitor: Receives the progress and a summary.

    Returns:
        pictures, train_pictures, validation_pictures, test_pictures (of a problem), labels,
        copies (within a split) and dropped_pictures.

    Raises:
        StageError: files that are no pictures or are damaged (all of them, by name), a picture
            without the label that the problem needs, copies in two splits where `overlap` is
            "error", an empty split.
    """
    notices, sheet = Notices(), _Sheet()
    rows = _read(images, source, notices, sheet, monitor)
    _assign(images, rows, seed)
    _leave_out_tested(rows, held_out, notices)
    _settle_overlaps(images, rows, notices)
    counts = {split: sum(row.split == split for row in rows) for split in _splits(images)}
    _require(images, source, rows, counts)
    repeated = _count_copies(rows, notices)
    _note_splits(images, rows, counts, notices)
    balance = {
        split: Counter(row.label for row in rows if row.split == split and row.label)
        for split in counts
    }
    note_labels_alike(balance, notices)
    labels = _labels(images, balance, counts["train"])
    _write(rows, source, labels, out)
    np.save(out / "sheet.npy", sheet.pictures(labels))
    write_json(
        out / "tally.json",
        {
            "name": source.name,
            "facts": notices.facts(),
            "counts": counts,
            "balance": {split: dict(sorted(each.items())) for split, each in balance.items()},
            "sizes": sheet.sizes(),
            "means": sheet.means(),
            "sheet": sheet.named(labels),
        },
    )
    said = ", ".join(f"{count:,} to {_VERBS[split]}" for split, count in counts.items())
    monitor.say(f"pictures: {said}" + (f"; {len(labels)} labels" if labels else ""))
    notices.report(monitor)
    report_remarks(source.remarks(), monitor)
    return {
        "pictures": float(sum(counts.values())),
        **{f"{split}_pictures": float(count) for split, count in counts.items()},
        "labels": float(len(labels)),
        "copies": float(repeated),
        "dropped_pictures": float(len(rows) - sum(counts.values())),
    }


_VERBS = {"train": "train", "validation": "validate", "test": "test"}


def _splits(images: Images | ImageData) -> tuple[str, ...]:
    return SPLITS if isinstance(images, ImageData) else SPLITS[:2]


class _Sheet:
    """Small pictures of each label, and sums over all pictures, for the page."""

    def __init__(self) -> None:
        self._kept: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._sum, self._count = np.zeros(3), 0

    def add(self, label: str, decoded: Decoded) -> None:
        """Look at a picture."""
        self._sizes[decoded.size] += 1
        small = thumbnail(decoded.image, THUMBNAIL)
        self._sum += np.asarray(decoded.image.convert("RGB").resize((1, 1)), dtype=float).ravel()
        self._count += 1
        known = label in self._kept or len(self._kept) < MOST_LABELS
        if known and len(self._kept[label]) < OF_A_LABEL:
            self._kept[label].append(small)

    def named(self, labels: Sequence[str]) -> list[str]:
        """The labels of the rows of the sheet."""
        return sorted(label for label in self._kept if not labels or label in labels)

    def pictures(self, labels: Sequence[str]) -> NDArray[np.uint8]:
        """[labels, OF_A_LABEL, side, side, 3]; white where a label has fewer pictures."""
        names = self.named(labels)
        shape = (len(names), OF_A_LABEL, THUMBNAIL, THUMBNAIL, 3)
        found = np.full(shape, 255, dtype=np.uint8)
        for row, name in enumerate(names):
            for column, small in enumerate(self._kept[name]):
                found[row, column] = small
        return found

    def sizes(self) -> list[list[int]]:
        """The ten most frequent sizes: width, height, pictures."""
        return [[*size, count] for size, count in self._sizes.most_common(10)]

    def means(self) -> list[float]:
        """The mean of each channel over all pictures, from 0 to 255."""
        return [round(float(each), 2) for each in self._sum / max(1, self._count)]


def _read(
    images: Images | ImageData,
    source: Source,
    notices: Notices,
    sheet: _Sheet,
    monitor: Monitor,
) -> list[_Row]:
    """Check all pictures.

    Raises:
        StageError: with all that are not valid, and the error that ended the reading.
    """
    rows: list[_Row] = []
    mistakes: list[str] = []
    most = images.max_pictures if isinstance(images, Images) else 0
    try:
        for picture in islice(pictures(source, images.columns, monitor.progress), most or None):
            try:
                row = _checked(picture, images, notices, sheet)
            except StageError as error:
                mistakes.append(str(error))
                continue
            if row is not None:
                rows.append(row)
    except StageError as error:
        mistakes.append(str(error))
    if mistakes:
        told = [f"{images.part}.source: {len(mistakes):,} of the pictures cannot be used:"]
        told += [f"  {line}" for line in mistakes[:MISTAKES_TOLD]]
        more = len(mistakes) - MISTAKES_TOLD
        told += [f"  and {more:,} more"] if more > 0 else []
        raise StageError("\n".join([*told, "Fix or remove these files and rows"]))
    return rows


def _checked(
    picture: Picture, images: Images | ImageData, notices: Notices, sheet: _Sheet
) -> _Row | None:
    if picture.problem:
        raise StageError(f"{picture.where}: {picture.problem}")
    decoded = decode(picture.data, picture.where, LEAST)
    label: str | None = NO_LABEL if picture.label is None else str(picture.label)
    if isinstance(images, ImageData):
        label = pictures_of(images.problem).answer(picture, images, notices)
    if label is None:
        return None
    for what in decoded.notices:
        notices.add(what, picture.name)
    sheet.add(label, decoded)
    group = picture.group or _by_pattern(picture.name, images, notices)
    key = likeness(decoded.image, picture.data)
    return _Row(picture.name, picture.split, group, label, key)


def _by_pattern(name: str, images: Images | ImageData, notices: Notices) -> str:
    """The group of a picture by its name; "" if there is no pattern or no match."""
    if not images.group_pattern:
        return ""
    match = re.search(images.group_pattern, name)
    if match is None:
        notices.add("pictures whose name group_pattern does not match: each is a group", name)
    return match[1] if match else ""


def _assign(images: Images | ImageData, rows: Sequence[_Row], seed: int) -> None:
    """Give each picture a split: its own, or by a hash where the source does not have it."""
    given = {row.given for row in rows}
    test = 0.0
    if isinstance(images, ImageData) and "test" not in given:
        test = images.test_share
    validation = 0.0 if "validation" in given else images.validation_share
    if test + validation >= 1:
        raise StageError(
            f"{images.part}: test_share {test:g} and validation_share {validation:g} leave nothing "
            "to train on; their sum must be below 1"
        )
    for row in rows:
        if row.given in ("validation", "test"):
            row.split = row.given
            continue
        position = share(seed, row.document)
        row.split = "train"
        if position < test:
            row.split = "test"
        elif position < test + validation:
            row.split = "validation"
    _fill(rows, seed, validation > 0)
    if not isinstance(images, ImageData):  # pre-training does not look at a test split
        for row in rows:
            row.split = "" if row.split == "test" else row.split


def _fill(rows: Sequence[_Row], seed: int, is_taken: bool) -> None:
    """Give an empty validation split the training document with the smallest hash, if it is taken.

    Of a few pictures, a small share may be none.
    """
    learnt = {row.document for row in rows if row.split == "train"}
    if not is_taken or len(learnt) < 2 or any(row.split == "validation" for row in rows):
        return
    first = min(learnt, key=lambda document: share(seed, document))
    for row in rows:
        if row.document == first and row.split == "train":
            row.split = "validation"


def _leave_out_tested(rows: Sequence[_Row], held_out: Sequence[Path], notices: Notices) -> None:
    tested: set[bytes] = set()
    for path in held_out:
        tested |= {bytes(key) for key in pq.read_table(path).column("key").to_pylist()}
    if held_out:
        notices.add(TESTED, count=0)
    for row in rows:
        if row.split and row.key in tested:
            row.split = ""
            notices.add(TESTED, row.image)


def _settle_overlaps(images: Images | ImageData, rows: Sequence[_Row], notices: Notices) -> None:
    """Leave pictures out of training, or of validation, that are also in a split before it.

    Raises:
        StageError: there are any, and `overlap` is "error".
    """
    before: dict[str | bytes, str] = {}
    found: Counter[str] = Counter()
    examples: list[str] = []
    for split in reversed(_splits(images)):
        own: dict[str | bytes, str] = {}
        for row in rows:
            if row.split != split:
                continue
            keys: list[str | bytes] = [row.key, *([row.group] if row.group else [])]
            if copied := [before[key] for key in keys if key in before]:
                found[split] += 1
                examples.append(f"  {row.image} ({split}) and {copied[0]}")
                notices.add(COPIED, f"{row.image} and {copied[0]}")
                row.split = ""
            else:
                own |= dict.fromkeys(keys, f"{row.image} ({split})")
        before |= own
    if found and images.overlap == "error":
        counts = "; ".join(f"{count:,} of {split}" for split, count in found.items())
        raise StageError(
            f"{images.part}: pictures are in two splits, as copies by a perceptual hash or by "
            f"their group ({counts}), such as\n" + "\n".join(examples[:3]) + "\nRemove them, or "
            f"leave them out with {images.part}.overlap: drop"
        )


def _require(
    images: Images | ImageData, source: Source, rows: Sequence[_Row], counts: Mapping[str, int]
) -> None:
    empty = [split for split, count in counts.items() if not count]
    if empty:
        told = ", ".join(f"{split} {count:,}" for split, count in counts.items())
        raise StageError(
            f"{images.part}: the {empty[0]} split of {source.location} is empty ({told} pictures, "
            f"of {len({row.document for row in rows}):,} groups); it needs more pictures, folders "
            "named train, validation and test, or another share"
        )
    tested = len({row.document for row in rows if row.split == "test"})
    if "test" in counts and tested < FEWEST_TESTED:
        raise StageError(
            f"{images.part}: the test split of {source.location} is one group of pictures; "
            f"intervals need at least {FEWEST_TESTED}. Raise test_share, or add groups"
        )


def _count_copies(rows: Sequence[_Row], notices: Notices) -> int:
    seen: set[tuple[str, bytes]] = set()
    notices.add(REPEATED, count=0)
    for row in rows:
        if not row.split:
            continue
        if (row.split, row.key) in seen:
            notices.add(REPEATED, row.image)
        seen.add((row.split, row.key))
    return notices.counts[REPEATED]


def _note_splits(
    images: Images | ImageData,
    rows: Sequence[_Row],
    counts: Mapping[str, int],
    notices: Notices,
) -> None:
    given = {row.given for row in rows}
    for split in _splits(images)[1:]:
        if split not in given:
            value = getattr(images, f"{split}_share")
            what = f"{split} pictures taken from the training pictures, as the source has none"
            notices.add(f"{what} ({split}_share is {value:g})", count=counts[split])


def _labels(
    images: Images | ImageData, balance: Mapping[str, Counter[str]], rows: int
) -> list[str]:
    """The labels to learn; of pre-training those of the training pictures, if any."""
    if isinstance(images, ImageData):
        return pictures_of(images.problem).labels(images, balance, rows)
    return sorted(balance["train"])


def _write(rows: Sequence[_Row], source: Source, labels: Sequence[str], out: Path) -> None:
    with TableWriter(out / "pictures.parquet", COLUMNS) as table:
        for row in rows:
            values = {
                "image": row.image,
                "split": row.split,
                "group": row.document,
                "label": row.label,
            }
            table.write(values, 2 * len(row.image))
    with TableWriter(out / "held_out.parquet", {"key": "bytes"}) as table:
        for key in sorted({row.key for row in rows if row.split == "test"}):
            table.write({"key": key}, len(key))
    text = json.dumps(list(labels), ensure_ascii=False)
    (out / "labels.json").write_text(text + "\n", encoding="utf-8")
    written = sum(bool(row.split) for row in rows)
    write_dataset_file(out, source.name, COLUMNS, written)
