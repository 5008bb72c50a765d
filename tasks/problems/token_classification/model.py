"""Token classification: a BIO tag for each word, evaluated by the entities in the tags.

The model reads the words joined by spaces, like the text of pre-training and the input of
`pipeline`. Each word's tag is learnt and predicted at its first sub-word; the other sub-words have
no label. A word that the model does not see, because the sentence is longer than its input, is
predicted "O" and so counts against recall; with a stride, such a sentence is read in windows
(`windows_of` in `served.py`), each word in one of them.

Entities, precision, recall and F1 are seqeval's in its default mode (the conlleval rules): an I-
without a B- before it starts an entity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import AutoModelForTokenClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of, pad
from tasks.problems.token_classification.scores import OUTSIDE
from tasks.problems.token_classification.served import locate_words, windows_of
from tasks.problems.windows.cutting import reads_windows
from tasks.problems.windows.texts import TextWindow, by_row, configure

if TYPE_CHECKING:
    from tasks.training.flops import Product

__all__ = ["configure"]

CUT = "words_not_seen"
AUTO_MODEL: Any = AutoModelForTokenClassification
PIPELINE = "token-classification"
LOSS = "cross-entropy, nats"
# Without the "O" tokens, a sentence without entities would be an empty list, on which MLflow fails.
INFERENCE = {"ignore_labels": list[str]()}
SERVED = "tasks.problems.token_classification.served"

NO_LABEL = -100


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each sentence, truncated or in windows, and labels of first sub-words.

    A word has its label in the window that answers for it alone, so that it counts once.
    """
    number = {label: i for i, label in enumerate(labels)}
    if reads_windows(tokenizer):
        return list(_windows(rows, tokenizer, number))
    encoded = tokenizer(texts(rows), truncation=True, return_offsets_mapping=True)
    examples = []
    for words, tags, ids, spans in zip(
        rows["tokens"], rows["tags"], encoded["input_ids"], encoded["offset_mapping"], strict=True
    ):
        positions = locate_words(words, spans)
        marks = _marks(len(ids), positions, [number[tag] for tag in tags])
        examples.append(Example(ids, marks, cut=positions.count(-1), positions=positions))
    return examples


def _windows(rows: pd.DataFrame, tokenizer: Any, number: dict[str, int]) -> Iterator[Example]:
    """The windows of each sentence; words without a token count as cut in its first window."""
    wanted = [[number[tag] for tag in tags] for tags in rows["tags"]]
    windows = list(windows_of(tokenizer, list(rows["tokens"])))
    lost = [len(words) for words in rows["tokens"]]
    for window, places in windows:
        lost[window.row] -= sum(place >= 0 for place in places)
    for window, places in windows:
        marks = _marks(len(window.input_ids), places, wanted[window.row])
        cut, lost[window.row] = lost[window.row], 0
        yield TextWindow(
            window.input_ids,
            marks,
            cut=cut,
            positions=places,
            row=window.row,
            begin=window.begin,
            end=window.end,
        )


def _marks(tokens: int, positions: Sequence[int], tags: Sequence[int]) -> list[int]:
    """The number of the tag of each word at its place, and NO_LABEL elsewhere."""
    marks = [NO_LABEL] * tokens
    for tag, position in zip(tags, positions, strict=True):
        if position >= 0:
            marks[position] = tag
    return marks


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Sentences as a batch; `labels` of the shape of `input_ids`."""
    labels = pad([example.labels for example in examples], NO_LABEL)
    return {**inputs_of(examples, pad_id), "labels": labels}


def head(config: Any, batch: Batch) -> list[Product]:
    """The labels, for each token and the padding."""
    return [(batch["input_ids"].numel(), config.hidden_size, config.num_labels)]


def made_up(length: int) -> Example:
    """A sentence of words of one token, each with the first label."""
    return Example([0] * length, [0] * length, positions=tuple(range(length)))


def texts(rows: pd.DataFrame) -> list[str]:
    """The words joined by spaces."""
    return [" ".join(words) for words in rows["tokens"]]


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The most likely tag of each word, its probability, its loss; O, NaN, NaN if not seen."""
    answers: dict[str, list[Any]] = {"predicted": [], "probability": [], "loss": []}
    for own in by_row(examples):
        words = len(examples[own[0]].positions)
        found: dict[str, list[Any]] = {
            "predicted": [OUTSIDE] * words,
            "probability": [np.nan] * words,
            "loss": [np.nan] * words,
        }
        for number in own:
            example = examples[number]
            logs = log_softmax(logits[number].astype(np.float64), axis=1)
            seen = [word for word, place in enumerate(example.positions) if place >= 0]
            places = np.array([example.positions[word] for word in seen], dtype=np.int64)
            true = [int(example.labels[place]) for place in places]
            for name, values in (
                ("predicted", [labels[i] for i in logs[places].argmax(axis=1)]),
                ("probability", np.exp(logs[places].max(axis=1)).tolist()),
                ("loss", (-logs[places, true]).tolist()),
            ):
                for word, value in zip(seen, values, strict=True):
                    found[name][word] = value
        for name, values in found.items():
            answers[name].append(values)
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "tokens": [list(words) for words in rows["tokens"]],
            "gold": [list(tags) for tags in rows["tags"]],
            **answers,
        }
    )
