"""Rows of one text in windows: their examples, their loss, and the answers of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.data.text.length_buckets import Batch, Example
from tasks.problems import defaults
from tasks.problems.windows.cutting import STRIDE, whole_texts, windows_in

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.experiment.problem import FineTuning

Merge = Callable[[Tensor], Tensor]  # scores [..., windows, answers] as those of a row


@dataclass(frozen=True)
class TextWindow(Example):
    """A window of a row's text.

    Attributes:
        row: the number of the row.
        weight: of its loss: 1 on average, and the same for each row together.
        begin: the number of its first token of the text.
        end: the number behind that of its last token.
    """

    row: int = 0
    weight: float = 1.0
    begin: int = 0
    end: int = 0


def configure(tokenizer: Any, training: FineTuning, train: Path) -> None:
    """Note how many tokens windows share; nothing where long texts are truncated."""
    tokenizer.init_kwargs.pop(STRIDE, None)  # of what the model was tuned for before
    if training.stride > 0:
        tokenizer.init_kwargs[STRIDE] = training.stride


def encode_windows(
    texts: Sequence[str], tokenizer: Any, answers: Iterable[Sequence[float]]
) -> list[Example]:
    """The windows of each text, each with the answer of its row in numbers."""
    windows = list(windows_in(tokenizer, whole_texts(tokenizer, texts)))
    number = np.bincount([window.row for window in windows], minlength=len(texts))
    known = list(answers)
    return [
        TextWindow(
            window.input_ids,
            known[window.row],
            row=window.row,
            weight=len(windows) / (len(texts) * float(number[window.row])),
            begin=window.begin,
            end=window.end,
        )
        for window in windows
    ]


def by_row(examples: Sequence[Example]) -> list[list[int]]:
    """The numbers of the examples of each row: one, or those of its windows."""
    rows: dict[int, list[int]] = {}
    for number, example in enumerate(examples):
        rows.setdefault(getattr(example, "row", number), []).append(number)
    return [rows[row] for row in sorted(rows)]


def of_rows(
    examples: Sequence[Example], logits: Sequence[NDArray[np.float32]], together: Merge
) -> tuple[list[Example], list[NDArray[np.floating[Any]]]]:
    """The first example of each row, and the logits of the row: merged where it has windows."""
    firsts: list[Example] = []
    merged: list[NDArray[np.floating[Any]]] = []
    for own in by_row(examples):
        firsts.append(examples[own[0]])
        if len(own) == 1:
            merged.append(logits[own[0]])
        else:
            scores = np.stack([logits[i] for i in own]).astype(np.float64)
            merged.append(together(torch.from_numpy(scores)).numpy())
    return firsts, merged


def with_weights(labels: Tensor, examples: Sequence[Example]) -> Tensor:
    """The labels of a batch; of windows of shape (windows, 2, …): labels, and weights as often."""
    weights = [example.weight for example in examples if isinstance(example, TextWindow)]
    if not weights:
        return labels
    stated = labels.float().reshape(len(labels), -1)
    return torch.stack([stated, torch.tensor(weights)[:, None].expand_as(stated)], dim=1)


def apart(labels: Tensor) -> tuple[Tensor, Tensor | None]:
    """The labels, and the weight of each row; None where all weigh the same."""
    if labels.ndim != 3 or not labels.is_floating_point():
        return labels, None
    return labels[:, 0], labels[:, 1, 0]


def mean_loss(model: Any, batch: Batch, each: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The loss of a batch in fp32: that of the model's head, or of windows by their weights.

    Args:
        model: with the head of a problem of texts.
        batch: of `collate`.
        each: the loss of each row by its scores (rows, answers) and labels (rows, …).
    """
    labels, weights = apart(batch["labels"])
    if weights is None:
        found: Tensor = defaults.loss(model, batch)
        return found
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    return (weights * each(model(**inputs).logits.float(), labels)).mean()
