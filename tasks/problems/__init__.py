"""The problems that fine-tuning solves: one folder per problem, which defines it completely.

A problem `a-b` is the folder `tasks/problems/a_b/`.

To add one, write these files there, with the names at their top level that the classes list:

    __init__.py    its description: the names of `Description`. Light: plans and pages read it
    rows.py        the names of `Shape` (tasks/data/rows.py): what a valid row is. In the key of
                   stage `dataset` alone. Where rows are pictures, `pictures.py` in its place, with
                   the names of `PictureShape` (picture_rows.py)
    model.py       rows to batches, logits to answers; with scores.py the names of `Problem`
    scores.py      answers to metrics. Both are in the keys of fine-tuning (which validates),
                   evaluation and judgement
    served.py      optional, named by SERVED: how MLflow serves the model
    simple.py      optional, the names of `Simple`: the field's simple model, which the fine-tuned
                   one is compared with. In the key of stage `baseline` alone
    probabilities.py  optional, the names of `Probabilities`: metrics that need more than the
                   answers themselves. In the key of stage `evaluation` alone
    further.py     optional, the names of `Further` (tasks/statistics/further_metrics.py): metrics
                   beside those of the training. In the key of stage `evaluation` alone
    explained.py   optional, the names of `Explained` (tasks/models/explaining/explained.py): what
                   of an answer can be explained. In the key of stage `explanation` alone
    probed.py      optional, the names of `Probed` (tasks/models/learning/probed.py): what a linear
                   probe of a layer is. In the key of stage `probing` alone
    sliced.py      optional, of pictures, the names of `SlicedPictures`
                   (tasks/statistics/slicing/pictures.py): what they are split by

Nothing else changes: problems are found by their folders. `text_classification/` is an example
with labels, `regression/` one that predicts a number (no labels, metrics that are no sums),
`question_answering/` and `windows/` read a row in several examples, `generation/` writes texts;
tests go to `tests/problems/`. `pytest tests/problems/test_problems.py tests/flows/serving` checks
every problem; `pytest -k NAME tests/models tests/training tests/timing tests/tuning tests/pages`
checks what others ask of it. What `served.py` serves, and the `pipeline` of an exported model, is
to answer as `decide` does; `served.py` of an example may be copied whole. Of `Problem`, the names
in `defaults.py` may be missing; a simple model with READS_TRUTH is given the test rows with their
truth. The first sentence of the package is shown in forms. This file imports nothing heavy.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.data.results import Metric as Metric  # problems state their metrics with both
from tasks.data.results import Unit as Unit
from tasks.experiment import choices
from tasks.problems import defaults

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from tasks.data.rows import Shape
    from tasks.data.text.length_buckets import Example
    from tasks.experiment.problem import FineTuning
    from tasks.problems.calibration import Bin
    from tasks.problems.weighted import Scores
    from tasks.training.flops import Product


MADE_UP_LABELS = 2  # of a model that measures time
PROBABILITIES = "probabilities"  # the column of `decide` with a list a row: one for each label


@dataclass(frozen=True)
class Parts:
    """The breakdown of the results into parts.

    Attributes:
        name: the name of a part, such as `class`.
        metric: the metric of each part.
    """

    name: str
    metric: Metric


@dataclass(frozen=True)
class Head:
    """The model head of `transformers` for the problem.

    Attributes:
        architecture: the suffix of the model's class, such as `ForSequenceClassification`.
        problem_type: as in the configuration of `transformers`; "" where the class determines it.
        outputs: of a problem without labels, how many numbers the head gives.
        is_default: whether a published model with this head is taken to solve the problem; False
            where another problem has the same head.
    """

    architecture: str
    problem_type: str
    outputs: int = 1
    is_default: bool = True


class Description(Protocol):
    """The description of a problem: the names in the `__init__.py` of its folder.

    Attributes:
        INPUT: The column with the model's input. Where it always reads several columns, their names
            are INPUTS, with INPUT among them.
        TRUTH: The column with the correct answer.
        ROWS: The name of its rows, in the plural.
        METRICS: Its metrics by name, those of `probabilities.py` included.
        HEADLINE: The metric of gains.
        PARTS: The breakdown of results; None for none.
        HEAD: The model head. Several problems may have the same: a model states what it was
            fine-tuned for. A published model, which does not, is taken to solve the default one.
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

    Labels are the names of a model's answers; a problem without labels gets none.

    Attributes:
        CUT: The unit that `cut` of its examples counts.
        AUTO_MODEL: The class of `transformers` that creates the model.
        PIPELINE: The task of the `pipeline` of `transformers` that serves the model.
        INFERENCE: The arguments of its `pipeline` when MLflow serves the model.
        SERVED: The module that MLflow serves the model with instead of the pipeline, copied into
            the model; "" for none. Its `_load_pyfunc(path, model_config)` gets the folder of the
            model (`model/`, `components/tokenizer/`) and returns an object whose `predict(data)`
            answers a table of one column or a list of texts. It imports nothing of Temper.
        LOSS: The name of a row's loss, for the axis of a figure.
        SMOOTHS: Optional: whether `loss` is the cross-entropy of labels (of windows, with their
            weights), in place of which that of class_loss.py may be taken.
        READER: Optional: the class of `transformers` that reads a model's inputs.
        RELABELS: Optional: whether the last dimension of the model's logits has a place for each
            label, so that they can be put into another order.
    """

    CUT: str
    AUTO_MODEL: Any
    PIPELINE: str
    INFERENCE: Mapping[str, Any]
    SERVED: str
    LOSS: str
    SMOOTHS: bool
    READER: str
    RELABELS: bool

    def complete(self, rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
        """Optional: the rows of a split with the inputs that are stored beside their table."""

    def keep(self, rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
        """Optional: keep inputs of some answers in a folder, for the page of an evaluation."""

    def configure(self, tokenizer: Any, training: FineTuning, train: Path) -> None:
        """Optional: note in the tokenizer how to encode rows, beside its longest input.

        What is in its `init_kwargs` is written with it and read again. `train` is the file with all
        rows to train on, of which fewer may be used.
        """

    def encode(self, rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
        """The rows encoded for the model, truncated at the tokenizer's longest input.

        One example a row; or several, if a row is read in windows: `decide` then merges them.
        """

    def collate(self, examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
        """Examples as a batch: input_ids, attention_mask and labels."""

    def logits(self, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Optional: the model's outputs for a batch without labels, one for each example."""

    def together(self, scores: torch.Tensor) -> torch.Tensor:
        """Optional: outputs [..., windows, answers] of a row's windows as those of the row."""

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Optional: the loss to minimize, in fp32: a mean over `labels` but -100.

        A problem with one has neither label smoothing nor class weights, unless it SMOOTHS.
        """

    def head(self, config: Any, batch: dict[str, torch.Tensor]) -> list[Product]:
        """The matrix products of the head, for a batch."""

    def made_up(self, length: int) -> Example:
        """An example of `length` tokens with number 0, to measure time."""

    def texts(self, rows: pd.DataFrame) -> list[str]:
        """The text that a person would enter to get a prediction for each row."""

    def learnt(self, rows: pd.DataFrame, train: pd.DataFrame, model: Any) -> pd.DataFrame:
        """Optional: the rows as a model learns them, by what is known of the training rows."""

    def finish(self, model: Any, train: pd.DataFrame) -> None:
        """Optional: have a model that learnt such rows answer as the rows are written."""

    def decide(
        self,
        rows: pd.DataFrame,
        examples: Sequence[Example],
        logits: Sequence[NDArray[np.float32]],
        labels: Sequence[str],
    ) -> pd.DataFrame:
        """The rows as document, INPUT, gold, predicted, loss (of gold), and further columns.

        Examples and their logits are in the order of the rows. Of a problem with probabilities.py:
        also `probability`, of the answer, and PROBABILITIES, a list of floats for each row in the
        order of the labels; `Simple.answer` then returns the same table, not the answers alone.
        """

    def majority(self, train: pd.DataFrame, test: pd.DataFrame) -> list[Any]:
        """Predictions for the test split of always answering the most frequent label."""

    def constant(self, majority: Sequence[Any]) -> str:
        """Optional: what these predictions are, in words."""

    def score(self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]) -> Scores:
        """The metrics that answers and truths determine, as functions of the rows' weights."""

    def any_truth(self, given: Any, labels: Sequence[str]) -> Any:
        """Optional: any truth, for an input whose truth is unknown."""

    def points(self, gold: Iterable[Any], predicted: Iterable[Any]) -> list[tuple[float, float]]:
        """Optional: truth and answer of each row, for a scatter plot of numbers.

        Where answers have scores and no truth each, `curves(gold, predicted, labels)` may stand
        beside it: recall and precision of each part as its surest answers are taken first.
        """

    def errors(self, answers: pd.DataFrame) -> NDArray[np.float64]:
        """How wrong the answer to each row is, on any scale; 0 is right."""

    def describe(self, answer: Any) -> Described:
        """A row of `decide` for people."""

    def part_scores(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> Scores:
        """The metric of each part by the part's name; called only if PARTS is set."""

    def report(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> pd.DataFrame:
        """One row per part: `class`, scores, `support`; called only if PARTS is set."""

    def confusion(
        self, gold: Iterable[Any], predicted: Iterable[Any], labels: Sequence[str]
    ) -> tuple[list[str], NDArray[np.int64]]:
        """The parts and their confusion matrix: shape (parts, parts), true first.

        Called only if PARTS is set.
        """


@dataclass(frozen=True)
class Described:
    """An answer to a row, for people.

    Attributes:
        text: the model's input.
        truth: the correct answer.
        answer: the model's answer.
        right: whether it is correct.
        score: its quality, as text.
    """

    text: str
    truth: str
    answer: str
    right: bool
    score: str


def names() -> tuple[str, ...]:
    """The names of all problems, as an experiment writes them: `text-classification`."""
    return choices.names("problems")


def every() -> tuple[str, ...]:
    """The names of all problems, those of pictures included."""
    return (*names(), *choices.of_pictures())


def module_of(problem: str) -> str:
    """The package of a problem."""
    return f"{__name__}.{problem.replace('-', '_')}"


def part_of(problem: str, part: str) -> str:
    """The module of a part of a problem: `rows`, `model`, `scores` or `simple`."""
    return f"{module_of(problem)}.{part}"


def modules_of(problem: str) -> tuple[str, ...]:
    """The modules that `load` imports."""
    return tuple(part_of(problem, part) for part in ("model", "scores"))


def described(problem: str) -> Description:
    """The description of a problem, by its name in the experiment; imports nothing heavy."""
    return cast(Description, importlib.import_module(module_of(problem)))


def load(problem: str) -> Problem:
    """Import a problem by its name in the experiment, such as `text-classification`."""
    found: dict[str, Any] = dict(vars(defaults))
    for module in (module_of(problem), *modules_of(problem)):
        found |= vars(importlib.import_module(module))
    return cast(Problem, SimpleNamespace(**found))


class Simple(Protocol):
    """The names in `simple.py`: a model that is quick to train, and that an encoder has to beat.

    Attributes:
        WORDS: The model, for people: `TF-IDF of words and characters, logistic regression`. A table
            that is the answer may have others in its attribute `words`.
    """

    WORDS: str

    def answer(
        self,
        train: pd.DataFrame,
        validation: pd.DataFrame,
        test: pd.DataFrame,
        labels: Sequence[str],
    ) -> list[Any] | pd.DataFrame:
        """Answers to the test rows, as `predicted` of `decide`, by a model of the training rows.

        The validation rows may choose settings. The test rows come without TRUTH.

        Returns:
            The answers; or a table of them with the column `predicted`, and with those of `decide`
            that further metrics need.
        """


def has_simple(problem: str) -> bool:
    """Whether a problem has a simple model."""
    return find_spec(part_of(problem, "simple")) is not None


def load_simple(problem: str) -> Simple:
    """Import the simple model of a problem."""
    return cast(Simple, importlib.import_module(part_of(problem, "simple")))


class Probabilities(Protocol):
    """The names in `probabilities.py`: metrics of how sure a model is of its answers.

    Attributes:
        NEEDED: The columns of a table of answers that it reads, beside `gold` and `predicted`.
    """

    NEEDED: tuple[str, ...]

    def score(self, answers: pd.DataFrame, labels: Sequence[str]) -> Scores:
        """Further metrics by name, as functions of the rows' weights."""

    def reliability(self, answers: pd.DataFrame) -> list[Bin]:
        """How sure the answers are and how many are right, in bins."""


def modules_of_probabilities(problem: str) -> tuple[str, ...]:
    """The module that `load_probabilities` imports; none if the problem has none."""
    module = part_of(problem, "probabilities")
    return (module,) if find_spec(module) is not None else ()


def load_probabilities(problem: str) -> Probabilities | None:
    """Import the metrics of a problem that need probabilities; None if it has none."""
    for module in modules_of_probabilities(problem):
        return cast(Probabilities, importlib.import_module(module))
    return None


def shape_of(problem: str) -> Shape:
    """The shape of a problem's rows."""
    return cast("Shape", importlib.import_module(part_of(problem, "rows")))
