"""Pictures with a mask: which masks are valid, their classes, and how they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.contract import StageError
from tasks.data.images.decoding import Decoded
from tasks.data.images.framing import Frame
from tasks.data.images.masks import IGNORED, MOST_CLASSES, as_text, read_mask
from tasks.data.images.pixel_arrays import PixelFile
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts
from tasks.problems.class_labels import require_learnable
from tasks.problems.picture_rows import Keep

if TYPE_CHECKING:
    from tasks.data.images.picture import Picture
    from tasks.experiment.images.pictures import Pixels
    from tasks.experiment.images.problem import ImageData

ROLES = ("image", "mask")
NOTHING = "masks without a pixel that counts: all have the ignored number"
SHOWN = 8  # numbers in a message


def answer(picture: Picture, decoded: Decoded, data: ImageData, notices: Notices) -> str | None:
    """The numbers in the mask of a picture with their names, as JSON; None to leave it out.

    Raises:
        StageError: it has no mask, or one of another size, with unknown numbers, or in colours.
    """
    mask = picture.mask
    if mask is None:
        if data.missing_labels == "drop":
            notices.add("left out: pictures without a mask", picture.where)
            return None
        raise StageError(
            f"{picture.where}: the picture has no mask; accepted: folders images and masks with "
            "files of the same names, or a table with a column of masks. To leave such pictures "
            f"out: {data.part}.missing_labels: drop"
        )
    if mask.problem:
        raise StageError(f"{mask.where}: {mask.problem}")
    numbers = read_mask(mask.data, mask.where)
    high, wide = numbers.shape
    if (wide, high) != decoded.size:
        raise StageError(
            f"{mask.where}: the mask has {wide:,} × {high:,} pixels, and its picture "
            f"{decoded.size[0]:,} × {decoded.size[1]:,} (upright); accepted: masks of the size of "
            "their pictures"
        )
    found = [number for number in np.unique(numbers).tolist() if number != data.ignore]
    unknown = [number for number in found if data.classes and number >= len(data.classes)]
    if unknown:
        raise StageError(
            f"{mask.where}: the mask has the unknown numbers {', '.join(map(str, unknown[:SHOWN]))}"
            f"{' …' if len(unknown) > SHOWN else ''}; accepted: 0 to {len(data.classes) - 1} for "
            f"the {len(data.classes)} of {data.part}.classes"
            + (f", and {data.ignore}, which is ignored" if data.ignore >= 0 else "")
        )
    if not found:
        notices.add(NOTHING, mask.where)
    names = {str(number): data.classes[number] if data.classes else str(number) for number in found}
    return json.dumps(names, ensure_ascii=False)


def counted(answer: str) -> Iterable[str]:
    """The classes in a mask."""
    names: Mapping[str, str] = json.loads(answer)
    return names.values()


def labels(data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
    """The classes: as they are named, or the numbers in order.

    Raises:
        StageError: the training masks have fewer than two, or lack one, or two have one name.
    """
    field = f"{data.part}.classes"
    twice = sorted({name for name in data.classes if data.classes.count(name) > 1})
    if twice or any(not name.strip() for name in data.classes):
        raise StageError(
            f"{field}: found {twice[0] if twice else ''!r} {'twice' if twice else 'as a name'}; "
            "accepted: another name for each number"
        )
    found = list(data.classes) or sorted(counts["train"], key=int)
    if len(found) > MOST_CLASSES:
        raise StageError(f"{field}: {len(found)} classes; accepted: at most {MOST_CLASSES}")
    return require_learnable(found, counts, rows, part=data.part, field=field)


@contextmanager
def keeping(
    out: Path, counts: Mapping[str, int], pixels: Pixels, labels: Sequence[str]
) -> Iterator[Keep]:
    """Store the mask of each picture in SPLIT-masks.npy, and as the text of its row.

    Args:
        out: the folder.
        counts: pictures of each split.
        pixels: size and fit of what is stored.
        labels: the classes.

    Yields:
        What stores the mask of a picture of a split; it returns the text.
    """
    place = {name: i for i, name in enumerate(labels)}
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(PixelFile(out / f"{split}-masks.npy", count, pixels.size, 1))
            for split, count in counts.items()
        }

        def keep(split: str, picture: Picture, decoded: Decoded, answer: str) -> str:
            assert picture.mask is not None, picture.name
            to_place = np.full(256, IGNORED, dtype=np.uint8)
            for number, name in json.loads(answer).items():
                to_place[int(number)] = place[name]
            mask = to_place[read_mask(picture.mask.data, picture.mask.where)]
            square = Frame.of(*decoded.size, pixels.size, pixels.fit).square(mask)
            files[split].append(square[..., None])
            return as_text(square, labels)

        yield keep
