"""The names of a problem that may be missing, and what holds then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def learnt(rows: pd.DataFrame, train: pd.DataFrame, model: Any) -> pd.DataFrame:
    """The rows as they are written."""
    return rows


def finish(model: Any, train: pd.DataFrame) -> None:
    """Nothing to do: the model answers as the rows are written."""


def any_truth(given: Any, labels: Sequence[str]) -> Any:
    """The first label, or one for each word."""
    return [labels[0]] * len(given) if isinstance(given, list) else labels[0]


def points(gold: Iterable[Any], predicted: Iterable[Any]) -> list[tuple[float, float]]:
    """None: the answers are no numbers."""
    return []
