"""Rows explained by several methods, each with the checks that one row allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch

from tasks.models.explaining.checks import (
    FEWEST,
    Curves,
    Scale,
    by_chance,
    curves,
    likeness,
    order_of,
)
from tasks.models.explaining.subject import Floats, RowInParts, Subject


class Attributing(Protocol):
    """What is needed of a method: see `Method` of tasks/explanations."""

    COMPLETE: bool

    def attribute(self, subject: Subject, row: RowInParts) -> Floats:
        """How much each part of a row raises the score: shape (parts,)."""


Methods = Mapping[str, Attributing]


@dataclass(frozen=True)
class Measured:
    """A row, explained.

    Attributes:
        row: with the answer that is explained.
        score: of that answer.
        blank: the score of the row without content.
        strength: of the answer, see `Scale.strength`.
        without: the strength of the answer to the row without content.
        values: by each method, the attributions of the parts.
        curves: of the order of each method; empty for a row of too few parts.
        chance: of random orders; None for a row of too few parts.
        alike: the likeness to a model with random weights.
    """

    row: RowInParts
    score: float
    blank: float
    strength: float
    without: float
    values: dict[str, Floats]
    curves: dict[str, Curves] = field(default_factory=dict)
    chance: Curves | None = None
    alike: dict[str, float] = field(default_factory=dict)

    def without_inputs(self) -> Measured:
        """The same, without what the model read: many pictures would fill the memory."""
        nothing = torch.empty(0)
        return replace(self, row=replace(self.row, inputs={}, blank=nothing))

    def faithfulness(self, method: str) -> float:
        """Of the order of a method; NaN where there is none."""
        if self.chance is None:
            return math.nan
        return self.curves[method].faithfulness(self.chance)

    def error(self, method: str) -> float:
        """How far the sum of attributions is from the difference of scores."""
        return abs(float(self.values[method].sum()) - (self.score - self.blank))


@dataclass(frozen=True)
class Explaining:
    """How rows are explained.

    Attributes:
        subject: the model.
        methods: by name.
        scale: of its scores.
        random: the same model with random weights; None to leave out that check.
        seed: of random orders.
    """

    subject: Subject
    methods: Methods
    scale: Scale
    random: Subject | None = None
    seed: int = 0

    def values(self, row: RowInParts) -> Measured:
        """The attributions of a row by each method, without checks."""
        both = np.ones((2, row.parts), dtype=bool)
        both[1] = False
        score, blank = (float(each) for each in self.subject.score(row, both))
        ends = self.scale.strength(np.array([score, blank]), row, blank)
        found = {name: each.attribute(self.subject, row) for name, each in self.methods.items()}
        return Measured(row, score, blank, float(ends[0]), float(ends[1]), found)

    def measure(self, row: RowInParts, number: int) -> Measured:
        """The attributions of a row, with checks; its random orders are a function of `number`."""
        found = self.values(row)
        if row.parts < FEWEST:
            return found
        subject, scale = self.subject, self.scale
        found.curves.update(
            {
                name: curves(subject, row, order_of(values, row), scale)
                for name, values in found.values.items()
            }
        )
        if self.random is not None:
            random = self.random
            found.alike.update(
                {
                    name: likeness(found.values[name], each.attribute(random, row), row.own)
                    for name, each in self.methods.items()
                }
            )
        chance = by_chance(subject, row, scale, [self.seed, number])
        return replace(found, chance=chance)
