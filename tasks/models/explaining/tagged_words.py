"""Sentences whose words have tags: the tag of one word is explained, by all words of the sentence.

Words are those of the problem, whatever the tokenizer takes for one. An answer is a word and a tag:
number `word x labels + tag` of the flattened scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import Batch, Piece, RowInParts, Subject
from tasks.models.explaining.words import Words, bare, windows_of
from tasks.problems import Problem
from tasks.problems.token_classification.explained import UNSEEN

PLACES = "places"  # of a batch: of the first token of each word, -1 where it is not seen


class TaggedWords(Words):
    """A model that tags words."""

    NOT_READ: ClassVar[tuple[str, ...]] = (PLACES,)

    def texts_of(self, table: pd.DataFrame) -> dict[str, list[str]]:
        """The words joined by blanks."""
        return {self.kind.INPUT: self.kind.texts(table)}

    def in_words(
        self, encoded: Any, texts: Mapping[str, str], row: pd.Series[Any]
    ) -> tuple[list[Piece], NDArray[np.int64]]:
        """The words that the model reads a token of, each whole."""
        [(column, text)] = texts.items()
        words = list(row[column])
        ends = np.cumsum([len(word) + 1 for word in words]) - 1  # a blank is between two words
        numbers = np.full(len(encoded.ids), -1)
        for place, (inside, given) in enumerate(
            zip(encoded.sequence_ids, encoded.offsets, strict=True)
        ):
            start, end = bare(text, *given)
            if inside is not None and start < end:
                numbers[place] = np.searchsorted(ends, start, side="right")
        seen = np.unique(numbers[numbers >= 0])
        pieces = [
            Piece(words[word], column, int(ends[word]) - len(words[word]), int(ends[word]))
            for word in seen
        ]
        return pieces, np.where(numbers < 0, -1, np.searchsorted(seen, numbers))

    def completed(self, row: RowInParts, examples: Sequence[Any]) -> RowInParts:
        """The row, with the places of its words among the tokens of all its windows."""
        length = row.inputs[self.VARIED].shape[1] // len(examples)
        places = [-1] * len(examples[0].positions)
        for window, example in enumerate(examples):
            for word, place in enumerate(example.positions):
                if place >= 0:
                    places[word] = window * length + place
        found = torch.tensor([places], device=self.model.device)
        return replace(row, inputs=row.inputs | {PLACES: found})

    def scores(self, batch: Batch) -> Tensor:
        """What is explained of each word and tag: shape (rows, words x tags)."""
        places = batch[PLACES]
        logits = self.kind.logits(self.model, windows_of(self.read_of(batch))).float()
        of_rows = logits.reshape(len(places), -1, logits.shape[-1])
        chosen = places.clamp(min=0)[..., None].expand(-1, -1, logits.shape[-1])
        scores = self.explained.scores(of_rows.gather(1, chosen))
        return scores.masked_fill((places < 0)[..., None], UNSEEN).flatten(1)

    def as_read(self, row: RowInParts, through: Tensor) -> Tensor:
        """The place of the word whose tag is explained; none of the other windows is read."""
        window, place = divmod(max(0, self._place(row)), through.shape[-1])
        read = torch.zeros_like(through[:, 0])
        read[window] = through[window, place]
        return read.flatten()

    def named(self, row: RowInParts) -> RowInParts:
        """The row, with the word whose tag is explained."""
        place = self._place(row)
        part = int(row.part_of[place]) if place >= 0 else -1
        return replace(row, own=(part,), about=row.pieces[part].text) if part >= 0 else row

    def _place(self, row: RowInParts) -> int:
        """Of the word whose tag is explained; -1 if the model does not see it."""
        return int(row.inputs[PLACES][0, row.answer // self.model.config.num_labels])


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model that tags words, to be explained."""
    return TaggedWords(kind, explained, model, reader)
