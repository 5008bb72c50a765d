"""The fine-tuned model as MLflow serves it: questions and texts in, answers out, as evaluated.

MLflow copies this file into the model and loads it where Temper is not installed: it imports only
torch, transformers, pandas and numpy. `transformers` has no pipeline for such models any more.

A text that is too long is read in windows, which share some tokens (Devlin et al. 2019, "BERT").
The model gives each token of a window a score as the first and as the last one of the answer. The
answer is the part of the text with the highest sum of both, in any window. The sum of the window's
first token stands for "no answer here"; if it is higher in all windows, the text has no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

COLUMNS = ("question", "text")
# What the tokenizer of a model notes beside its longest input, in `init_kwargs`.
STRIDE, CERTAIN = "window_stride", "always_answers"
USUAL_STRIDE = 128  # tokens, of a model that was fine-tuned elsewhere
LONGEST = 100  # tokens of an answer
NOWHERE = (0, 0)  # the first and the last token of no answer
AT_ONCE = 1_000_000  # characters of texts: lists of offsets take much memory

Spans = NDArray[np.int32]
Scores = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Window:
    """A question and a part of its text, as the model reads them.

    Attributes:
        row: the number of the question.
        input_ids: tokens, special tokens included.
        types: one for each of them, or none.
        spans: of shape (tokens, 2): the first and the last-plus-one character of each token in the
            text; equal for tokens that are not of the text.
        asked: as `spans`, of the tokens of the question, in the question.
        asked_at: the place of the first of these.
        begin: first character that is covered; 0 in the first window of a text.
        end: last-plus-one character that is covered; the text's end in its last window.
        cut: whether the question did not fit.
    """

    row: int
    input_ids: NDArray[np.int32]
    types: NDArray[np.int8]
    spans: Spans
    asked: Spans
    asked_at: int
    begin: int
    end: int
    cut: bool


@dataclass(frozen=True)
class Answer:
    """An answer, its first character in the text (-1 for no answer), and its probability."""

    text: str
    start: int
    score: float


def windows_of(tokenizer: Any, questions: Sequence[str], texts: Sequence[str]) -> Iterator[Window]:
    """The windows of each question on its text, in order; at least one for each.

    A question takes half of the longest input at most, windows share half of their text at most.
    """
    sizes = np.cumsum([len(text) for text in texts])
    begin = 0
    while begin < len(questions):
        before = sizes[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(sizes, before + AT_ONCE, side="right")))
        for window in _windows(tokenizer, questions[begin:end], texts[begin:end]):
            yield replace(window, row=begin + window.row)
        begin = end


def _windows(tokenizer: Any, questions: Sequence[str], texts: Sequence[str]) -> Iterator[Window]:
    room = tokenizer.model_max_length - tokenizer.num_special_tokens_to_add(pair=True)
    asked = list(_fitting(tokenizer, questions, max(1, room // 2)))
    stride = tokenizer.init_kwargs.get(STRIDE, USUAL_STRIDE)
    overlaps = [min(stride, (room - length) // 2) for _, length in asked]
    found: list[list[Window]] = [[] for _ in asked]
    for overlap in sorted(set(overlaps)):
        rows = [row for row, each in enumerate(overlaps) if each == overlap]
        encoded = tokenizer(
            [asked[row][0] for row in rows],
            [texts[row] for row in rows],
            truncation="only_second",
            stride=overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        types = encoded.get("token_type_ids")
        for number, place in enumerate(encoded["overflow_to_sample_mapping"]):
            row = rows[place]
            spans = np.array(encoded["offset_mapping"][number], dtype=np.int32).reshape(-1, 2)
            parts = encoded.sequence_ids(number)
            question = spans[[part == 0 for part in parts]]
            spans[[part != 1 for part in parts]] = 0
            inside = spans[spans[:, 0] < spans[:, 1]]
            found[row].append(
                Window(
                    row=row,
                    input_ids=np.array(encoded["input_ids"][number], dtype=np.int32),
                    types=np.array(types[number] if types else [], dtype=np.int8),
                    spans=spans,
                    asked=question,
                    asked_at=parts.index(0) if 0 in parts else 0,
                    begin=int(inside[0, 0]) if found[row] and len(inside) else 0,
                    end=int(inside[-1, 1]) if len(inside) else 0,
                    cut=asked[row][0] != questions[row],
                )
            )
    for row, windows in enumerate(found):
        yield from windows[:-1]
        yield replace(windows[-1], end=len(texts[row]))


def _fitting(tokenizer: Any, questions: Sequence[str], most: int) -> Iterator[tuple[str, int]]:
    """Each question, truncated to `most` tokens, and its number of tokens."""

    def encode(some: list[str]) -> Any:
        return tokenizer(some, add_special_tokens=False, return_offsets_mapping=True)

    every = encode(list(questions))
    for question, ids, offsets in zip(
        questions, every["input_ids"], every["offset_mapping"], strict=True
    ):
        kept, length, ends = question, len(ids), offsets
        while length > most:
            kept = kept[: min(int(ends[most - 1][1]), len(kept) - 1)]
            again = encode([kept])
            length, ends = len(again["input_ids"][0]), again["offset_mapping"][0]
        yield kept, length


def is_certain(tokenizer: Any) -> bool:
    """Whether the model learnt from questions that all have an answer."""
    return bool(tokenizer.init_kwargs.get(CERTAIN, False))


def best_answer(text: str, windows: Sequence[tuple[Spans, Scores]], *, certain: bool) -> Answer:
    """The answer in a text, from all of its windows.

    Args:
        text: the text.
        windows: of each, the spans of its tokens and their scores, of shape (tokens, 2): as first
            and as last token of an answer.
        certain: whether there is an answer.
    """
    number, first, last = best_place(windows, certain=certain)
    spans, scores = windows[number]
    if (first, last) == NOWHERE:
        return Answer("", -1, _probability(scores, first, last))
    begin, end = int(spans[first, 0]), int(spans[last, 1])
    part = text[begin:end]
    start = begin + len(part) - len(part.lstrip())
    return Answer(part.strip(), start, _probability(scores, first, last))


def best_place(windows: Sequence[tuple[Spans, Scores]], *, certain: bool) -> tuple[int, int, int]:
    """The number of the window with the answer, and its first and last token there.

    Both tokens are those of NOWHERE if there is no answer, in the window where that is least sure.
    """
    found = [best_part(scores, spans) for spans, scores in windows]
    values = [value for value, _, _ in found]
    nothing = [float(scores[0].sum()) for _, scores in windows]
    best, least = int(np.argmax(values)), int(np.argmin(nothing))
    if values[best] == -np.inf or (not certain and nothing[least] > values[best]):
        return least, *NOWHERE
    return best, found[best][1], found[best][2]


def best_part(scores: Scores, spans: Spans) -> tuple[float, int, int]:
    """The part of a window with the highest sum of scores: the sum, its first and last token.

    Of equal ones it is the first and shortest. The sum is -inf where the window has no text.
    """
    inside = np.flatnonzero(spans[:, 0] < spans[:, 1])
    if not len(inside):
        return -np.inf, 0, 0
    first, last = scores[inside].astype(np.float64).T
    ends = np.concatenate([last, np.full(LONGEST - 1, -np.inf)])
    sums = first[:, None] + np.lib.stride_tricks.sliding_window_view(ends, LONGEST)
    begin, more = divmod(int(sums.argmax()), LONGEST)
    return float(sums[begin, more]), int(inside[begin]), int(inside[begin + more])


def _probability(scores: Scores, first: int, last: int) -> float:
    """The probability of a first and a last token, among those of their window."""
    shifted = scores.astype(np.float64) - scores.max(axis=0)
    logs = shifted - np.log(np.exp(shifted).sum(axis=0))
    return float(np.exp(logs[first, 0] + logs[last, 1]))


class Reader:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForQuestionAnswering.from_pretrained(folder / "model")
        self.model: Any = model.eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)

    def predict(self, data: Any) -> pd.DataFrame:
        """The `answer` to each question, its `start` in the text, and its `score`.

        The score is the probability of the answer in its window. Where the text has no answer, it
        is empty, and `start` is -1.

        Args:
            data: A table with the columns `question` and `text`.
        """
        rows = rows_of(data)
        questions, texts = ([row[place] for row in rows] for place in (0, 1))
        found: list[list[tuple[Spans, Scores]]] = [[] for _ in rows]
        for window in windows_of(self.tokenizer, questions, texts):
            found[window.row].append((window.spans, self._scores(window)))
        certain = is_certain(self.tokenizer)
        answers = [
            best_answer(text, windows, certain=certain)
            for text, windows in zip(texts, found, strict=True)
        ]
        return pd.DataFrame(
            {
                "answer": [answer.text for answer in answers],
                "start": [answer.start for answer in answers],
                "score": [answer.score for answer in answers],
            }
        )

    @torch.no_grad()
    def _scores(self, window: Window) -> Scores:
        ids = torch.tensor(window.input_ids[None], dtype=torch.long)
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if len(window.types):
            given["token_type_ids"] = torch.tensor(window.types[None], dtype=torch.long)
        found = self.model(**given)
        scores: Scores = torch.stack([found.start_logits, found.end_logits], dim=-1)[0].numpy()
        return scores


def rows_of(data: Any) -> list[list[str]]:
    """The question and the text of each row of an input as MLflow gives it: a table, a list.

    Args:
        data: The input. Columns count by name, or else by their order.

    Raises:
        ValueError: a column is missing, or a row lacks its question or its text.
    """
    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    if table.empty:
        return []
    if not set(COLUMNS) <= set(table.columns):
        if table.shape[1] < len(COLUMNS):
            raise ValueError(f"found {table.shape[1]} column; accepted: {' and '.join(COLUMNS)}")
        table = table.iloc[:, : len(COLUMNS)].set_axis(list(COLUMNS), axis=1)
    rows = list(table[list(COLUMNS)].itertuples(index=False))
    for number, row in enumerate(rows, 1):
        for name, text in zip(COLUMNS, row, strict=True):
            if not pd.api.types.is_scalar(text) or pd.isna(text):
                raise ValueError(f"row {number} has no {name}; accepted: {' and '.join(COLUMNS)}")
    return [[str(text) for text in row] for row in rows]


def _load_pyfunc(path: str, _model_config: Any = None) -> Reader:
    """Load a model; MLflow calls it with the folder of the model."""
    return Reader(Path(path))
