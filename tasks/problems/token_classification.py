"""Token classification: a BIO tag for each word, measured by the entities that the tags spell.

The model reads the words joined by spaces, as pre-training read its text and as `pipeline` reads a
person's. Each word's tag is learnt and predicted at its first sub-word; the other sub-words carry
no label. A word that the model does not see, because the sentence is longer than its input, is
predicted "O" and so counts against recall.

Entities, precision, recall and F1 are seqeval's in its default mode (the conlleval rules): an I-
without a B- before it starts an entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax
from seqeval.metrics.sequence_labeling import get_entities
from transformers import AutoModelForTokenClassification

from tasks.batching import Batch, Example, inputs_of, pad
from tasks.flops import Product
from tasks.scores import f1_score, ratio, score_table

COLUMNS = ("document", "tokens", "tags")
METRICS = {"f1": "entity F1", "precision": "entity precision", "recall": "entity recall"}
HEADLINE = "f1"
ROWS = "sentences"
CUT = "words_not_seen"
AUTO_MODEL: Any = AutoModelForTokenClassification
# With the "O" tokens left out, a sentence without entities is an empty list, on which MLflow's
# pyfunc fails.
INFERENCE = {"ignore_labels": list[str]()}

OUTSIDE, NO_LABEL = "O", -100


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each sentence, cut at the longest input, and the labels of first sub-words."""
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


def locate_words(words: Sequence[str], spans: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The first token of each word, or -1 for none.

    Args:
        words: The words; the text is these joined by single spaces.
        spans: First and last-plus-one character of each token in that text; empty for special
            tokens.
    """
    positions, token, start = [], 0, 0
    for word in words:
        end = start + len(word)
        while token < len(spans) and spans[token][1] <= start:
            token += 1
        inside = token < len(spans) and spans[token][0] < end
        positions.append(token if inside else -1)
        start = end + 1
    return tuple(positions)


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
    """The likeliest tag of each word, its probability, the loss; O, NaN, NaN for words not seen."""
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


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[list[str]]:  # noqa: ARG001
    """No entity anywhere: "O" is the most frequent tag of any data set worth tagging."""
    return [[OUTSIDE] * len(words) for words in test["tokens"]]


def count(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Entities right, predicted and true for each type: shape (sentences, 3 × types)."""
    number = {name: i for i, name in enumerate(entity_types(labels))}
    pairs = list(zip(gold, predicted, strict=True))
    counts = np.zeros((len(pairs), 3, len(number)), dtype=np.int64)
    for row, (tags, answer) in enumerate(pairs):
        true, found = set(get_entities(list(tags))), set(get_entities(list(answer)))
        for kind, entities in enumerate((true & found, found, true)):
            for entity in entities:
                counts[row, kind, number[entity[0]]] += 1
    return counts.reshape(len(pairs), -1)


def measure(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Precision, recall and F1 over all types together, from the sums of `count`."""
    right, predicted, true = (part.sum(axis=-1) for part in np.split(sums, 3, axis=-1))
    return {
        "f1": f1_score(right, predicted, true),
        "precision": ratio(right, predicted),
        "recall": ratio(right, true),
    }


def report(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and support of each type of entity."""
    sums = count(gold, predicted, labels).sum(axis=0).astype(np.float64)
    return score_table(entity_types(labels), *np.split(sums, 3))


def confusion(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """Words by type, "O" first; where an entity begins is not looked at."""
    names = [OUTSIDE, *entity_types(labels)]
    number = {label: names.index(label.split("-", 1)[-1]) for label in labels}
    matrix = np.zeros((len(names), len(names)), dtype=np.int64)
    for tags, answer in zip(gold, predicted, strict=True):
        np.add.at(matrix, ([number[t] for t in tags], [number[t] for t in answer]), 1)
    return names, matrix


def entity_types(labels: Sequence[str]) -> list[str]:
    """The types in BIO tags, sorted."""
    return sorted({label.split("-", 1)[1] for label in labels if label != OUTSIDE})
