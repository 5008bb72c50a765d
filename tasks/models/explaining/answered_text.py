"""Questions on texts: the part of the text that is answered is explained, by the words of both.

A text in windows is explained by the window that has the answer: the probability of an answer is
that in its window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import Batch, Piece, RowInParts, Subject
from tasks.models.explaining.words import Words, unpadded, without_white_space, words_of
from tasks.problems import Problem
from tasks.problems.question_answering.model import TextWindow
from tasks.problems.question_answering.served import best_place
from tasks.problems.windows.texts import by_row

PART = "part"  # of a batch: the first and the last token of the answer; both 0 for no answer
OTHER = -1e4  # the score of what is not answered: finite, and the least


class AnsweredText(Words):
    """A model that answers questions by a part of a text."""

    def rows(self, table: pd.DataFrame, labels: Sequence[str]) -> list[RowInParts]:
        """The words of each question, and of its text in the window that has the answer."""
        examples = self.kind.encode(table, self.reader, labels)
        return [
            self._answered(question, text, [cast(TextWindow, examples[number]) for number in own])
            for question, text, own in zip(
                table["question"], table["text"], by_row(examples), strict=True
            )
        ]

    @torch.no_grad()
    def _answered(self, question: str, text: str, windows: Sequence[TextWindow]) -> RowInParts:
        batches = [self.batch_of([window]) for window in windows]
        with unpadded(self.model):
            found = [self.kind.logits(self.model, batch)[0].float().cpu() for batch in batches]
        scored = [
            (window.spans, scores.numpy()) for window, scores in zip(windows, found, strict=True)
        ]
        number, first, last = best_place(scored, certain=windows[0].certain)
        pieces, part_of = self._in_words(question, text, windows[number])
        row = self.blanked(batches[number], part_of, pieces)
        part = torch.tensor([[first, last]], device=self.model.device)
        return replace(row, inputs=row.inputs | {PART: part})

    def _in_words(
        self, question: str, text: str, window: TextWindow
    ) -> tuple[list[Piece], NDArray[np.int64]]:
        """The words of the question and of the window's text, and which one each place is of."""
        ids = [int(token) for token in window.input_ids]
        own = self.reader(question, add_special_tokens=False, return_offsets_mapping=True)
        begin = ids.index(own["input_ids"][0]) if own["input_ids"][:1] else 0
        places: list[tuple[str, tuple[int, int]] | None] = [
            ("text", (int(start), int(end))) if start < end else None for start, end in window.spans
        ]
        pairs = zip(own["input_ids"], own["offset_mapping"], strict=True)
        for place, (token, ends) in enumerate(pairs, begin):
            if place >= len(ids) or places[place] is not None or ids[place] != token:
                break  # a question that does not fit is read in part
            places[place] = ("question", ends)
        return without_white_space(*words_of(places, {"question": question, "text": text}))

    def scores(self, batch: Batch) -> Tensor:
        """Of no answer, and of the part: shape (rows, 2)."""
        part = batch[PART]
        given = {name: tensor for name, tensor in batch.items() if name != PART}
        with unpadded(self.model):
            logits = self.kind.logits(self.model, given).float()
        odds = torch.stack([_odds(logits[..., end], part[:, end]) for end in (0, 1)], dim=-1)
        score = self.explained.scores(odds)
        answered = part.any(dim=1)
        both = torch.stack([~answered, answered], dim=1)
        return score[:, None].masked_fill(~both, OTHER)

    def attentions(self, inputs: Batch) -> tuple[Tensor, ...]:
        """Those of the window."""
        return super().attentions({n: t for n, t in inputs.items() if n != PART})

    def as_read(self, row: RowInParts, through: Tensor) -> Tensor:
        """The mean of the first and the last place of the answer."""
        return through[0, row.inputs[PART][0]].mean(0)

    def own(self, row: RowInParts) -> tuple[int, ...]:
        """The words of the answer."""
        first, last = (int(place) for place in row.inputs[PART][0])
        parts = (int(each) for each in row.part_of[first : last + 1])
        return tuple(dict.fromkeys(part for part in parts if part >= 0))


def _odds(scores: Tensor, place: Tensor) -> Tensor:
    """The log-odds of one place of each row against all others: shape (rows,).

    Args:
        scores: of shape (rows, places).
        place: of shape (rows,).
    """
    chosen = place[:, None]
    others = scores.scatter(1, chosen, -torch.inf).logsumexp(dim=1)
    return scores.gather(1, chosen)[:, 0] - others


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model that answers questions, to be explained."""
    return AnsweredText(kind, explained, model, reader)
