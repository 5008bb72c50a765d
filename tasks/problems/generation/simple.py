"""The field's simple model of generation: bytes by the five before them, counted.

An interpolated n-gram model with Witten and Bell's smoothing (Witten & Bell 1991, "The
zero-frequency problem", method C; interpolated as in Chen & Goodman 1999, "An empirical study of
smoothing techniques for language modeling", section 2.5): in a context in which t different bytes
occurred c times in all, the shorter context has the weight t / (t + c).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.problems.generation.scores import SYMBOLS

READS_TRUTH = True  # it is asked how likely the true targets are, as the fine-tuned model is
WORDS = "n-grams of bytes (Witten and Bell), at most 5 before each"
ORDERS = (2, 3, 4, 5)  # bytes before a byte; the best on validation
MOST_BYTES = 1_000_000  # of training text: counts of more take minutes
END = 256
Context = tuple[int, ...]


class Counts:
    """How often each byte follows each context of up to some bytes."""

    def __init__(self, texts: Sequence[list[int]], longest: int) -> None:
        self.longest = longest
        self.follow: dict[Context, dict[int, int]] = {}
        for text in texts:
            for place, byte in enumerate(text):
                for length in range(min(place, longest) + 1):
                    context = tuple(text[place - length : place])
                    found = self.follow.setdefault(context, {})
                    found[byte] = found.get(byte, 0) + 1

    def probability(self, byte: int, before: Context) -> float:
        """Of a byte behind others, of which the last ones count."""
        found = 1 / SYMBOLS
        for length in range(min(len(before), self.longest) + 1):
            known = self.follow.get(before[len(before) - length :])
            if known is None:
                break
            different, total = len(known), sum(known.values())
            found = (known.get(byte, 0) + different * found) / (total + different)
        return found

    def likeliest(self, before: Context) -> int:
        """The most frequent byte behind the longest known context; of equal ones the smallest."""
        for length in range(min(len(before), self.longest), -1, -1):
            known = self.follow.get(before[len(before) - length :])
            if known:
                return min(known, key=lambda byte: (-known[byte], byte))
        return END


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """What follows each test prompt, and the bits of its target, by the training rows alone.

    The validation rows choose how many bytes before a byte count.
    """
    texts, size = [], 0
    for prompt, target in zip(train["prompt"], train["target"], strict=True):
        text = as_bytes(prompt, target)
        size += len(text)
        texts.append(text)
        if size >= MOST_BYTES:
            break
    counts = Counts(texts, max(ORDERS))
    bits = []
    for order in ORDERS:
        counts.longest = order
        bits.append(sum(bits_of(counts, *row) for row in pairs(validation.head(200))))
    counts.longest = ORDERS[int(np.argmin(bits))]
    most = int(max((len(target.encode()) for target in train["target"]), default=1))
    return [
        {
            "text": written(counts, prompt, most),
            "bits": bits_of(counts, prompt, target),
            "bytes": len(target.encode()) + 1,
        }
        for prompt, target in pairs(test)
    ]


def pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Prompt and target of each row."""
    return list(zip(rows["prompt"], rows["target"], strict=True))


def as_bytes(prompt: str, target: str) -> list[int]:
    """A prompt and its target with a blank between them, and the end."""
    return [*f"{prompt} {target}".encode(), END]


def bits_of(counts: Counts, prompt: str, target: str) -> float:
    """The bits of a target and its end behind a prompt."""
    text = as_bytes(prompt, target)
    begin = len(text) - len(target.encode()) - 1
    total = 0.0
    for place in range(begin, len(text)):
        before = tuple(text[max(0, place - counts.longest) : place])
        total -= math.log2(counts.probability(text[place], before))
    return total


def written(counts: Counts, prompt: str, most: int) -> str:
    """The likeliest byte again and again, to the end or to as many bytes as targets have."""
    text = [*f"{prompt} ".encode()]
    begin = len(text)
    while len(text) - begin < most:
        byte = counts.likeliest(tuple(text[max(0, len(text) - counts.longest) :]))
        if byte == END:
            break
        text.append(byte)
    return bytes(text[begin:]).decode(errors="ignore").strip()
