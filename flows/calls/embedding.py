"""The features of rows: what the encoder of a model computes of texts or pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.calls.beginning import begin
from flows.calls.given_rows import read_inputs
from flows.calls.inputs import Names, note, note_special_tokens, picture_inputs
from flows.calls.inputs import in_memory as inputs_in_memory
from flows.calls.referred import referred_model
from flows.terminal.in_process import ready
from tasks.contract import StageError

if TYPE_CHECKING:
    import pandas as pd

TEXT = "text"  # the column that is read by default


def embed(
    model: str,
    rows: str | Path | pd.DataFrame | Iterable[Any],
    *,
    column: str = "",
    skip_invalid: bool = False,
) -> pd.DataFrame:
    """Compute the features of texts or pictures, as `temper embed`.

    Args:
        model: models:/NAME@ALIAS, runs:/ID, …, a folder, or one of `run(…).models`; pre-trained or
            fine-tuned.
        rows: the path of a file (a text is always a path), a table, or an iterable of texts; for a
            model of pictures the path of one, or of a folder.
        column: of a file or a table, the column to read; empty: that of the texts that the model
            learnt from, or `text`.
        skip_invalid: of files, leave out rows without a text, or what is no picture, and report
            them.

    Returns:
        A row for each row, in the same order: `text` or `image`, and `features`, an array.

    Raises:
        StageError: there is no such model or file, or a row is not valid.
    """
    import pandas as pd

    begin()
    ready()
    encoder = Encoder.of(str(model), note)
    if isinstance(rows, str | Path):
        tables = list(encoder.of_file(str(rows), column, skip_invalid=skip_invalid)[0])
    elif encoder.reads_pictures:
        raise StageError(f"rows: {model} reads pictures; accepted: the path of one, or of a folder")
    else:
        texts = list(inputs_in_memory(rows, encoder.column(column), words=False))
        tables = list(encoder.of_texts(texts)) if texts else []
    report_cut(sum(map(cut_in, tables)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def cut_in(features: pd.DataFrame) -> int:
    """How many texts of a table of features are longer than the model's input."""
    return int(features.attrs["cut"])


def report_cut(number: int) -> None:
    """Report how many texts are longer than the model's input."""
    if number:
        note(f"{number:,} texts cut short: they are longer than the model's input")


@dataclass(frozen=True)
class Encoder:
    """A model that was referred to, whose features are asked for.

    Attributes:
        folder: with its files.
        reads_pictures: whether it reads pictures, not texts.
        learnt_from: by role, the columns of the rows that it learnt from; empty if unknown.
    """

    folder: Path
    reads_pictures: bool
    learnt_from: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: str, say: Callable[[str], None]) -> Encoder:
        """Find a model.

        Raises:
            StageError: there is none, or its family is unknown.
        """
        from tasks import families
        from tasks.families import images

        found = referred_model(reference, say)
        family = str(found.configuration["model_type"])
        known = (*families.names(), *images.names())
        if family not in known:
            accepted = ", ".join(known)
            raise StageError(f"MODEL: {reference} is of the family {family}; accepted: {accepted}")
        return cls(found.folder, family in images.names(), found.columns)

    def column(self, given: str) -> Names:
        """The column with the texts: the given one, or the names that it may have."""
        learnt = self.learnt_from.get(TEXT, TEXT)
        return given or (TEXT if learnt == TEXT else (TEXT, learnt))

    def of_file(
        self,
        file: str,
        column: str,
        report: Callable[[int, int], None] | None = None,
        *,
        skip_invalid: bool,
    ) -> tuple[Iterator[pd.DataFrame], int]:
        """The features of the rows of a file, or of pictures, and how many rows they are.

        Raises:
            StageError: no such file, or a row is not valid.
        """
        if self.reads_pictures:
            from tasks.models.embedding.pictures import embed_pictures

            files = picture_inputs(file, column, skip_invalid=skip_invalid)
            return embed_pictures(self.folder, files, report), len(files)
        texts = read_inputs(file, self.column(column), words=False, skip_invalid=skip_invalid)
        return self.of_texts(texts, report), len(texts)

    def of_texts(
        self, texts: Iterable[Any], report: Callable[[int, int], None] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The features of texts."""
        from tasks.models.embedding.texts import embed_texts

        given = [str(text) for text in texts]
        note_special_tokens(self.folder, given)
        return embed_texts(self.folder, given, report)
