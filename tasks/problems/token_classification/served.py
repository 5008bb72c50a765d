"""The fine-tuned model as MLflow serves it: words in, words with their tags out, as evaluated.

MLflow copies this file into the model and loads it where Temper is not installed: it imports only
torch, transformers and pandas. A word is what is between two blanks; the `pipeline` of transformers
would cut at punctuation marks too (`J.K.`), and answer for each piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

OUTSIDE = "O"


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


class Tagger:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        self.model: Any = AutoModelForTokenClassification.from_pretrained(folder / "model").eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)

    def predict(self, data: Any) -> list[list[dict[str, Any]]]:
        """For each text its words: each with its tag, and the probability of the tag.

        A word beyond the longest input of the model has the tag O and no score.

        Args:
            data: Texts; their words are separated by blanks.
        """
        return [list(self._tag(text)) for text in texts_of(data)]

    @torch.no_grad()
    def _tag(self, text: str) -> Iterator[dict[str, Any]]:
        words = text.split(" ")
        words = [word for word in words if word]
        given = self.tokenizer(
            " ".join(words), truncation=True, return_offsets_mapping=True, return_tensors="pt"
        )
        spans = given.pop("offset_mapping")[0].tolist()
        shares = self.model(**given).logits[0].float().softmax(-1)
        labels = self.model.config.id2label
        for word, position in zip(words, locate_words(words, spans), strict=True):
            if position < 0:
                yield {"word": word, "tag": OUTSIDE, "score": None}
            else:
                score, best = shares[position].max(-1)
                yield {"word": word, "tag": labels[int(best)], "score": float(score)}


def texts_of(data: Any) -> list[str]:
    """The texts of an input as MLflow gives it: a table of one column, an array, a list.

    Raises:
        ValueError: a row has no text.
    """
    if isinstance(data, pd.DataFrame):
        data = data.iloc[:, 0]
    texts = [data] if isinstance(data, str) else list(data)
    for number, text in enumerate(texts, 1):
        if not pd.api.types.is_scalar(text) or pd.isna(text):
            raise ValueError(f"row {number} has no text; accepted: words separated by blanks")
    return [str(text) for text in texts]


def _load_pyfunc(path: str, _model_config: Any = None) -> Tagger:
    """Load a model; MLflow calls it with the folder of the model."""
    return Tagger(Path(path))
