"""Questions on texts: the part of the text that is answered is explained, by the words of both.

A text in windows is explained by the window that has the answer: the probability of an answer is
that in its window. Words are cut at blanks and punctuation marks, so that an answer is of whole
ones; in scripts without blanks each character is one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import Batch, Piece, RowInParts, Subject
from tasks.models.explaining.words import Words, bare, words_of
from tasks.models.inference import model_inputs
from tasks.problems import Problem
from tasks.problems.question_answering.model import TextWindow
from tasks.problems.question_answering.served import NOWHERE, best_place
from tasks.problems.token_classification.words import places_of_words
from tasks.problems.windows.texts import by_row

PART = "part"  # of a batch: the first and the last token of the answer; those of NOWHERE for none
_RUN = re.compile(r"\w+|[^\w\s]")


class AnsweredText(Words):
    """A model that answers questions by a part of a text."""

    NOT_READ: ClassVar[tuple[str, ...]] = (PART,)

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
        batches = [model_inputs(self.kind, self.model, [window]) for window in windows]
        found = [self.kind.logits(self.model, batch)[0].float().cpu() for batch in batches]
        scored = [
            (window.spans, scores.numpy()) for window, scores in zip(windows, found, strict=True)
        ]
        number, first, last = best_place(scored, certain=windows[0].certain)
        window = windows[number]
        pieces, part_of = _in_words(question, text, window)
        row = self.blanked(batches[number], part_of, pieces)
        part = torch.tensor([[first, last]], device=self.model.device)
        row = replace(row, inputs=row.inputs | {PART: part})
        if (first, last) == NOWHERE:
            return row
        own = dict.fromkeys(int(each) for each in part_of[first : last + 1] if each >= 0)
        about = text[int(window.spans[first, 0]) : int(window.spans[last, 1])].strip()
        return replace(row, own=tuple(own), about=about)

    def scores(self, batch: Batch) -> Tensor:
        """Of no answer, and of the part: shape (rows, 2); -inf for the one that is not given."""
        part = batch[PART]
        logits = self.kind.logits(self.model, self.read_of(batch)).float()
        odds = torch.stack([_odds(logits[..., end], part[:, end]) for end in (0, 1)], dim=-1)
        answered = part.any(dim=1)
        both = torch.stack([~answered, answered], dim=1)
        return self.explained.scores(odds[:, None]).masked_fill(~both, -torch.inf)

    def as_read(self, row: RowInParts, through: Tensor) -> Tensor:
        """The mean of the first and the last place of the answer."""
        return through[0, row.inputs[PART][0]].mean(0)


def _in_words(
    question: str, text: str, window: TextWindow
) -> tuple[list[Piece], NDArray[np.int64]]:
    """The words of the question and of the window's text, and which one each place is of."""
    texts = {"question": question, "text": text}
    behind = window.asked_at + len(window.asked)
    spans = [*window.spans[: window.asked_at], *window.asked, *window.spans[behind:]]
    begins = {name: list(_beginnings(given)) for name, given in texts.items()}
    places: list[tuple[str, tuple[int, int]] | None] = []
    numbers: list[int | None] = []
    for place, (start, end) in enumerate(spans):
        name = "question" if window.asked_at <= place < behind else "text"
        places.append((name, (int(start), int(end))) if start < end else None)
        first, _ = bare(texts[name], int(start), int(end))
        numbers.append(bisect_right(begins[name], first))
    return words_of(places, texts, numbers)


def _beginnings(text: str) -> Iterator[int]:
    """The first character of each word, and of each punctuation mark."""
    for start, end in places_of_words(text):
        runs = _RUN.finditer(text, start, end)
        yield from sorted({start, *(run.start() for run in runs)})


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
