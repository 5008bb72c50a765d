"""The shape of a problem's rows where they are pictures: the names in its `pictures.py`.

A problem whose rows are pictures has a `pictures.py` in the place of `rows.py`; all else is as
`tasks/problems/__init__.py` says. It states `READER = "AutoImageProcessor"` in its `model.py`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from tasks.problems import part_of

if TYPE_CHECKING:
    from tasks.data.images.picture import Picture
    from tasks.data.notices import Notices
    from tasks.data.rows import LabelCounts
    from tasks.experiment.images.problem import ImageData


class PictureShape(Protocol):
    """The names in the `pictures.py` of a problem.

    Attributes:
        ROLES: The roles of its columns, a tuple of names written in place.
    """

    ROLES: tuple[str, ...]

    def answer(self, picture: Picture, data: ImageData, notices: Notices) -> str | None:
        """The label of a picture; None to leave the picture out.

        Raises:
            StageError: it has none, or one that is not valid.
        """

    def labels(self, data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
        """The possible answers of a model, in the order of its outputs.

        Raises:
            StageError: a model cannot learn all labels from these pictures.
        """


def module_of_pictures(problem: str) -> str:
    """The module with the shape of a problem's rows."""
    return part_of(problem, "pictures")


def pictures_of(problem: str) -> PictureShape:
    """The shape of a problem's rows, which are pictures."""
    return cast(PictureShape, importlib.import_module(module_of_pictures(problem)))
