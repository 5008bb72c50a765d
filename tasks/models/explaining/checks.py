"""Whether an explanation can be believed, measured on the model itself.

Completeness: attributions that are to add up to a difference of scores do so.

Faithfulness: the parts are made blank in the order of their attributions, the most telling first
(deletion), or a blank row is filled in that order (insertion); Petsiuk et al. 2018, "RISE", BMVC,
section 3.2. Where the order is a good one, the answer falls faster, and comes back faster, than in
random orders: the mean of both differences of areas is the faithfulness.

Sanity: a model with random weights knows nothing, so the attributions of the trained model must
not look like its own; Adebayo et al. 2018, "Sanity checks for saliency maps", NeurIPS, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from tasks.models.explaining.subject import Floats, RowInParts, Subject

SHARES = np.linspace(0, 1, 11)  # of the parts that are blank, or filled
ORDERS = 8  # random ones of each row
FEWEST = 3  # parts of a row whose order says anything


@dataclass(frozen=True)
class Scale:
    """How a score becomes the strength of an answer.

    Attributes:
        probable: it is a log-odds, so that its probability is the strength.
        spread: else, the standard deviation of the scores of some rows.
    """

    probable: bool
    spread: float = 1.0

    @classmethod
    def of(cls, subject: Subject, scores: Sequence[float]) -> Scale:
        """The scale of the scores of some rows."""
        spread = float(np.std(scores)) if len(scores) else 0.0
        return cls(subject.explained.PROBABLE, spread or 1.0)

    def strength(self, scores: Floats, row: RowInParts, blank: float) -> Floats:
        """How strong the answer is: its probability, or how far the number is from a blank row's.

        That is in standard deviations, and in the direction of the answer.
        """
        if self.probable:
            return np.asarray(expit(row.direction * scores))
        return row.direction * (scores - blank) / self.spread


@dataclass(frozen=True)
class Curves:
    """The strength of an answer while parts become blank, or while a blank row is filled.

    Attributes:
        deletion: shape (SHARES,).
        insertion: the same.
    """

    deletion: Floats
    insertion: Floats

    def faithfulness(self, chance: Curves) -> float:
        """The mean of both differences of areas from those of random orders."""
        sooner = area(chance.deletion) - area(self.deletion)
        return float(sooner + area(self.insertion) - area(chance.insertion)) / 2


def area(curve: Floats) -> float:
    """The area under a curve over SHARES."""
    return float(np.trapezoid(curve, SHARES))


def curves(subject: Subject, row: RowInParts, order: NDArray[np.int64], scale: Scale) -> Curves:
    """The curves of one order of the parts, the most telling first."""
    blanked = np.unique(np.round(SHARES * row.parts).astype(np.int64))
    place = np.empty(row.parts, dtype=np.int64)
    place[order] = np.arange(row.parts)
    kept = np.concatenate([place >= blanked[:, None], place < blanked[:, None]])
    scores = subject.score(row, kept)
    strength = scale.strength(scores, row, scores[len(blanked) - 1])
    found = np.split(strength, 2)
    deletion, insertion = (np.interp(SHARES, blanked / row.parts, each) for each in found)
    return Curves(deletion, insertion)


def order_of(values: Floats, row: RowInParts) -> NDArray[np.int64]:
    """The parts by how much they speak for the answer, the most telling first."""
    return np.argsort(-row.direction * values, kind="stable")


def by_chance(subject: Subject, row: RowInParts, scale: Scale, seed: Sequence[int]) -> Curves:
    """The mean curves of random orders, a function of the seed."""
    generator = np.random.default_rng(list(seed))
    found = [curves(subject, row, generator.permutation(row.parts), scale) for _ in range(ORDERS)]
    return Curves(
        np.mean([each.deletion for each in found], axis=0),
        np.mean([each.insertion for each in found], axis=0),
    )


def likeness(ours: Floats, random: Floats, own: Sequence[int] = ()) -> float:
    """The rank correlation of the sizes of attributions; NaN where one of them has no order.

    The parts that the answer is of (`own`) do not count: the tag of a word depends most on that
    word in any model, whatever was learnt.
    """
    others = [np.delete(np.abs(each), list(own)) for each in (ours, random)]
    ranks = [rankdata(each) for each in others]
    if len(ranks[0]) < FEWEST or any(np.ptp(each) == 0 for each in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def with_random_weights(model: Any, auto_model: Any, seed: int) -> Any:
    """A model of the same configuration, its weights a function of the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = auto_model.from_config(model.config, trust_remote_code=False, dtype=torch.float32)
    return found.eval().to(model.device)
