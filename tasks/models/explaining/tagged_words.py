"""Sentences whose words have tags: the tag of one word is explained, by all words of the sentence.

Words are what is between blanks, as the problem has them. An answer is a word and a tag: number
`word x labels + tag` of the flattened scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd
import torch
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import Batch, RowInParts, Subject
from tasks.models.explaining.words import Words, unpadded, windows_of
from tasks.problems import Problem
from tasks.problems.token_classification.explained import UNSEEN
from tasks.problems.windows.texts import by_row

PLACES = "places"  # of a batch: of the first token of each word, -1 where it is not seen


class TaggedWords(Words):
    """A model that tags words."""

    CUTS_WORDS: ClassVar[bool] = False

    def texts_of(self, table: pd.DataFrame) -> dict[str, list[str]]:
        """The words joined by blanks."""
        return {self.kind.INPUT: self.kind.texts(table)}

    def rows(self, table: pd.DataFrame, labels: Sequence[str]) -> list[RowInParts]:
        """The words of each sentence, with the place of each one whose tag can be explained."""
        examples = self.kind.encode(table, self.reader, labels)
        rows = super().rows(table, labels)
        return [
            self._with_places(row, [examples[number] for number in own])
            for row, own in zip(rows, by_row(examples), strict=True)
        ]

    def _with_places(self, row: RowInParts, examples: Sequence[Any]) -> RowInParts:
        """A row, with the places of its words among the tokens of all its windows."""
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
        given = {name: tensor for name, tensor in batch.items() if name != PLACES}
        with unpadded(self.model):
            logits = self.kind.logits(self.model, windows_of(given)).float()
        of_rows = logits.reshape(len(places), -1, logits.shape[-1])
        chosen = places.clamp(min=0)[..., None].expand(-1, -1, logits.shape[-1])
        scores = self.explained.scores(of_rows.gather(1, chosen))
        return scores.masked_fill((places < 0)[..., None], UNSEEN).flatten(1)

    def attentions(self, inputs: Batch) -> tuple[Tensor, ...]:
        """Those of the sentence, or of each of its windows."""
        return super().attentions({n: t for n, t in inputs.items() if n != PLACES})

    def as_read(self, row: RowInParts, through: Tensor) -> Tensor:
        """The place of the word whose tag is explained; none of the other windows is read."""
        window, place = divmod(max(0, self._place(row)), through.shape[-1])
        read = torch.zeros_like(through[:, 0])
        read[window] = through[window, place]
        return read.flatten()

    def own(self, row: RowInParts) -> tuple[int, ...]:
        """The word whose tag is explained."""
        place = self._place(row)
        return (int(row.part_of[place]),) if place >= 0 and row.part_of[place] >= 0 else ()

    def _place(self, row: RowInParts) -> int:
        """Of the word whose tag is explained; -1 if the model does not see it."""
        return int(row.inputs[PLACES][0, row.answer // self.model.config.num_labels])


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model that tags words, to be explained."""
    return TaggedWords(kind, explained, model, reader)
