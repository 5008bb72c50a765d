"""The head learns, and a pooler if there is one; the encoder only gives its features.

The features of a row are always the same, since the encoder is without dropout. Peters et al. 2019,
"To tune or not to tune? Adapting pretrained representations to diverse tasks", RepL4NLP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.contract import Monitor
from tasks.tuning import Tuned, Way

if TYPE_CHECKING:
    from tasks.problems import Problem
    from tasks.training.optimization import Precision
    from tasks.tuning._features import Features

FIELDS: tuple[str, ...] = ("learning_rate",)
OPTIMIZERS: tuple[str, ...] = ("adamw",)
READS = ("features",)


@dataclass
class Probe(Tuned):
    """A model whose encoder stays in evaluation mode.

    Attributes:
        features: of the examples; None before they are computed, or if they take too much memory.
    """

    features: Features | None = None

    def solving(
        self,
        kind: Problem,
        examples: Sequence[Any],
        precision: Precision,
        monitor: Monitor,
        *,
        number: int,
        stored: Path | None = None,
    ) -> Problem | None:
        """The problem whose batches carry the features of the encoder."""
        from tasks.tuning._features import Features
        from tasks.tuning._stored_features import StoredFeatures

        known = None if stored is None else StoredFeatures.open(stored, kind)
        features = Features(self.model, kind, precision, known)
        if not features.read(examples, monitor, number):
            return None
        self.features = features
        self.computes = False
        return features.problem()

    def restore(self) -> None:
        """Have the encoder compute again."""
        if self.features is not None:
            self.features.end()


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze the encoder, and keep it in evaluation mode."""
    from tasks.models.depths import freeze, hold_in_evaluation

    freeze(model, "encoder")
    hold_in_evaluation(model.base_model)
    return Probe(model, varies=False, held=[model.base_model])
