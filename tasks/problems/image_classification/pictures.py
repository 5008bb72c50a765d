"""Pictures with a label: which are valid, and the labels of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts, Row
from tasks.problems.class_labels import read_label, require_learnable

if TYPE_CHECKING:
    from tasks.data.images.decoding import Decoded
    from tasks.data.images.picture import Picture
    from tasks.experiment.images.problem import ImageData

ROLES = ("image", "label")


def answer(picture: Picture, decoded: Decoded, data: ImageData, notices: Notices) -> str | None:
    """The label of a picture, normalized; None to leave the picture out.

    Raises:
        StageError: it has none.
    """
    if picture.label is None:
        raise StageError(
            f"{picture.where}: the picture has no label; accepted: pictures in folders by class, "
            "or a table with a column of labels"
        )
    values: Mapping[str, Any] = {data.columns.label: picture.label}
    given: Any = data  # it has the fields of labelled texts that count here
    return read_label(Row(picture.split, "", values, picture.where), given, notices)


def counted(answer: str) -> Iterable[str]:
    """The label."""
    return (answer,)


def labels(data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order.

    Raises:
        StageError: the training pictures have fewer than two, or lack one.
    """
    field = f"{data.part}.columns.label"
    return require_learnable(sorted(counts["train"]), counts, rows, part=data.part, field=field)
