"""Token classification: a BIO tag for each word, evaluated by the entities in the tags.

The model reads the words joined by spaces, like the text of pre-training and the input of
`pipeline`. Each word's tag is learnt and predicted at its first sub-word; the other sub-words have
no label. A word that the model does not see, because the sentence is longer than its input, is
predicted "O" and so counts against recall.

Entities, precision, recall and F1 are seqeval's in its default mode (the conlleval rules): an I-
without a B- before it starts an entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import AutoModelForTokenClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of, pad
from tasks.problems.token_classification.scores import OUTSIDE
from tasks.problems.token_classification.served import locate_words

if TYPE_CHECKING:
    from tasks.training.flops import Product

CUT = "words_not_seen"
AUTO_MODEL: Any = AutoModelForTokenClassification
PIPELINE = "token-classification"
LOSS = "cross-entropy, nats"
# Without the "O" tokens, a sentence without entities would be an empty list, on which MLflow fails.
INFERENCE = {"ignore_labels": list[str]()}
SERVED = "tasks.problems.token_classification.served"

NO_LABEL = -100


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each sentence, truncated at the longest input, and labels of first sub-words."""
    number = {label: i for i, label in enumerate(labels)}
    encoded = tokenizer(texts(rows), truncation=True, return_offsets_mapping=True)
    examples = []
    for words, tags, ids, spans in zip(
        rows["tokens"], rows["tags"], encoded["input_ids"], encoded["offset_mapping"], strict=True
    ):
        positions = locate_words(words, spans)
        marks = [NO_LABEL] * len(ids)
        for tag, position in zip(tags, positions, strict=True):
            if position >= 0:
                marks[position] = number[tag]
        examples.append(Example(ids, marks, cut=positions.count(-1), positions=positions))
    return examples


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
    for example, scores in zip(examples, logits, strict=True):
        logs = log_softmax(scores.astype(np.float64), axis=1)
        seen = np.array([i for i in example.positions if i >= 0], dtype=np.int64)
        tags = iter([labels[i] for i in logs[seen].argmax(axis=1)])
        best = iter(np.exp(logs[seen].max(axis=1)).tolist())
        loss = iter((-logs[seen, [example.labels[i] for i in seen]]).tolist())
        for name, values, unseen in (
            ("predicted", tags, OUTSIDE),
            ("probability", best, np.nan),
            ("loss", loss, np.nan),
        ):
            answers[name].append([next(values) if i >= 0 else unseen for i in example.positions])
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "tokens": [list(words) for words in rows["tokens"]],
            "gold": [list(tags) for tags in rows["tags"]],
            **answers,
        }
    )
