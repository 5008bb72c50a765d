"""What fine-tuning can solve: a folder for each problem, which says everything about it.

A problem `a-b` is the folder `tasks/problems/a_b/` with three files, apart since each is in other
keys: `rows.py` (stage dataset), `model.py` and `scores.py` (training, evaluation, judgement), which
together have the names of `Problem`. This file imports nothing heavy: plans read it.

To add one: write such a folder.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from tasks.data.rows import Shape
    from tasks.data.text.length_buckets import Example
    from tasks.training.flops import Product


class Problem(Protocol):
    """The names in the module of a problem; tables are as stage `dataset` writes them.

    Attributes:
        COLUMNS: The columns of its rows: the document, the input, the answer.
        METRICS: Its metrics by name, with the words a person reads.
        HEADLINE: The metric that a gain is measured in.
        ROWS: What a row is called, in the plural.
        CUT: What the `cut` of its examples counts.
        AUTO_MODEL: The class of `transformers` that makes the model.
        INFERENCE: What its `pipeline` is called with when MLflow serves the model.
    """

    COLUMNS: tuple[str, ...]
    METRICS: Mapping[str, str]
    HEADLINE: str
    ROWS: str
    CUT: str
    AUTO_MODEL: Any
    INFERENCE: Mapping[str, Any]

    def encode(self, rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
        """Rows as the model reads them, cut at the tokenizer's longest input."""

    def collate(self, examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
        """Examples as a batch: input_ids, attention_mask and labels."""

    def head(self, config: Any, batch: dict[str, torch.Tensor]) -> list[Product]:
        """The matrix products behind the encoder, with a batch."""

    def made_up(self, length: int) -> Example:
        """An example of so many tokens, each of them the number 0: to measure time with."""

    def texts(self, rows: pd.DataFrame) -> list[str]:
        """What a person would write to get a prediction for each row."""

    def decide(
        self,
        rows: pd.DataFrame,
        examples: Sequence[Example],
        logits: Sequence[NDArray[np.float32]],
        labels: Sequence[str],
    ) -> pd.DataFrame:
        """The rows as document, input, gold, predicted, probability (of that), loss (of gold)."""

    def majority(self, train: pd.DataFrame, test: pd.DataFrame) -> list[Any]:
        """Predictions for the test of a model that only knows what is most frequent."""

    def count(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> NDArray[np.int64]:
        """What each row adds to the sums that the metrics are made of: shape (rows, statistics)."""

    def measure(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The metrics from sums of shape (..., statistics); each of shape (...)."""

    def report(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> pd.DataFrame:
        """Precision, recall, F1 and support of each class."""

    def confusion(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Names, and how often each is predicted for each: shape (names, names), true first."""


def names() -> tuple[str, ...]:
    """The names of all problems, as an experiment writes them: `text-classification`."""
    return choices.names("problems")


def part_of(problem: str, part: str) -> str:
    """The module of a part of a problem: `rows`, `model` or `scores`."""
    return f"{__name__}.{problem.replace('-', '_')}.{part}"


def modules_of(problem: str) -> tuple[str, ...]:
    """The modules that `load` imports."""
    return tuple(part_of(problem, part) for part in ("model", "scores"))


def load(problem: str) -> Problem:
    """Import a problem by its name in the experiment, such as `text-classification`."""
    names: dict[str, Any] = {}
    for module in modules_of(problem):
        names |= vars(importlib.import_module(module))
    return cast(Problem, SimpleNamespace(**names))


def shape_of(problem: str) -> Shape:
    """What the rows of a problem look like."""
    return cast("Shape", importlib.import_module(part_of(problem, "rows")).SHAPE)
