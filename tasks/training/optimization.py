"""How a model is optimized, from the fields of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.experiment.training import Training
from tasks.training.schedule import Schedule

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How to train: AdamW (Loshchilov and Hutter, 2019) with warm-up, decay and clipped gradients.

    Attributes:
        learning_rate: the peak.
        warmup_share: share of the steps in which the learning rate rises from 0.
        schedule: how it falls after that; linear and cosine end at 0.
        weight_decay: decoupled; biases and normalization layers have none.
        adam_beta2: decay of the second moment.
        max_gradient_norm: gradients are scaled down to this norm.
        precision: auto is bf16 where the hardware is fast at it.
        log_every: steps between two points of the history.
        seed: seeds the dropout.
        minutes: of training time after which it ends, if it has not made its steps before; 0: no
            bound. The learning rate then follows the time too.
    """

    learning_rate: float
    warmup_share: float = 0.0
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    adam_beta2: float = 0.999
    max_gradient_norm: float = 1.0
    precision: Precision = "auto"
    log_every: int = 25
    seed: int = 0
    minutes: float = 0.0

    @classmethod
    def of(
        cls, training: Training, *, log_every: int, seed: int, minutes: float = 0.0
    ) -> Optimization:
        """How to train, from a part of the experiment."""
        return cls(
            learning_rate=training.learning_rate,
            warmup_share=training.warmup_share,
            schedule=training.schedule,
            weight_decay=training.weight_decay,
            adam_beta2=training.adam_beta2,
            max_gradient_norm=training.max_gradient_norm,
            precision=training.precision,
            log_every=log_every,
            seed=seed,
            minutes=minutes,
        )
