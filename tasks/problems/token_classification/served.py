"""The fine-tuned model as MLflow serves it: words in, words with their tags out, as evaluated.

MLflow copies this file and those of COPIED into the model, and loads them where Temper is not
installed: they import only torch, transformers and pandas. A word is what is between two blanks;
the `pipeline` of transformers would cut at punctuation marks too (`J.K.`), and answer for each
piece.

A text that is too long is truncated, or read in windows. Then each word has the tag of the window
where its context is the largest (Devlin et al. 2019, "BERT", in their code for SQuAD): where the
fewer of the tokens before and behind its first one are most, and of equal windows in the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from ..windows.cutting import Window, reads_windows, whole_texts, windows_in

COPIED = ("windows/cutting.py",)  # beside it, in this package
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


def windows_of(
    tokenizer: Any, sentences: Sequence[Sequence[str]]
) -> Iterator[tuple[Window, tuple[int, ...]]]:
    """The windows of sentences, and the place of each word in them; at least one for each.

    Places are those of first tokens. A word has one in a single window, and -1 in the others. A
    window that has no word is left out, if another one has.

    Args:
        tokenizer: that notes how many tokens windows share.
        sentences: their words.
    """
    texts = [" ".join(words) for words in sentences]
    encoded = whole_texts(tokenizer, texts, offsets=True)
    own: dict[int, list[Window]] = {}
    for window in windows_in(tokenizer, encoded):
        own.setdefault(window.row, []).append(window)
    for row, words in enumerate(sentences):
        windows = own[row]
        before = windows[0].first  # special tokens, which the text has too
        firsts = [
            place - before if place >= 0 else -1
            for place in locate_words(words, encoded["offset_mapping"][row])
        ]
        chosen = [widest(windows, first) for first in firsts]
        for number, window in enumerate(windows):
            places = tuple(
                first - window.begin + window.first if own_window == number else -1
                for first, own_window in zip(firsts, chosen, strict=True)
            )
            if len(windows) == 1 or number in chosen or (number == 0 and max(chosen) < 0):
                yield window, places


def widest(windows: Sequence[Window], token: int) -> int:
    """The number of the window where a token of the text has the most context; -1 for no token."""
    if token < 0:
        return -1
    context = [
        min(token - window.begin, window.end - 1 - token)
        if window.begin <= token < window.end
        else -1
        for window in windows
    ]
    return context.index(max(context))


class Tagger:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        self.model: Any = AutoModelForTokenClassification.from_pretrained(folder / "model").eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)

    def predict(self, data: Any) -> list[list[dict[str, Any]]]:
        """For each text its words: each with its tag, and the probability of the tag.

        A word beyond the longest input of the model has the tag O and no score, if long texts are
        not read in windows.

        Args:
            data: Texts; their words are separated by blanks.
        """
        return [list(self._tag(text)) for text in texts_of(data)]

    @torch.no_grad()
    def _tag(self, text: str) -> Iterator[dict[str, Any]]:
        words = text.split(" ")
        words = [word for word in words if word]
        labels, found = self.model.config.id2label, dict[int, torch.Tensor]()
        for given, places in self._read(words):
            shares = self.model(**given).logits[0].float().softmax(-1)
            found |= {word: shares[place] for word, place in enumerate(places) if place >= 0}
        for number, word in enumerate(words):
            if number not in found:
                yield {"word": word, "tag": OUTSIDE, "score": None}
            else:
                score, best = found[number].max(-1)
                yield {"word": word, "tag": labels[int(best)], "score": float(score)}

    def _read(self, words: Sequence[str]) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
        """What the model reads of a text, and the place of each word in it."""
        if reads_windows(self.tokenizer):
            for window, places in windows_of(self.tokenizer, [words]):
                ids = torch.tensor([window.input_ids])
                yield {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, places
            return
        given = self.tokenizer(
            " ".join(words), truncation=True, return_offsets_mapping=True, return_tensors="pt"
        )
        spans = given.pop("offset_mapping")[0].tolist()
        yield dict(given), locate_words(words, spans)


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
