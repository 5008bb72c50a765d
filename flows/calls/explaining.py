"""Why a fine-tuned model answers as it does: its answers to new rows, explained and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.calls.inputs import Input, note, note_special_tokens
from flows.calls.predicting import AnsweringModel
from tasks.contract import StageError
from tasks.experiment import choices
from tasks.machinery.naming.spelling import nearest

if TYPE_CHECKING:
    import pandas as pd

    from tasks.models.explaining.measured import Measured

USUAL = "integrated-gradients"
SEED = 0  # of random orders, and of the model with random weights
AT_ONCE = 64  # rows that are encoded together


@dataclass(frozen=True)
class Explanation:
    """An answer to a row, explained.

    Attributes:
        answer: what `temper predict` writes for the row.
        words: the answer that is explained, and which part of the row it is of.
        found: the attributions and their checks.
        score: what is explained, in words.
        probable: whether that is the log-odds of the answer.
    """

    answer: dict[str, Any]
    words: str
    found: Measured
    score: str
    probable: bool

    @property
    def texts(self) -> dict[str, str]:
        """What the row has in each column that its words are in."""
        from tasks.models.explaining.explained import in_one

        columns = dict.fromkeys(piece.column for piece in self.found.row.pieces)
        return {name: in_one(self.answer[name]) for name in columns}

    @property
    def strengths(self) -> tuple[float, float]:
        """The probability of the answer, or the number; and that without the row's content."""
        if not self.probable:
            return self.found.score, self.found.blank
        return self.found.strength, self.found.without

    def checks(self, method: str) -> dict[str, float]:
        """The checks of a method on this row, by their names; those that it does not have, not."""
        from math import isfinite

        from tasks.models.explaining.verdicts import COMPLETENESS, FAITHFULNESS, LIKENESS

        found = self.found
        apart = abs(found.score - found.blank)
        checks = {
            COMPLETENESS: found.error(method) / apart if apart and self._complete(method) else None,
            FAITHFULNESS: found.faithfulness(method),
            LIKENESS: found.alike.get(method),
        }
        return {n: float(v) for n, v in checks.items() if v is not None and isfinite(v)}

    @staticmethod
    def _complete(method: str) -> bool:
        from tasks.explanations import load

        return load(method).COMPLETE


def require_methods(methods: Sequence[str]) -> list[str]:
    """The methods, each once.

    Raises:
        StageError: there is no such method.
    """
    known = choices.names("explanations")
    for each in methods:
        if each not in known:
            hint = nearest(each, known)
            raise StageError(f"--method: found {each!r}; accepted: {', '.join(known)}{hint}")
    return list(dict.fromkeys(methods))


def explain_texts(
    model: AnsweringModel, inputs: Sequence[Input], methods: Sequence[str]
) -> Iterator[Explanation]:
    """Explain the answers to texts, or to pairs of texts, in their order.

    Raises:
        StageError: the answers of the model cannot be explained.
    """
    from tasks.models.files import inputs_of, longest_input
    from tasks.models.predictions import as_rows

    how = Explainer.of(model, methods)
    note_special_tokens(model.folder, inputs)
    longest = longest_input(model.configuration)
    if longest is not None:
        reader = how.subject.reader
        reader.model_max_length = min(reader.model_max_length, longest)
    columns = inputs_of(model.configuration, model.problem)
    for at in range(0, len(inputs), AT_ONCE):
        some = inputs[at : at + AT_ONCE]
        yield from how.explain(as_rows(how.subject.kind, some, columns, how.labels), at)


def explain_pictures(
    model: AnsweringModel, files: Sequence[tuple[str, Path]], methods: Sequence[str]
) -> Iterator[Explanation]:
    """Explain the answers to pictures in files.

    Raises:
        StageError: the answers of the model cannot be explained.
    """
    from tasks.models.images.predictions import as_rows
    from tasks.models.images.reader_file import read_pixels

    how, pixels = Explainer.of(model, methods), read_pixels(model.folder)
    for at in range(0, len(files), AT_ONCE):
        rows, _ = as_rows(how.subject.kind, files[at : at + AT_ONCE], pixels, how.labels)
        yield from how.explain(rows, at)


@dataclass(frozen=True)
class Explainer:
    """A model with methods of explaining it.

    Attributes:
        subject: the model.
        random: the same with random weights.
        methods: by name.
        labels: of the model.
    """

    subject: Any
    random: Any
    methods: dict[str, Any]
    labels: list[str]

    @classmethod
    def of(cls, model: AnsweringModel, methods: Sequence[str]) -> Explainer:
        """Read the model.

        Raises:
            StageError: it cannot be read, or its answers cannot be explained.
        """
        from tasks.explanations import load
        from tasks.models.explaining.reading import Subjects

        read = Subjects.read(model.problem, model.folder, SEED)
        return cls(read.own, read.random, {name: load(name) for name in methods}, read.labels)

    def explain(self, rows: pd.DataFrame, first: int) -> Iterator[Explanation]:
        """Explain the answers to some rows.

        Args:
            rows: as stage `dataset` or `pixels` writes them; their truth does not count.
            first: the number of the first of them.
        """
        from tasks.models.explaining.checks import Scale
        from tasks.models.explaining.explained import answer_of
        from tasks.models.explaining.measured import Explaining
        from tasks.models.inference import predict
        from tasks.models.predictions import LEFT_OUT

        subject, explained = self.subject, self.subject.explained
        examples = subject.kind.encode(rows, subject.reader, self.labels)
        if cut := sum(example.cut for example in examples):
            unit = str(subject.kind.CUT).replace("_", " ")
            note(f"{cut:,} {unit}: they are longer than the model's input")
        answers = predict(subject.kind, subject.model, rows, examples, self.labels)
        answers = answers.drop(columns=[*LEFT_OUT], errors="ignore")
        parts = [subject.chosen(row, None, self.labels) for row in subject.rows(rows, self.labels)]
        scale = Scale(explained.PROBABLE)  # of a number its own unit, whatever rows are beside it
        how = Explaining(subject, self.methods, scale, self.random, SEED)
        pairs = zip(parts, answers.to_dict("records"), strict=True)
        for number, (row, answer) in enumerate(pairs, first):
            yield Explanation(
                {str(name): value for name, value in answer.items()},
                answer_of(explained, self.labels, row),
                how.measure(row, number),
                explained.SCORE,
                explained.PROBABLE,
            )
