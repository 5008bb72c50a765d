"""Pictures with a mask: which masks are valid, their classes, and how they are stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.data.images.decoding import Decoded
from tasks.data.images.framing import Frame
from tasks.data.images.masks import IGNORED, MOST_CLASSES, as_text, read_mask
from tasks.data.images.pixel_arrays import PixelFile
from tasks.data.images.regions import draw
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts
from tasks.problems.class_labels import require_learnable
from tasks.problems.picture_rows import Keep

if TYPE_CHECKING:
    from tasks.data.images.picture import MaskFile, Picture
    from tasks.experiment.images.pictures import Pixels
    from tasks.experiment.images.problem import ImageData

ROLES = ("image", "mask")
NOTHING = "left out: pictures whose masks have the ignored number alone"
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
            "files of the same names, a table with a column of masks, or COCO's polygons. To leave "
            f"such pictures out: {data.part}.missing_labels: drop"
        )
    if mask.problem:
        raise StageError(f"{mask.where}: {mask.problem}")
    if mask.regions is not None and picture.declared not in (None, decoded.size):
        raise StageError(
            f"{mask.where}: its regions are for {picture.declared[0]:,} × {picture.declared[1]:,} "
            f"pixels, and it has {decoded.size[0]:,} × {decoded.size[1]:,} (upright)"
        )
    numbers = _numbers(mask, decoded.size, notices)
    high, wide = numbers.shape
    if (wide, high) != decoded.size:
        raise StageError(
            f"{mask.where}: the mask has {wide:,} × {high:,} pixels, and its picture "
            f"{decoded.size[0]:,} × {decoded.size[1]:,} (upright); accepted: masks of the size of "
            "their pictures"
        )
    found = [number for number in np.unique(numbers).tolist() if number != data.ignore]
    drawn = mask.regions is not None
    given = _named(mask, found, data) if drawn else data.classes or mask.names
    unknown = [number for number in found if data.classes and number >= len(given)]
    if unknown:
        raise StageError(
            f"{mask.where}: the mask has the unknown numbers {', '.join(map(str, unknown[:SHOWN]))}"
            f"{' …' if len(unknown) > SHOWN else ''}; accepted: 0 to {len(data.classes) - 1} for "
            f"the {len(data.classes)} of {data.part}.classes"
            + (f", and {data.ignore}, which is ignored" if data.ignore >= 0 else "")
        )
    if not found:
        notices.add(NOTHING, mask.where)
        return None
    names = {str(n): given[n] if n < len(given) else str(n) for n in found}
    return json.dumps(names, ensure_ascii=False)


def _numbers(
    mask: MaskFile, size: tuple[int, int], notices: Notices | None = None
) -> NDArray[np.uint8]:
    """The numbers of a mask; of one that is no file, drawn at the size of its picture.

    Raises:
        StageError: it cannot be read, or has more categories than a pixel has numbers.
    """
    if mask.regions is None:
        return read_mask(mask.data, mask.where)
    if len(mask.names) > MOST_CLASSES:
        raise StageError(
            f"{mask.where}: {len(mask.names) - 1} categories; accepted: at most {MOST_CLASSES - 1}"
        )
    return draw(mask.regions, size, notices)


def _named(mask: MaskFile, found: Sequence[int], data: ImageData) -> Sequence[str]:
    """The names of a mask of regions, which has categories and not numbers.

    Raises:
        StageError: one is none of the classes that are given.
    """
    others = [mask.names[n] for n in found if data.classes and mask.names[n] not in data.classes]
    if others:
        raise StageError(
            f"{mask.where}: found the category {others[0]!r}; accepted: those of "
            f"{data.part}.classes: {', '.join(data.classes)}"
        )
    return mask.names


def counted(answer: str) -> Iterable[str]:
    """The classes in a mask."""
    names: Mapping[str, str] = json.loads(answer)
    return names.values()


def labels(data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
    """The classes: as they are named, or those of the source, the numbers in order.

    Raises:
        StageError: the training masks have fewer than two, or lack one, or two have one name.
    """
    field = f"{data.part}.classes"
    twice = sorted(name for name, count in Counter(data.classes).items() if count > 1)
    if twice or any(not name.strip() for name in data.classes):
        raise StageError(
            f"{field}: found {twice[0] if twice else ''!r} {'twice' if twice else 'as a name'}; "
            "accepted: another name for each number"
        )
    found = list(data.classes) or sorted(counts["train"], key=_in_order)
    if len(found) > MOST_CLASSES:
        raise StageError(f"{field}: {len(found)} classes; accepted: at most {MOST_CLASSES}")
    if len(found) < 2 and data.ignore >= 0:
        raise StageError(
            f"{data.part}: all pixels of the {rows:,} training masks have the same class"
            f"{''.join(f' ({name})' for name in found)}, but for those of {data.ignore}, which is "
            "ignored; at least two classes are needed. Where the number is a class, as in masks "
            f"of 0 and 255: {data.part}.ignore: -1"
        )
    return require_learnable(found, counts, rows, part=data.part, field=field)


def _in_order(name: str) -> tuple[int, str]:
    """Numbers by their size, names by the alphabet."""
    return (int(name), "") if name.isdecimal() else (0, name)


@contextmanager
def keeping(
    out: Path,
    counts: Mapping[str, int],
    pixels: Pixels,
    labels: Sequence[str],
    notices: Notices,
) -> Iterator[Keep]:
    """Store the mask of each picture in SPLIT-masks.npy, and as the text of its row.

    Pixels that the square does not show are counted.

    Args:
        out: the folder.
        counts: pictures of each split.
        pixels: size and fit of what is stored.
        labels: the classes.
        notices: of what is cut off.

    Yields:
        What stores the mask of a picture of a split; it returns the text.
    """
    place = {name: i for i, name in enumerate(labels)}
    whole, cut = (np.zeros(IGNORED + 1, dtype=np.int64) for _ in range(2))
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
            mask = to_place[_numbers(picture.mask, decoded.size)]
            frame = Frame.of(*decoded.size, pixels.size, pixels.fit)
            square, shown = frame.square(mask), mask[frame.shown]
            areas = np.bincount(mask.ravel(), minlength=IGNORED + 1)
            whole[:] += areas
            if shown.size < mask.size:
                cut[:] += areas - np.bincount(shown.ravel(), minlength=IGNORED + 1)
            files[split].append(square[..., None])
            return as_text(square, labels)

        yield keep
    _note_cut(whole[: len(labels)], cut[: len(labels)], labels, notices)


def _note_cut(
    whole: NDArray[np.int64], cut: NDArray[np.int64], labels: Sequence[str], notices: Notices
) -> None:
    """Say how many pixels lie outside of the middle square, and of which classes the most."""
    if not cut.any():
        return
    shares = cut / np.maximum(whole, 1)
    order = np.argsort(-shares, kind="stable")[:SHOWN]
    told = ", ".join(f"{labels[i]} {shares[i]:.0%}" for i in order if cut[i])
    notices.add(
        "pixels of masks outside of the middle square of the picture, cut off (pixels.fit: stretch "
        f"keeps them): {cut.sum() / whole.sum():.0%} of all; {told}",
        count=int(cut.sum()),
    )
