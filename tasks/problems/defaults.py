"""The names of a problem that may be missing, and what holds then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.experiment.problem import FineTuning


RELABELS = True  # the last dimension of the model's logits has a place for each label
SMOOTHS = False  # whether a loss of its own is the cross-entropy of labels: class_loss.py fits
READER = "AutoTokenizer"  # the class of `transformers` that reads a model's inputs


def complete(rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
    """The rows as they are: their table has all inputs."""
    return rows


def keep(rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
    """Nothing: the table of answers has all inputs."""


def configure(tokenizer: Any, training: FineTuning, train: Path) -> None:
    """Nothing: the longest input of the tokenizer is all that counts."""


def learnt(rows: pd.DataFrame, train: pd.DataFrame, model: Any) -> pd.DataFrame:
    """The rows as they are written."""
    return rows


def finish(model: Any, train: pd.DataFrame) -> None:
    """Nothing to do: the model answers as the rows are written."""


def any_truth(given: Any, labels: Sequence[str]) -> Any:
    """The first label, or one for each word."""
    return [labels[0]] * len(given) if isinstance(given, list) else labels[0]


def logits(model: Any, inputs: Any) -> Any:
    """The logits of the model's only output."""
    return model(**inputs).logits


def together(scores: Any) -> Any:
    """The mean of the scores of a row's windows, which are on the last axis but one."""
    return scores.mean(-2)


def loss(model: Any, batch: Any) -> Any:
    """The loss of the model's own head, such as the cross-entropy in nats."""
    return model(**batch).loss.float()


def constant(majority: Sequence[Any]) -> str:
    """The answer to the first row, or to each of its words."""
    first: Any = majority[0]
    if isinstance(first, Sequence) and not isinstance(first, str):
        return ", ".join(dict.fromkeys(map(str, first))) or "nothing"
    return f"{first:.4g}" if isinstance(first, float) else str(first)


def points(gold: Iterable[Any], predicted: Iterable[Any]) -> list[tuple[float, float]]:
    """None: the answers are no numbers."""
    return []
