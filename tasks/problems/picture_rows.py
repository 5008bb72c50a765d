"""The shape of a problem's rows where they are pictures: the names in its `pictures.py`.

A problem whose rows are pictures has a `pictures.py` in the place of `rows.py`; all else is as
`tasks/problems/__init__.py` says. It states `READER = "AutoImageProcessor"` in its `model.py`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices
from tasks.problems import described, part_of

if TYPE_CHECKING:
    from tasks.data.images.decoding import Decoded
    from tasks.data.images.picture import Picture
    from tasks.data.notices import Notices
    from tasks.data.rows import LabelCounts
    from tasks.experiment.images.pictures import Pixels
    from tasks.experiment.images.problem import ImageData

Keep = Callable[[str, "Picture", "Decoded", str], str]
"""Keeps the answer to a picture of a split; returns it as the text of its row."""


class PictureShape(Protocol):
    """The names in the `pictures.py` of a problem.

    Attributes:
        ROLES: The roles of its columns, a tuple of names written in place.
        MEASURED: Optional: how the files of `keeping` are called that evaluations alone read,
            behind the name of a split; a tuple written in place too, since plans read it.
    """

    ROLES: tuple[str, ...]

    def answer(
        self, picture: Picture, decoded: Decoded, data: ImageData, notices: Notices
    ) -> str | None:
        """The answer to a picture, as text; None to leave the picture out.

        Raises:
            StageError: it has none, or one that is not valid.
        """

    def counted(self, answer: str) -> Iterable[str]:
        """The labels in an answer."""

    def labels(self, data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
        """The possible answers of a model, in the order of its outputs.

        Raises:
            StageError: a model cannot learn all labels from these pictures.
        """

    def keeping(
        self,
        out: Path,
        counts: Mapping[str, int],
        pixels: Pixels,
        labels: Sequence[str],
        notices: Notices,
    ) -> AbstractContextManager[Keep]:
        """Optional: what keeps answers that move with the pixels of a picture, in a folder.

        It counts in the notices what of the answers is lost.
        The files that it writes there for each split are the `BESIDE` of the problem.
        """


def module_of_pictures(problem: str) -> str:
    """The module with the shape of a problem's rows."""
    return part_of(problem, "pictures")


def pictures_of(problem: str) -> PictureShape:
    """The shape of a problem's rows, which are pictures."""
    return cast(PictureShape, importlib.import_module(module_of_pictures(problem)))


def beside(problem: str) -> tuple[str, ...]:
    """How the files are called that are stored of a split beside its pixels, behind its name."""
    found: tuple[str, ...] = getattr(described(problem), "BESIDE", ())
    return found


def measured(problem: str) -> tuple[str, ...]:
    """How the files beside the pixels are called that evaluations alone read: `MEASURED`."""
    return choices.words_of("problems", problem, "MEASURED")


def moves(problem: str) -> bool:
    """Whether the answers of a problem move with the pixels, so that stage `pixels` keeps them."""
    return hasattr(described(problem), "BESIDE")


@contextmanager
def keeping(
    problem: str,
    out: Path,
    counts: Mapping[str, int],
    pixels: Pixels,
    labels: Sequence[str],
    *,
    notices: Notices,
) -> Iterator[Keep]:
    """What keeps the answers of a problem; of one whose answers do not move, they stay."""
    if not problem:
        yield lambda _split, _picture, _decoded, answer: answer
        return
    with pictures_of(problem).keeping(out, counts, pixels, labels, notices) as keep:
        yield keep


def move_of(problem: Any) -> Callable[[Any, Any], Any]:
    """How the answers of a batch move with its pictures: `move` in `model.py`, if there is one.

    `move(batch, maps)` is given a batch of `collate`, and the maps of its pictures, of shape
    [pictures, 2, 3], as of `Augmenter.maps`.
    """
    found: Callable[[Any, Any], Any] = getattr(problem, "move", lambda batch, _maps: batch)
    return found


def counts_of(problem: Any, otherwise: Callable[[Any], dict[str, int]]) -> Callable[[Any], Any]:
    """The count that the loss of a batch is a mean over: `counts` in `model.py`, if there is one.

    `counts(batch)` is given a batch of `collate`, and returns `{"loss": number}`, for parts too.
    """
    found: Callable[[Any], Any] = getattr(problem, "counts", otherwise)
    return found


def whole_of(problem: Any) -> Callable[[Any, Any], Any]:
    """How an answer in a square is one in its picture: `whole` in `model.py`, if there is one.

    `whole(answer, frame)` is given an answer of `decide` and a `Frame`.
    """
    found: Callable[[Any, Any], Any] = getattr(problem, "whole", lambda answer, _frame: answer)
    return found
