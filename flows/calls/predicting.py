"""The answers of a fine-tuned model to rows, as its evaluation would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.calls.beginning import begin
from flows.calls.given_rows import read_rows
from flows.calls.inputs import (
    OPTIONS,
    Input,
    Names,
    chosen_names,
    in_memory,
    note,
    note_special_tokens,
    picture_files,
)
from flows.calls.referred import referred_model
from flows.terminal.in_process import ready
from tasks.contract import StageError
from tasks.experiment import choices

if TYPE_CHECKING:
    import pandas as pd


def predict(
    model: str,
    rows: str | Path | pd.DataFrame | Iterable[Any],
    *,
    column: str = "",
    second_column: str = "",
    skip_invalid: bool = False,
) -> pd.DataFrame:
    """Answer rows with a fine-tuned model, as `temper predict`: the same numbers.

    Args:
        model: models:/NAME@ALIAS, runs:/ID, …, a folder, or one of `run(…).models`.
        rows: the path of a file (a text is always a path), a table, or an iterable of inputs:
            texts, lists of words, or pairs of texts as tuples; for a model of pictures the path of
            one, or of a folder.
        column: of a file or a table, the column to read; empty: the one of the rows that the model
            learnt from, or `text`, `tokens` or `question`.
        second_column: the column of the second text of pairs; empty: as above, or `second_text`, or
            `text` beside a question.
        skip_invalid: of files, leave out rows without a text, or what is no picture, and report
            them; a row of a table or an iterable is an error.

    Returns:
        A row for each row, in the same order: the other columns of a file or a table, the input,
        `predicted`, and further columns of the problem, such as `probability`.

    Raises:
        StageError: there is no such model or file, the model answers no problem, or a row is not
            valid.
    """
    import pandas as pd

    begin()
    ready()
    found = AnsweringModel.of(str(model), note)
    if found.problem in choices.of_pictures():
        return _of_pictures(found, rows, column or second_column, skip_invalid=skip_invalid)
    columns = found.columns(column, second_column)
    words, others = found.reads_words, pd.DataFrame()
    if isinstance(rows, str | Path):
        given = read_rows(str(rows), *columns, words=words, skip_invalid=skip_invalid)
        inputs, others = given.inputs, given.beside()
    else:
        inputs = list(in_memory(rows, *columns, words=words))
        if isinstance(rows, pd.DataFrame):
            others = rows.drop(columns=chosen_names(columns, rows.columns))
    tables = list(beside(found.answer(inputs), others)) if inputs else []
    cut = sum(int(table.attrs["cut"]) for table in tables)
    if cut:
        unit = str(tables[0].attrs["unit"]).replace("_", " ")
        note(f"{cut:,} {unit}: they are longer than the model's input")
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _of_pictures(
    model: AnsweringModel, rows: Any, column: str, *, skip_invalid: bool
) -> pd.DataFrame:
    import pandas as pd

    from tasks.models.images.predictions import answer_pictures

    if not isinstance(rows, str | Path) or column:
        raise StageError(
            f"rows: {model.reference} reads pictures; accepted: the path of one, or of a folder, "
            "without a column"
        )
    files = picture_files(str(rows), skip_invalid=skip_invalid)
    return pd.concat(answer_pictures(model.problem, model.folder, files), ignore_index=True)


def beside(tables: Iterable[pd.DataFrame], others: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Answers behind the other columns of their rows, which are renamed where an answer has theirs.

    Args:
        tables: the answers to some rows at a time, in the order of the rows.
        others: the other columns of all rows.
    """
    import pandas as pd

    begin = 0
    for table in tables:
        some = others.iloc[begin : begin + len(table)].reset_index(drop=True)
        renamed = {name: f"given_{name}" for name in some.columns if name in table.columns}
        if renamed and not begin:
            note(f"columns that answers have too are renamed: {', '.join(renamed.values())}")
        begin += len(table)
        joined = pd.concat([some.rename(columns=renamed), table.reset_index(drop=True)], axis=1)
        joined.attrs |= table.attrs
        yield joined


@dataclass(frozen=True)
class AnsweringModel:
    """A fine-tuned model that was referred to.

    Attributes:
        reference: as it was given.
        folder: with its files.
        configuration: its config.json.
        problem: the problem that it answers.
        learnt_from: by role, the columns of the rows that it learnt from; empty if unknown.
    """

    reference: str
    folder: Path
    configuration: dict[str, Any]
    problem: str
    learnt_from: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: str, say: Callable[[str], None]) -> AnsweringModel:
        """Find a model.

        Raises:
            StageError: there is none, or it answers no problem.
        """
        from tasks.models.predictions import require_problem

        found = referred_model(reference, say)
        problem = require_problem(found.configuration, reference)
        return cls(reference, found.folder, found.configuration, problem, found.columns)

    def columns(self, *given: str) -> list[Names]:
        """The columns with the inputs of the model, each with the names that it may have.

        Args:
            given: the columns by the wish of a person; empty: the usual ones.

        Raises:
            StageError: a second column is given, and the model reads no pairs.
        """
        from tasks.data.pairs import FIRST, SECOND
        from tasks.models.files import PROBLEM, inputs_of
        from tasks.problems import described

        kind, usual = described(self.problem), inputs_of(self.configuration, self.problem)
        if given[1] and len(usual) == 1 and kind.INPUT != FIRST:
            raise StageError(
                f"{OPTIONS[1]}: found {given[1]!r}, but {self.reference} reads {kind.INPUT}, no "
                "pairs of texts; leave it out"
            )
        if given[1] and len(usual) == 1 and PROBLEM in self.configuration:
            raise StageError(
                f"{OPTIONS[1]}: found {given[1]!r}, but {self.reference} was fine-tuned on single "
                "texts; leave it out"
            )
        if given[1] and len(usual) == 1:  # a published model does not say that it reads pairs
            usual = [*usual, SECOND]
        return [name or self._named(other) for name, other in zip(given, usual, strict=False)]

    def _named(self, role: str) -> Names:
        learnt = self.learnt_from.get(role, role)
        return role if learnt == role else (role, learnt)

    @property
    def reads_words(self) -> bool:
        """Whether an input is a list of words."""
        from tasks.problems import described

        return described(self.problem).INPUT == "tokens"

    @property
    def between(self) -> str:
        """What is between the items of an answer that is a list, in a table of texts."""
        from tasks.problems import described

        return str(getattr(described(self.problem), "BETWEEN", " "))

    def answer(
        self, inputs: Sequence[Input], report: Callable[[int, int], None] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The answers to some inputs, as `answer_rows` gives them.

        Raises:
            StageError: the model cannot be read.
        """
        from tasks.models.predictions import answer_rows

        note_special_tokens(self.folder, inputs)
        return answer_rows(self.problem, self.folder, inputs, report)
