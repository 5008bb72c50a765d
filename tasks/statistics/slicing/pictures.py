"""What pictures are split by, to see where a model is worse: the names in a problem's `sliced.py`.

A problem without that file has `label` and `brightness` (the mean of the pixels); one whose answers
have an area, or are stored in another form than stage `images` writes them, has the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.contract import StageError
from tasks.problems import part_of
from tasks.problems.picture_rows import module_of_pictures

if TYPE_CHECKING:  # plans import this module
    import pandas as pd

    from tasks.data.images.pixel_arrays import Pixels

LABEL, BRIGHTNESS, SIZE = "label", "brightness", "size"


class SlicedPictures(Protocol):
    """The names in the `sliced.py` of a problem of pictures.

    Attributes:
        SLICES: what its pictures can be split by.
    """

    SLICES: tuple[str, ...]

    def labels_of(self, text: str) -> list[str]:
        """The labels in an answer, as the table of stage `pixels` has it."""

    def size_of(self, text: str) -> float:
        """Optional: the area of what an answer shows, in pixels of the stored square."""


def modules_of_slices(problem: str) -> tuple[str, ...]:
    """The modules that `load_sliced` imports."""
    module = part_of(problem, "sliced")
    return (module,) if find_spec(module) is not None else (module_of_pictures(problem),)


def load_sliced(problem: str) -> SlicedPictures:
    """Import what pictures of a problem are split by."""
    [module] = modules_of_slices(problem)
    found = importlib.import_module(module)
    if hasattr(found, "SLICES"):
        return cast(SlicedPictures, found)
    usual = {"SLICES": (LABEL, BRIGHTNESS), "labels_of": lambda text: list(found.counted(text))}
    return cast(SlicedPictures, SimpleNamespace(**usual))


def require_slices(problem: str, names: Sequence[str], field: str) -> None:
    """Check that pictures can be split by all of some names.

    Raises:
        StageError: not by one of them.
    """
    for name in names:
        accepted = load_sliced(problem).SLICES
        if name not in accepted:
            raise StageError(
                f"{field}: found {name!r}; accepted with {problem}: {', '.join(accepted)}"
            )


def values_of(problem: str, name: str, rows: pd.DataFrame, pixels: Pixels) -> list[Any]:
    """The value of each picture; of labels, the list of those that it has.

    Args:
        problem: of the pictures.
        name: one of its SLICES.
        rows: label and place of each picture.
        pixels: [pictures, size, size, channels] by place.
    """
    sliced = load_sliced(problem)
    if name == BRIGHTNESS:
        return [round(float(pixels[place].mean()) / 255, 3) for place in rows["place"]]
    if name == SIZE:
        return [round(sliced.size_of(text), 1) for text in rows["label"]]
    return [list(dict.fromkeys(sliced.labels_of(text))) for text in rows["label"]]
