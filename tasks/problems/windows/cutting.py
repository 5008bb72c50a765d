"""The windows of a text: parts of its tokens, as the model reads them.

MLflow copies this file into models that are served: it imports nothing of Temper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

STRIDE = "window_stride"  # what a tokenizer notes beside its longest input, in `init_kwargs`


@dataclass(frozen=True)
class Window:
    """A part of a text, as the model reads it.

    Attributes:
        row: the number of the text.
        input_ids: tokens, special tokens included.
        first: the place of its first token of the text among them.
        begin: the number of that token in the text.
        end: the number behind that of its last token.
    """

    row: int
    input_ids: list[int]
    first: int
    begin: int
    end: int


def reads_windows(tokenizer: Any) -> bool:
    """Whether long texts are read in windows; otherwise they are truncated."""
    return bool(tokenizer.init_kwargs.get(STRIDE, 0))


def whole_texts(tokenizer: Any, texts: Sequence[str], *, offsets: bool = False) -> Any:
    """All tokens of texts, however many."""
    return tokenizer(list(texts), truncation=False, return_offsets_mapping=offsets, verbose=False)


def windows_in(tokenizer: Any, encoded: Any) -> Iterator[Window]:
    """The windows of texts in their order; at least one for each.

    Windows share the noted number of tokens, at most half of a window. The last one of a text is as
    long as the others, and shares more with the one before.

    Args:
        tokenizer: with its longest input, and the tokens that windows share.
        encoded: of `whole_texts`.
    """
    for row, ids in enumerate(encoded["input_ids"]):
        first, last = inside(encoded.sequence_ids(row))
        if len(ids) <= tokenizer.model_max_length:
            yield Window(row, list(ids), first, 0, last - first)
            continue
        before, own, behind = list(ids[:first]), list(ids[first:last]), list(ids[last:])
        room = tokenizer.model_max_length - len(before) - len(behind)
        for begin, end in parts(len(own), room, tokenizer.init_kwargs[STRIDE]):
            yield Window(row, before + own[begin:end] + behind, first, begin, end)


def inside(sequence: Sequence[int | None]) -> tuple[int, int]:
    """The first and the last-plus-one place of the tokens of a text among special ones."""
    places = [place for place, text in enumerate(sequence) if text is not None]
    return (places[0], places[-1] + 1) if places else (0, 0)


def parts(tokens: int, room: int, stride: int) -> list[tuple[int, int]]:
    """The first and the last-plus-one token of each window of a text.

    Args:
        tokens: of the text.
        room: tokens of a window.
        stride: that two windows share.
    """
    if tokens <= room:
        return [(0, tokens)]
    step = room - min(stride, room // 2)
    begins = [*range(0, tokens - room, step), tokens - room]
    return [(begin, begin + room) for begin in begins]
