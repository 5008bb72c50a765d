"""What fine-tuning can solve: a folder for each problem, which says everything about it.

A problem `a-b` is the folder `tasks/problems/a_b/`. To add one, write four files there:

    __init__.py    what it is: the names of `Description`. Light: plans, tables and pages read it
    rows.py        the names of `Shape` (data/rows.py): what a valid row is (stage dataset)
    model.py       rows to batches, logits to answers (training, evaluation, judgement)
    scores.py      answers to metrics; with model.py the names of `Problem`

Nothing else is touched: problems are found by their folders. The files are apart since they are in
the keys of other stages. This file imports nothing heavy.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from tasks.data.rows import Shape
    from tasks.data.text.length_buckets import Example
    from tasks.problems.weighted import Scores
    from tasks.training.flops import Product

Unit = Literal["share", "number", "nats"]


@dataclass(frozen=True)
class Metric:
    """What a number says.

    Attributes:
        words: its name as a person reads it.
        unit: `share` is read in percent, its differences in points; see `statistics/numbers.py`.
        better: which of two values is the better one.
    """

    words: str
    unit: Unit = "share"
    better: Literal["higher", "lower"] = "higher"

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is: a gain is positive with either."""
        return 1 if self.better == "higher" else -1


@dataclass(frozen=True)
class Parts:
    """What the results are broken down by.

    Attributes:
        name: what one part is called, such as `class`.
        metric: what is measured of each.
    """

    name: str
    metric: Metric


@dataclass(frozen=True)
class Head:
    """What of `transformers` answers the problem.

    Attributes:
        architecture: how the name of the model's class ends, such as `ForSequenceClassification`.
        problem_type: as in the configuration of `transformers`.
    """

    architecture: str
    problem_type: str


class Description(Protocol):
    """What a problem is: the names in the `__init__.py` of its folder.

    Attributes:
        INPUT: The column with what the model reads.
        TRUTH: The column with the right answer.
        ROWS: What a row is called, in the plural.
        METRICS: Its metrics by name.
        HEADLINE: The metric that a gain is measured in.
        PARTS: What results are broken down by; None for nothing.
        HEAD: What answers it.
        LIBRARIES: Distributions, beside those of training, whose versions can change a metric.
    """

    INPUT: str
    TRUTH: str
    ROWS: str
    METRICS: Mapping[str, Metric]
    HEADLINE: str
    PARTS: Parts | None
    HEAD: Head
    LIBRARIES: tuple[str, ...]


class Problem(Description, Protocol):
    """The names in `model.py` and `scores.py`; tables are as stage `dataset` writes them.

    Labels are the names that a model answers with; a problem without labels gets none.

    Attributes:
        CUT: What the `cut` of its examples counts.
        AUTO_MODEL: The class of `transformers` that makes the model.
        PIPELINE: The task of the `pipeline` of `transformers` that serves the model.
        INFERENCE: What its `pipeline` is called with when MLflow serves the model.
        LOSS: What the loss of a row is, as an axis of a figure is named.
    """

    CUT: str
    AUTO_MODEL: Any
    PIPELINE: str
    INFERENCE: Mapping[str, Any]
    LOSS: str

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
        """The rows as document, INPUT, gold, predicted, loss (of gold), and what else is known."""

    def majority(self, train: pd.DataFrame, test: pd.DataFrame) -> list[Any]:
        """Predictions for the test of a model that only knows what is most frequent."""

    def score(self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]) -> Scores:
        """The metrics by name, as functions of the rows' weights."""

    def errors(self, answers: pd.DataFrame) -> NDArray[np.float64]:
        """How wrong the answer to each row is, on any scale; 0 is right."""

    def describe(self, answer: Any) -> Described:
        """A row of `decide` for people."""

    def part_scores(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> Scores:
        """The metric of each part by the part's name; asked for only where PARTS is set."""

    def report(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> pd.DataFrame:
        """A row for each part: `class`, scores, `support`; asked for only where PARTS is set."""

    def confusion(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Parts, and how often each is predicted for each: shape (parts, parts), true first."""


@dataclass(frozen=True)
class Described:
    """An answer to a row, for people.

    Attributes:
        text: what the model read.
        truth: the right answer.
        answer: what the model answers.
        right: whether that is right.
        score: in words, how good it is.
    """

    text: str
    truth: str
    answer: str
    right: bool
    score: str


def names() -> tuple[str, ...]:
    """The names of all problems, as an experiment writes them: `text-classification`."""
    return choices.names("problems")


def module_of(problem: str) -> str:
    """The package of a problem."""
    return f"{__name__}.{problem.replace('-', '_')}"


def part_of(problem: str, part: str) -> str:
    """The module of a part of a problem: `rows`, `model` or `scores`."""
    return f"{module_of(problem)}.{part}"


def modules_of(problem: str) -> tuple[str, ...]:
    """The modules that `load` imports."""
    return tuple(part_of(problem, part) for part in ("model", "scores"))


def described(problem: str) -> Description:
    """What a problem is, by its name in the experiment; imports nothing heavy."""
    return cast(Description, importlib.import_module(module_of(problem)))


def load(problem: str) -> Problem:
    """Import a problem by its name in the experiment, such as `text-classification`."""
    found: dict[str, Any] = {}
    for module in (module_of(problem), *modules_of(problem)):
        found |= vars(importlib.import_module(module))
    return cast(Problem, SimpleNamespace(**found))


def shape_of(problem: str) -> Shape:
    """What the rows of a problem look like."""
    return cast("Shape", importlib.import_module(part_of(problem, "rows")))
