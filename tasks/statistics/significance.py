"""Whether one model is significantly better than another on the same test documents.

Both are measured on the same resamples of the documents (`bootstrap.py`), so each resample gives a
difference. The p-value belongs to the percentile interval: it is the smallest error rate whose
interval excludes zero, so that interval and test never contradict each other (Efron & Tibshirani
1993, chapter 15; (count + 1) / (samples + 1) as in Davison & Hinkley 1997, section 4.2.3, since an
observed value is one of those that chance could have given: never zero). On a difference whose
resamples are symmetric it is the shifted bootstrap of Berg-Kirkpatrick et al. 2012, "An empirical
investigation of statistical significance in NLP".

If few documents are answered differently, and all of them in favour of one model, no resample
reverses the difference, however many are drawn. The p-value is then that of the exact sign test
(Dixon & Mood 1946, "The statistical sign test", JASA 41): all of k such documents favour one model
by chance with probability 2^(1 − k), so that six are needed for 0.05.

Of twenty comparisons of equal models, one is below 0.05. Holm's step-down procedure (Holm 1979, "A
simple sequentially rejective multiple test procedure") keeps the probability of any such error
among all comparisons below the level, whatever their dependence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tasks.problems.weighted import Scores
from tasks.statistics.bootstrap import Bootstrap, documents_of
from tasks.statistics.documents import FEWEST_DOCUMENTS

BETTER, WORSE, CHANCE = "better", "worse", "no difference shown, could be chance"
NONE = "no difference at all"
# Holm multiplies the smallest p-value by the number of comparisons: it must be able to be small.
SAMPLES, FEWEST_SAMPLES = 10_000, 1_000
_DRAWS = 200_000_000  # seconds, not minutes, on a test split of a hundred thousand documents


@dataclass(frozen=True)
class Difference:
    """A metric of the first model minus that of the second, on the same documents.

    Attributes:
        sign: 1 where higher is better, -1 where lower is.
        low: end of the interval, not corrected for the number of comparisons.
        p: two-sided p-value of this comparison alone.
        adjusted: p-value corrected for all comparisons made together.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    documents: int
    problem: str = ""
    metric: str = ""
    confidence: float = 0.95
    samples: int = SAMPLES
    adjusted: float = float("nan")
    sign: int = 1

    @property
    def verdict(self) -> str:
        """What may be said: BETTER, WORSE, CHANCE, NONE or "too few test documents (n) to tell"."""
        if not (self.value or self.low or self.high):
            return NONE
        if self.documents < FEWEST_DOCUMENTS:
            return f"too few test documents ({self.documents}) to tell"
        p = self.p if np.isnan(self.adjusted) else self.adjusted
        if p >= 1 - self.confidence or not self.value:
            return CHANCE
        return BETTER if self.value * self.sign > 0 else WORSE

    @property
    def sentence(self) -> str:
        """`A is better than B`, `A and B: no difference shown, could be chance`."""
        said = self.verdict
        if said in (BETTER, WORSE):
            return f"{self.first} is {said} than {self.second}"
        return f"{self.first} and {self.second}: {said}"


def samples_for(documents: int) -> int:
    """The number of resamples for a number of documents, limited by time."""
    return int(np.clip(_DRAWS // max(documents, 1), FEWEST_SAMPLES, SAMPLES))


def p_value(differences: NDArray[np.float64]) -> float:
    """The two-sided p-value of a difference, from its values over the resamples."""
    fewer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(differences) + 1))


def least_p(first: Scores, second: Scores, documents: Sequence[str]) -> float:
    """The smallest two-sided p-value that the documents answered differently can give: 2^(1 − k).

    Of three documents, of which the models differ on two, it is 2^(1 − 2) = 0.5.

    Args:
        first: the answers of a model.
        second: the answers of another to the same rows.
        documents: of each row.
    """
    one, other = (each.by_group(*documents_of(documents)) for each in (first, second))
    differ = int(one.differing(other).sum())
    return float(min(1.0, 2.0 ** (1 - differ)))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order of the given ones."""
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(np.argsort(values, kind="stable").tolist()):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def differences(
    values: dict[str, float],
    resampled: dict[str, NDArray[np.float64]],
    documents: int,
    bootstrap: Bootstrap,
    *,
    sign: int = 1,
) -> list[Difference]:
    """All pairs of models that were measured on the same resamples.

    Args:
        values: the metric of each model, by its label.
        resampled: the metric over the resamples, by the same labels.
        documents: how many documents were resampled.
        bootstrap: what they were resampled with.
        sign: 1 where higher is better, -1 where lower is.
    """
    found = []
    for first, second in combinations(values, 2):
        each = resampled[first] - resampled[second]
        low, high = bootstrap.interval(each)
        found.append(
            Difference(
                first,
                second,
                value=values[first] - values[second],
                low=low,
                high=high,
                p=p_value(each),
                documents=documents,
                confidence=bootstrap.confidence,
                samples=bootstrap.samples,
                sign=sign,
            )
        )
    return found


def corrected(found: Sequence[Difference]) -> list[Difference]:
    """The same with p-values corrected for the number of comparisons."""
    adjusted = holm([each.p for each in found])
    return [replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True)]
