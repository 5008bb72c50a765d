"""Pictures with any number of labels: which are valid, and the labels of a data set.

Labels are written as those of texts (`tasks/problems/several_labels/rows.py`): a list, or a text
with a mark between labels. A picture in a folder by class has the labels in the folder's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts, Row
from tasks.problems.class_labels import read_label, require_learnable
from tasks.problems.several_labels.rows import written_labels

if TYPE_CHECKING:
    from tasks.data.images.decoding import Decoded
    from tasks.data.images.picture import Picture
    from tasks.experiment.images.problem import ImageData

ROLES = ("image", "label")
_REPEATED = "pictures that name a label twice"


def answer(picture: Picture, decoded: Decoded, data: ImageData, notices: Notices) -> str | None:
    """The labels of a picture, normalized and in alphabetical order, as JSON; None to leave it out.

    Raises:
        StageError: it has none, they cannot be read, or what separates them is ambiguous.
    """
    if picture.label is None and data.missing_labels != "drop":
        raise StageError(
            f"{picture.where}: the picture has no label; accepted: pictures in folders by class, "
            "or a table with a column of labels, where an empty list or text means none of them. "
            f"To leave such pictures out: {data.part}.missing_labels: drop"
        )
    column = data.columns.label
    given: Any = data  # it has the fields of labelled texts that count here
    read = []
    written = Row(picture.split, "", {column: picture.label}, picture.where)
    for value in written_labels(written, column, notices):
        label = read_label(Row(picture.split, "", {column: value}, picture.where), given, notices)
        if label is None:
            return None
        read.append(label)
    if len(set(read)) < len(read):
        notices.add(_REPEATED, f"{picture.where}: {', '.join(read)}")
    return json.dumps(sorted(set(read)), ensure_ascii=False)


def counted(answer: str) -> Iterable[str]:
    """The labels."""
    found: list[str] = json.loads(answer)
    return found


def labels(data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order.

    Raises:
        StageError: the training pictures have fewer than two, or lack one.
    """
    field = f"{data.part}.columns.label"
    return require_learnable(sorted(counts["train"]), counts, rows, part=data.part, field=field)
