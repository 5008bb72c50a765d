"""The metrics of generation: bits per byte, chrF and ROUGE-L.

Bits per byte are those of the true target under the model, not of what it writes.

chrF is the F-score of pieces of 1 to 6 characters without blanks, recall weighing twice as much as
precision (Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; beta of 2 as
in Popović 2016, "chrF deconstructed"). Precision and recall are those of all rows together, each
the mean over the lengths of pieces, as in sacrebleu.

ROUGE-L is the F-score of the longest common sequence of words (Lin 2004, "ROUGE: A package for
automatic evaluation of summaries", section 3.1), with precision and recall of equal weight, the
mean over the rows. Words are letters and digits in lower case.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import Described
from tasks.problems.class_scores import ratio
from tasks.problems.weighted import Floats, Sums, Values

LONGEST_PIECE = 6  # characters
BETA = 2.0  # how much more recall weighs than precision
MOST_WORDS = 500  # of a text, in ROUGE-L
SYMBOLS = 257  # the bytes, and the end of a text
_WORD = re.compile(r"\w+")
_LENGTHS = range(1, LONGEST_PIECE + 1)


def pieces(text: str, length: int) -> Counter[str]:
    """The pieces of this many characters of a text without blanks."""
    whole = "".join(text.split())
    return Counter(whole[i : i + length] for i in range(len(whole) - length + 1))


def piece_counts(true: str, found: str) -> list[float]:
    """For each length of pieces: how many both have, how many are found, how many are true."""
    counts: list[float] = []
    for length in _LENGTHS:
        one, other = pieces(true, length), pieces(found, length)
        counts += [(one & other).total(), other.total(), one.total()]
    return counts


def chrf(sums: Floats) -> Floats:
    """ChrF from the sums of `piece_counts`, of shape (..., 18).

    A length that no true text has, or none that is found, does not count; 0 where none counts.
    """
    shared, found, true = (sums[..., start::3] for start in range(3))
    counts = (found > 0) & (true > 0)
    each = np.maximum(counts.sum(axis=-1), 1)
    precision = (ratio(shared, found) * counts).sum(axis=-1) / each
    recall = (ratio(shared, true) * counts).sum(axis=-1) / each
    return ratio((1 + BETA**2) * precision * recall, BETA**2 * precision + recall)


def rouge_l(true: str, found: str) -> float:
    """The F-score of the longest common sequence of words; 1 if neither text has a word."""
    one, other = (_WORD.findall(text.lower())[:MOST_WORDS] for text in (true, found))
    if not one or not other:
        return float(one == other)
    return 2 * longest_common(one, other) / (len(one) + len(other))


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest sequence that both have, with gaps."""
    before = [0] * (len(other) + 1)
    for word in one:
        now = [0]
        for place, each in enumerate(other, 1):
            now.append(before[place - 1] + 1 if word == each else max(before[place], now[-1]))
        before = now
    return before[-1]


def count(gold: Iterable[str], predicted: Iterable[Mapping[str, Any]]) -> Floats:
    """Bits, bytes, ROUGE-L, 1 and the counts of pieces of each row: shape (rows, 22)."""
    found = [
        [
            float(answer["bits"]),
            float(answer["bytes"]),
            rouge_l(true, str(answer["text"])),
            1.0,
            *piece_counts(true, str(answer["text"])),
        ]
        for true, answer in zip(gold, predicted, strict=True)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 4 + 3 * LONGEST_PIECE)


def measure(sums: Floats) -> Values:
    """The metrics from the sums of `count`."""
    return {
        "bits_per_byte": ratio(sums[..., 0], sums[..., 1]),
        "chrf": chrf(sums[..., 4:]),
        "rouge_l": ratio(sums[..., 2], sums[..., 3]),
    }


def score(
    gold: Iterable[str], predicted: Iterable[Mapping[str, Any]], labels: Sequence[str]
) -> Sums:
    """All metrics, as functions of the rows' weights."""
    return Sums(count(gold, predicted), measure, deciding=lambda sums: sums[:, :1])


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[dict[str, Any]]:
    """Nothing written, and the bits of each target by the frequency of bytes in the training.

    Each byte is counted once more than it occurs, so that none is impossible.
    """
    known = np.ones(SYMBOLS)
    for target in train["target"]:
        known[:256] += np.bincount(np.frombuffer(target.encode(), np.uint8), minlength=256)
        known[256] += 1
    bits = -np.log2(known / known.sum())
    return [
        {
            "text": "",
            "bits": float(bits[np.frombuffer(target.encode(), np.uint8)].sum() + bits[256]),
            "bytes": len(target.encode()) + 1,
        }
        for target in test["target"]
    ]


def constant(majority: Sequence[Any]) -> str:
    """What these are, in words."""
    return "nothing, and bytes by their frequency"


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """The bits per byte of each row."""
    found = [answer["bits"] / max(1, answer["bytes"]) for answer in answers["predicted"]]
    return np.array(found, dtype=np.float64)


def describe(answer: Any) -> Described:
    """The prompt, the target and what the model writes."""
    found = answer["predicted"]
    text, bits = str(found["text"]), float(found["bits"]) / max(1, int(found["bytes"]))
    truth = str(answer["gold"])
    said = f"{bits:.2f} bits per byte" if math.isfinite(bits) else "no bits"
    return Described(str(answer["prompt"]), truth, text or "nothing", text == truth, said)
