"""Which picture is in which split: copies and groups share one, test pictures are not learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Split
from tasks.data.same_text import share
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData

SPLITS = ("train", "validation", "test")
OWN_TEST = "left out: pictures of the test split that the source has"
COPIED = "left out: pictures of which another split has a copy or the same group"
TESTED = "left out: pictures of which a test split has a copy"
REPEATED = "copies of another picture of their split, by a perceptual hash"


@dataclass
class PictureRow:
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


def splits_of(images: Images | ImageData) -> tuple[str, ...]:
    """The splits that are written: pre-training has no test."""
    return SPLITS if isinstance(images, ImageData) else SPLITS[:2]


def assign(
    images: Images | ImageData, rows: Sequence[PictureRow], seed: int, notices: Notices
) -> None:
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
    # Pre-training takes it from the other end: its pictures may be those of a problem, too, whose
    # test pictures are left out of it.
    begin = test if isinstance(images, ImageData) else 1 - validation
    for row in rows:
        if row.given in ("validation", "test"):
            row.split = row.given
            continue
        position = share(seed, row.document)
        row.split = "train"
        if position < test:
            row.split = "test"
        elif begin <= position < begin + validation:
            row.split = "validation"
    if not isinstance(images, ImageData):  # pre-training does not look at a test split
        for row in rows:
            if row.split == "test":
                row.split = ""
                notices.add(OWN_TEST, row.image)


def fill_validation(images: Images | ImageData, rows: Sequence[PictureRow], seed: int) -> None:
    """Give an empty validation split the training document with the largest hash, if it is taken.

    Of a few pictures, a small share may be none.
    """
    learnt = {row.document for row in rows if row.split == "train"}
    is_taken = images.validation_share > 0 and all(row.given != "validation" for row in rows)
    if not is_taken or len(learnt) < 2 or any(row.split == "validation" for row in rows):
        return
    first = max(learnt, key=lambda document: share(seed, document))
    for row in rows:
        if row.document == first and row.split == "train":
            row.split = "validation"


def leave_out_tested(
    rows: Sequence[PictureRow], held_out: Sequence[Path], notices: Notices
) -> None:
    """Leave out pictures of which a test split has a copy.

    Args:
        rows: all pictures; those that are left out lose their split.
        held_out: `held_out.parquet` of each problem.
        notices: receives what is left out.
    """
    tested: set[bytes] = set()
    for path in held_out:
        tested |= {bytes(key) for key in pq.read_table(path).column("key").to_pylist()}
    if held_out:
        notices.add(TESTED, count=0)
    for row in rows:
        if row.split and row.key in tested:
            row.split = ""
            notices.add(TESTED, row.image)


def settle_overlaps(
    images: Images | ImageData, rows: Sequence[PictureRow], notices: Notices
) -> None:
    """Leave pictures out of training, or of validation, that are also in a split before it.

    Raises:
        StageError: there are any, and `overlap` is "error".
    """
    before: dict[str | bytes, str] = {}
    found: Counter[str] = Counter()
    examples: list[str] = []
    for split in reversed(splits_of(images)):
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


def count_copies(rows: Sequence[PictureRow], notices: Notices) -> int:
    """How many pictures are copies of another one of their split, which stays."""
    seen: set[tuple[str, bytes]] = set()
    notices.add(REPEATED, count=0)
    for row in rows:
        if not row.split:
            continue
        if (row.split, row.key) in seen:
            notices.add(REPEATED, row.image)
        seen.add((row.split, row.key))
    return notices.counts[REPEATED]
