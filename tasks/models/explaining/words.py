"""Texts, and pairs of texts, as words: the tokens of a word are blank together.

A blank word is the mask token of a model that was pre-trained with one, else its unknown or its
last token; special tokens stay. A text in windows is one row of all their tokens, one window after
the other: a word that several windows have is blank in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.contract import StageError
from tasks.data.pairs import FIRST, SECOND
from tasks.experiment import choices
from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import WORDS, Batch, Piece, RowInParts, Subject
from tasks.models.inference import model_inputs
from tasks.problems import Problem
from tasks.problems.windows.cutting import inside, reads_windows
from tasks.problems.windows.texts import TextWindow, by_row

NO_TOKEN = -1  # the number of none
WINDOWS = "windows"  # of a batch of rows in windows: of shape (rows, windows)
BLANKS = ("mask_token", "unk_token", "eos_token", "pad_token")


class Words(Subject):
    """A model that reads texts.

    Attributes:
        NOT_READ: What stands in a batch beside what the model reads.
    """

    VARIED: ClassVar[str] = "input_ids"
    PARTS: ClassVar[str] = WORDS
    NOT_READ: ClassVar[tuple[str, ...]] = ()

    def texts_of(self, table: pd.DataFrame) -> dict[str, list[str]]:
        """What the model reads of rows, by column: a text, or both of a pair."""
        return {name: list(table[name]) for name in (FIRST, SECOND) if name in table}

    def rows(self, table: pd.DataFrame, labels: Sequence[str]) -> list[RowInParts]:
        """The words of each row, as far as the model reads it."""
        examples = self.kind.encode(table, self.reader, labels)
        texts = self.texts_of(table)
        whole = len(texts) == 1 and reads_windows(self.reader)
        encoded = self.reader(
            *texts.values(),
            truncation=False if whole else "longest_first",
            return_offsets_mapping=True,
            verbose=False,
        )
        return [
            self._row(
                [examples[i] for i in own],
                encoded[number],
                {name: column[number] for name, column in texts.items()},
                table.iloc[number],
            )
            for number, own in enumerate(by_row(examples))
        ]

    def _row(
        self, examples: Sequence[Any], encoded: Any, texts: Mapping[str, str], row: pd.Series[Any]
    ) -> RowInParts:
        pieces, part_of = self.in_words(encoded, texts, row)
        inputs = model_inputs(self.kind, self.model, examples)
        if isinstance(examples[0], TextWindow):
            head, tail = inside(encoded.sequence_ids)
            part_of = np.concatenate(
                [
                    np.r_[part_of[:head], part_of[head + begin : head + end], part_of[tail:]]
                    for begin, end in ((each.begin, each.end) for each in examples)
                ]
            )
        if len(examples) > 1:
            inputs = {name: tensor.reshape(1, -1) for name, tensor in inputs.items()}
            inputs[WINDOWS] = torch.ones(1, len(examples), device=self.model.device)
        return self.completed(self.blanked(inputs, part_of, pieces), examples)

    def completed(self, row: RowInParts, _examples: Sequence[Any]) -> RowInParts:
        """The row, with what its examples say beside what the model reads: nothing."""
        return row

    def in_words(
        self, encoded: Any, texts: Mapping[str, str], _row: pd.Series[Any]
    ) -> tuple[list[Piece], NDArray[np.int64]]:
        """The words of a row, and the number of the word at each place, -1 for special tokens.

        Args:
            encoded: the row as the tokenizer reads it.
            texts: of the row, by column.
            _row: of the table.
        """
        columns = [*texts]
        given = zip(encoded.sequence_ids, encoded.word_ids, encoded.offsets, strict=True)
        places = [
            None if column is None or word is None else (columns[column], ends)
            for column, word, ends in given
        ]
        return words_of(places, texts, encoded.word_ids)

    def read_of(self, batch: Batch) -> Batch:
        """What the model reads of a batch."""
        return {name: tensor for name, tensor in batch.items() if name not in self.NOT_READ}

    def blanked(
        self, inputs: Batch, part_of: NDArray[np.int64], pieces: Sequence[Piece]
    ) -> RowInParts:
        """A row, with the blank token in the place of each word."""
        kept = torch.from_numpy(part_of < 0).to(self.model.device)
        blank = torch.where(kept, inputs[self.VARIED], self._number)
        return RowInParts(inputs, blank, part_of, len(pieces), pieces=tuple(pieces))

    @property
    def blank(self) -> str:
        """The token in the place of a word's tokens."""
        return str(self.reader.convert_ids_to_tokens(self._number))

    @property
    def _number(self) -> int:
        known = [getattr(self.reader, f"{name}_id", None) for name in BLANKS]
        accepted = [number for number in known if number is not None]
        padding = getattr(self.model.config, "pad_token_id", None)
        found = next((number for number in accepted if number != padding), None)
        if found is None and not accepted:
            raise StageError(
                "the tokenizer of the model has no token that can stand for a blank word; "
                f"accepted: one of {', '.join(BLANKS)}"
            )
        return int(accepted[0] if found is None else found)

    def scores(self, batch: Batch) -> Tensor:
        """Of a decoder, those of the last place, also where the blank token is its padding."""
        with _unpadded(self.model):
            if WINDOWS not in batch:
                return super().scores(batch)
            each = self.kind.logits(self.model, windows_of(batch)).float()
            windows = each.reshape(*batch[WINDOWS].shape, each.shape[-1])
            return self.explained.scores(self.kind.together(windows))

    def passes(self, row: RowInParts) -> int:
        """One for each window."""
        return row.inputs[WINDOWS].shape[1] if WINDOWS in row.inputs else 1

    def attentions(self, inputs: Batch) -> tuple[Tensor, ...]:
        """Those of each window of a row."""
        return super().attentions(windows_of(self.read_of(inputs)))

    @property
    def embeddings(self) -> Any:
        """The table of the tokens: which words, without their places."""
        return self.model.get_input_embeddings()

    def over_features(self, found: Tensor) -> Tensor:
        """Of shape (tokens,)."""
        return found.sum(dim=-1)

    def as_read(self, _row: RowInParts, through: Tensor) -> Tensor:
        """The first place, the last one of a decoder, or the mean of all."""
        config = self.model.config
        if choices.is_decoder(config.model_type):
            read = through[:, -1]
        elif getattr(config, "classifier_pooling", "") == "mean":
            read = through.mean(1)
        else:
            read = through[:, 0]
        return read.flatten() / len(through)


