"""Question answering: the first and the last token of the answer, in each window of a text.

The windows of a text, and how the answer is found in them, are in `served.py`. A window without the
whole answer learns its first token in place of both: there is no answer here. A decoder has read
nothing at that token, so that its "no answer" is one constant score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch.nn import functional
from transformers import AutoModelForQuestionAnswering

from tasks.data.pairs import BETWEEN
from tasks.data.text.length_buckets import Batch, Example, inputs_of
from tasks.experiment.problem import OF_QUESTIONS
from tasks.problems.question_answering.served import (
    CERTAIN,
    NOWHERE,
    STRIDE,
    Scores,
    Spans,
    Window,
    best_answer,
    is_certain,
    windows_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.experiment.problem import FineTuning
    from tasks.training.flops import Product

CUT = "questions_cut_short"  # the question itself, or its answer, which no window has as a whole
AUTO_MODEL: Any = AutoModelForQuestionAnswering
PIPELINE = "question-answering"
LOSS = "cross-entropy of the first and of the last token, nats"
INFERENCE: dict[str, Any] = {}
SERVED = "tasks.problems.question_answering.served"


@dataclass(frozen=True)
class TextWindow(Example):
    """A window of a row's text.

    Attributes:
        row: the number of the row.
        spans: the characters of its tokens: see `Window`.
        certain: whether the text has an answer.
        asked: the characters of the tokens of the question.
        asked_at: the place of the first of these.
    """

    row: int = 0
    spans: Spans = field(default_factory=lambda: np.zeros((0, 2), np.int32), compare=False)
    certain: bool = False
    asked: Spans = field(default_factory=lambda: np.zeros((0, 2), np.int32), compare=False)
    asked_at: int = 0


def configure(tokenizer: Any, training: FineTuning, train: Path) -> None:
    """Note how many tokens windows share, and whether all rows to train on have an answer.

    All, not those that a seed chooses: models of several seeds decide by one rule.
    """
    known = pd.read_parquet(train, columns=["answer"])["answer"]
    tokenizer.init_kwargs[STRIDE] = OF_QUESTIONS if training.stride < 0 else training.stride
    tokenizer.init_kwargs[CERTAIN] = all(len(answers) > 0 for answers in known)


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """The windows of each row, with the first and the last token of its first answer."""
    wanted = [_characters(answers) for answers in rows["answer"]]
    windows = list(windows_of(tokenizer, list(rows["question"]), list(rows["text"])))
    places = [locate(window, wanted[window.row]) for window in windows]
    seen = {w.row for w, place in zip(windows, places, strict=True) if place != NOWHERE}
    certain, before = is_certain(tokenizer), -1
    examples: list[Example] = []
    for window, place in zip(windows, places, strict=True):
        lost = wanted[window.row] is not None and window.row not in seen
        examples.append(
            TextWindow(
                window.input_ids,
                place,
                cut=int(window.row != before and (window.cut or lost)),
                types=window.types,
                row=window.row,
                spans=window.spans,
                asked=window.asked,
                asked_at=window.asked_at,
                certain=certain,
            )
        )
        before = window.row
    return examples


def _characters(answers: Sequence[Any]) -> tuple[int, int] | None:
    """The first and the last-plus-one character of the first answer; None for no answer."""
    if not len(answers):
        return None
    first = answers[0]
    return int(first["start"]), int(first["start"]) + len(first["text"])


def locate(window: Window, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """The first and the last token of an answer in a window, or NOWHERE.

    Args:
        window: the window.
        wanted: the first and the last-plus-one character of the answer; None for no answer.
    """
    if wanted is None or wanted[0] < window.begin or wanted[1] > window.end:
        return NOWHERE
    begin, end = window.spans.T
    inside = np.flatnonzero((begin < end) & (end > wanted[0]) & (begin < wanted[1]))
    return (int(inside[0]), int(inside[-1])) if len(inside) else NOWHERE


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Windows as a batch; `labels` of shape (windows, 2): first and last token."""
    labels = torch.tensor([list(example.labels) for example in examples], dtype=torch.long)
    return {**inputs_of(examples, pad_id), "labels": labels}


def logits(model: Any, inputs: Batch) -> torch.Tensor:
    """The scores of each token as first and as last one: of shape (windows, tokens, 2)."""
    found = model(**inputs)
    return torch.stack([found.start_logits, found.end_logits], dim=-1)


def loss(model: Any, batch: Batch) -> torch.Tensor:
    """The mean cross-entropy of first and last tokens in nats; padding is no choice."""
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    padding = batch["attention_mask"] == 0
    scores = logits(model, inputs).float().masked_fill(padding[..., None], -torch.inf)
    return functional.cross_entropy(scores, batch["labels"])


def head(config: Any, batch: Batch) -> list[Product]:
    """Two scores, for each token and the padding."""
    return [(batch["input_ids"].numel(), config.hidden_size, 2)]


def made_up(length: int) -> Example:
    """A window without an answer."""
    return Example([0] * length, NOWHERE)


def texts(rows: pd.DataFrame) -> list[str]:
    """The question and the text, in one."""
    return [BETWEEN.join(pair) for pair in zip(rows["question"], rows["text"], strict=True)]


def any_truth(given: Any, labels: Sequence[str]) -> list[Any]:
    """No answer, for a question whose answer is unknown."""
    return []


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The best answer in the windows of each row, its start and probability, and their mean loss.

    `gold` are the texts of the correct answers, none if there is no answer.
    """
    windows: list[list[tuple[Spans, Scores]]] = [[] for _ in range(len(rows))]
    losses: list[list[float]] = [[] for _ in range(len(rows))]
    certain = False
    for example, padded in zip(examples, logits, strict=True):
        assert isinstance(example, TextWindow)
        scores = padded[: len(example.input_ids)]
        logs = log_softmax(scores.astype(np.float64), axis=0)
        first, last = (int(place) for place in example.labels)
        windows[example.row].append((example.spans, scores))
        losses[example.row].append(-float(logs[first, 0] + logs[last, 1]) / 2)
        certain = example.certain
    found = [
        best_answer(text, own, certain=certain)
        for text, own in zip(rows["text"], windows, strict=True)
    ]
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "question": list(rows["question"]),
            "text": list(rows["text"]),
            "gold": [[str(each["text"]) for each in answers] for answers in rows["answer"]],
            "predicted": [answer.text for answer in found],
            "start": [answer.start for answer in found],
            "probability": [answer.score for answer in found],
            "loss": [float(np.mean(each)) for each in losses],
        }
    )
