"""Stage `images`: pictures read, checked, labelled and split; every bad file is reported at once.

Pictures flow from the source one at a time. Memory contains a row of a table for each: its name,
its group, its label and a perceptual hash. Copies of a picture, by that hash, and pictures of one
group share a split.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from tasks.contract import Monitor, StageError
from tasks.data.images.decoding import Decoded, ahead, decode_picture
from tasks.data.images.likeness import likeness
from tasks.data.images.sheet import Sheet
from tasks.data.images.splitting import (
    PictureRow,
    assign,
    count_copies,
    fill_validation,
    leave_out_tested,
    settle_overlaps,
    splits_of,
)
from tasks.data.notices import Notices, report_remarks
from tasks.data.rows import FEWEST_TESTED
from tasks.data.tables import TableWriter, write_dataset_file, write_json
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData
from tasks.problems.class_labels import note_labels_alike, note_untested
from tasks.problems.picture_rows import pictures_of
from tasks.sources import Source
from tasks.sources.images import Picture, pictures

COLUMNS = {"image": "string", "split": "string", "group": "string", "label": "string"}
MISTAKES_TOLD = 20
LEAST = 64  # sides of a JPEG that is decoded to be checked, in pixels
NO_LABEL = ""


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
            the source, in its order; those left out have no split), labels.json, held_out.parquet
            (the hashes of test pictures), keys.parquet (that of each picture), dataset.json,
            tally.json and sheet.npy (small pictures for the page).
        monitor: Receives the progress and a summary.

    Returns:
        pictures, train_pictures, validation_pictures, test_pictures (of a problem), labels,
        copies (within a split) and dropped_pictures.

    Raises:
        StageError: files that are no pictures or are damaged (all of them, by name), a picture
            without the label that the problem needs, copies in two splits where `overlap` is
            "error", an empty split.
    """
    notices, sheet = Notices(), Sheet()
    rows = _read(images, source, notices, sheet, monitor)
    assign(images, rows, seed, notices)
    leave_out_tested(rows, held_out, notices)
    fill_validation(images, rows, seed)
    settle_overlaps(images, rows, notices)
    counts = {split: sum(row.split == split for row in rows) for split in splits_of(images)}
    _require(images, source, rows, counts)
    repeated = count_copies(rows, notices)
    _note_splits(images, rows, counts, notices)
    found = _counted(images)
    balance = {
        split: Counter(name for row in rows if row.split == split for name in found(row.label))
        for split in counts
    }
    note_labels_alike(balance, notices)
    note_untested(balance, notices)
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


def _read(
    images: Images | ImageData,
    source: Source,
    notices: Notices,
    sheet: Sheet,
    monitor: Monitor,
) -> list[PictureRow]:
    """Check all pictures.

    Raises:
        StageError: with all that are not valid, and the error that ended the reading.
    """
    rows: list[PictureRow] = []
    mistakes: list[str] = []
    most = images.max_pictures if isinstance(images, Images) else 0
    found = islice(pictures(source, images.columns, monitor.progress), most or None)
    try:
        for picture, decoded in ahead(functools.partial(decode_picture, least=LEAST), found):
            try:
                row = _checked(picture, decoded(), images, notices, sheet)
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
    picture: Picture, decoded: Decoded, images: Images | ImageData, notices: Notices, sheet: Sheet
) -> PictureRow | None:
    label: str | None = NO_LABEL if picture.label is None else str(picture.label)
    if isinstance(images, ImageData):
        label = pictures_of(images.kind).answer(picture, decoded, images, notices)
    if label is None:
        return None
    for what in decoded.notices:
        notices.add(what, picture.name)
    names = [*_counted(images)(label)]
    sheet.add(names[-1] if names else NO_LABEL, decoded)  # of classes, the first is the background
    group = picture.group or _by_pattern(picture.name, images, notices)
    key = likeness(decoded.image, picture.data)
    return PictureRow(picture.name, picture.split, group, label, key)


def _counted(images: Images | ImageData) -> Callable[[str], Iterable[str]]:
    """What tells the labels in an answer; before pre-training, the answer is one, or empty."""
    if isinstance(images, ImageData):
        return pictures_of(images.kind).counted
    return lambda label: (label,) if label else ()


def _by_pattern(name: str, images: Images | ImageData, notices: Notices) -> str:
    """The group of a picture by its name; "" if there is no pattern or no match."""
    if not images.group_pattern:
        return ""
    match = re.search(images.group_pattern, name)
    if match is None:
        notices.add("pictures whose name group_pattern does not match: each is a group", name)
    return match[1] if match else ""


def _require(
    images: Images | ImageData,
    source: Source,
    rows: Sequence[PictureRow],
    counts: Mapping[str, int],
) -> None:
    empty = [split for split, count in counts.items() if not count]
    if empty:
        told = ", ".join(f"{split} {count:,}" for split, count in counts.items())
        raise StageError(
            f"{images.part}: the {empty[0]} split of {source.location} is empty ({told} pictures, "
            f"of {len({row.document for row in rows}):,} groups); it needs more pictures, folders "
            f"named train, validation and test, or {_other_share(images.part, empty[0])}"
        )
    tested = len({row.document for row in rows if row.split == "test"})
    if "test" in counts and tested < FEWEST_TESTED:
        raise StageError(
            f"{images.part}: the test split of {source.location} is one group of pictures; "
            f"intervals need at least {FEWEST_TESTED}. Raise test_share, or add groups"
        )


def _other_share(part: str, empty: str) -> str:
    """The field that gives an empty split pictures."""
    if empty == "train":
        return f"a smaller {part}.validation_share"
    return f"a larger {part}.{empty}_share"


def _note_splits(
    images: Images | ImageData,
    rows: Sequence[PictureRow],
    counts: Mapping[str, int],
    notices: Notices,
) -> None:
    given = {row.given for row in rows}
    for split in splits_of(images)[1:]:
        if split not in given:
            value = getattr(images, f"{split}_share")
            what = f"{split} pictures taken from the training pictures, as the source has none"
            notices.add(f"{what} ({split}_share is {value:g})", count=counts[split])


def _labels(
    images: Images | ImageData, balance: Mapping[str, Counter[str]], rows: int
) -> list[str]:
    """The labels to learn; of pre-training those of the training pictures, if any."""
    if isinstance(images, ImageData):
        return pictures_of(images.kind).labels(images, balance, rows)
    return sorted(balance["train"])


def _write(rows: Sequence[PictureRow], source: Source, labels: Sequence[str], out: Path) -> None:
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
    columns = {"image": "string", "split": "string", "key": "bytes"}
    with TableWriter(out / "keys.parquet", columns) as table:
        for row in rows:
            table.write({"image": row.image, "split": row.split, "key": row.key}, len(row.key))
    text = json.dumps(list(labels), ensure_ascii=False)
    (out / "labels.json").write_text(text + "\n", encoding="utf-8")
    written = sum(bool(row.split) for row in rows)
    write_dataset_file(out, source.name, COLUMNS, written)