def windows_of(batch: Batch) -> Batch:
    """Rows of several windows as their windows, which are all of one length; others as they are."""
    if WINDOWS not in batch:
        return batch
    rows, windows = batch[WINDOWS].shape
    return {n: t.reshape(rows * windows, -1) for n, t in batch.items() if n != WINDOWS}


@contextmanager
def _unpadded(model: Any) -> Iterator[None]:
    """Have a model take each token for one of the text: rows of one length have no padding.

    A decoder reads the last token that is not its padding, and published ones pad with the token
    that ends a text, which stands for a blank word too.
    """
    usual = model.config.pad_token_id
    model.config.pad_token_id = NO_TOKEN
    try:
        yield
    finally:
        model.config.pad_token_id = usual


def words_of(
    places: Sequence[tuple[str, tuple[int, int]] | None],
    texts: Mapping[str, str],
    numbers: Sequence[int | None],
) -> tuple[list[Piece], NDArray[np.int64]]:
    """The words of a row, and the number of the word at each place, -1 for special tokens.

    Args:
        places: the column of each token, and its first and last-plus-one character there; None for
            special tokens.
        texts: by column.
        numbers: of the word that each token is of. White space is never inside a word.
    """
    pieces: list[Piece] = []
    part_of = np.full(len(places), -1)
    last: tuple[str, int | None] | None = None
    for place, given in enumerate(places):
        if given is None:
            last = None
            continue
        column, ends = given
        text, own = texts[column], (column, numbers[place])
        start, end = bare(text, *ends)
        if last == own and not _apart(text, pieces[-1].end, start):
            known = pieces.pop()
            start, end = known.start, max(known.end, end)
        pieces.append(Piece(text[start:end], column, start, end))
        part_of[place] = len(pieces) - 1
        last = own
    return _without_white_space(pieces, part_of)


def _without_white_space(
    pieces: Sequence[Piece], part_of: NDArray[np.int64]
) -> tuple[list[Piece], NDArray[np.int64]]:
    """The words, where tokens of white space alone belong to the word before; a first one to none.

    Args:
        pieces: some of them empty: line breaks, or several blanks.
        part_of: the number of the piece at each place, or -1: shape (tokens,).
    """
    words: list[Piece] = []
    numbers = []
    for piece in pieces:
        if piece.text:
            words.append(piece)
        follows = bool(words) and words[-1].column == piece.column
        numbers.append(len(words) - 1 if follows else -1)
    return words, np.array([*numbers, -1])[part_of]


def bare(text: str, start: int, end: int) -> tuple[int, int]:
    """The ends of a token without the white space around it."""
    token = text[start:end]
    begin = end - len(token.lstrip())
    return begin, begin + len(token.strip())


def _apart(text: str, end: int, start: int) -> bool:
    """Whether white space is between two tokens, which a tokenizer takes for one word."""
    return any(letter.isspace() for letter in text[end:start])


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model that reads texts, to be explained."""
    return Words(kind, explained, model, reader)
