"""The columns of a source by which results are split, beside those of the rows. Imports are light.

`length` and `label` are computed; any other name is a column of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Columns, Shape
from tasks.experiment.problem import LabelledData

LENGTH, LABEL = "length", "label"
COMPUTED = (LENGTH, LABEL)


def columns_read(names: Sequence[str], labelled: LabelledData, shape: Shape) -> Columns:
    """The columns of the rows, and those of `names` that are not computed."""
    usual = shape.columns(labelled)
    more = tuple(Column(name, _field(labelled)) for name in names if name not in COMPUTED)
    return Columns((*usual.needed, *more), usual.document, usual.split, usual.passage)


def require_column(
    names: Sequence[str], values: Mapping[str, Any], labelled: LabelledData, location: str
) -> None:
    """Check that a row has the columns: a source that is built in reads none that it is told.

    Raises:
        StageError: it lacks one.
    """
    for name in names:
        if name not in COMPUTED and name not in values:
            raise StageError(
                f"{_field(labelled)}: {location} has no column {name!r}; accepted: "
                f"{', '.join(COMPUTED)}, or a column of the rows ({', '.join(values)})"
            )


def require_labels(names: Sequence[str], labelled: LabelledData, shape: Shape) -> None:
    """Check that there are labels to slice by, if that is asked for.

    Raises:
        StageError: the answers of the problem are no labels.
    """
    if LABEL in names and not shape.LABELS:
        raise StageError(
            f"{_field(labelled)}: found {LABEL!r}, but {labelled.kind} has no labels; accepted: "
            f"{LENGTH}, or a column of the rows"
        )


def _field(labelled: LabelledData) -> str:
    return f"downstream.{labelled.name}.slices"
