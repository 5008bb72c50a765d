"""How a model is optimized, from the fields of an experiment; and an optimizer of two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from tasks.experiment.training import Training
from tasks.training.flops import of_products
from tasks.training.schedule import Schedule

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How to train: AdamW (Loshchilov and Hutter, 2019) with warm-up, decay and clipped gradients.

    Attributes:
        optimizer: AdamW for all weights, or Muon for the matrices of the layers.
        learning_rate: the peak.
        warmup_share: share of the steps in which the learning rate rises from 0.
        schedule: how it falls after that; all but constant end at 0.
        weight_decay: decoupled; biases and normalization layers have none.
        adam_beta2: decay of the second moment.
        max_gradient_norm: gradients are scaled down to this norm.
        precision: auto is bf16 where the hardware is fast at it.
        log_every: steps between two points of the history.
        seed: seeds the dropout.
        gradient_checkpointing: layers are computed again in the backward pass.
        minutes: of training time after which it ends, if it has not made its steps before; 0: no
            bound. The learning rate then follows the time too.
    """

    learning_rate: float
    optimizer: Literal["adamw", "muon"] = "adamw"
    warmup_share: float = 0.0
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    adam_beta2: float = 0.999
    max_gradient_norm: float = 1.0
    precision: Precision = "auto"
    log_every: int = 25
    seed: int = 0
    minutes: float = 0.0
    gradient_checkpointing: bool = False

    @classmethod
    def of(
        cls, training: Training, *, log_every: int, seed: int, minutes: float = 0.0
    ) -> Optimization:
        """How to train, from a part of the experiment."""
        return cls(
            optimizer=training.optimizer,
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
            gradient_checkpointing=training.gradient_checkpointing,
        )


def matrices_of_layers(model: PreTrainedModel) -> list[nn.Parameter]:
    """The matrices of a model's encoders that are trained, without embeddings; those of no head.

    A pooler is part of the head, also where it is stored in the encoder (BERT, ALBERT). A model may
    contain several encoders.
    """
    parts = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
    encoders = {id(part.base_model): part.base_model for part in parts}
    within = [
        module
        for encoder in encoders.values()
        for name, module in encoder.named_modules()
        if name.partition(".")[0] != "pooler"
    ]
    embedded = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    found = {
        id(weight): weight
        for module in within
        for weight in module.parameters(recurse=False)
        if weight.ndim == 2 and weight.requires_grad and id(weight) not in embedded
    }
    return list(found.values())


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for some matrices, AdamW for all other weights: one optimizer.

    Muon orthogonalizes the momentum of a matrix by five steps of Newton-Schulz: all its singular
    values become about 1. The update is scaled by 0.2 · √max(rows, columns) (Liu et al., 2025,
    "Muon is scalable for LLM training", section 2.2), which makes its numbers as large as AdamW's
    are: so both have the same learning rate and weight decay. The products are in bf16.

    Args:
        adamw: has no state yet; the matrices are taken out of its groups.
        matrices: at least one.
    """

    def __init__(self, adamw: torch.optim.Optimizer, matrices: Iterable[nn.Parameter]) -> None:
        chosen = {id(matrix) for matrix in matrices}
        groups = []
        for group in adamw.param_groups:
            taken = [part for part in group["params"] if id(part) in chosen]
            group["params"] = [part for part in group["params"] if id(part) not in chosen]
            if taken:
                kept = {name: group[name] for name in ("lr", "weight_decay")}
                groups.append({"params": taken, **kept})
        rate = adamw.defaults["lr"]
        self.adamw = adamw
        self.muon: Any = torch.optim.Muon(groups, lr=rate, adjust_lr_fn="match_rms_adamw")
        # The rate of the first group is the one that is logged: the peak.
        both = [*self.muon.param_groups, *adamw.param_groups]
        super().__init__(sorted(both, key=lambda group: -group["lr"]), {"lr": rate})

    def step(self, closure: Any = None) -> Any:
        """A step of both; `closure` as in torch."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # Groups and state are replaced when a checkpoint is loaded: both optimizers read ours.
        of_muon = [group for group in self.param_groups if "ns_steps" in group]
        of_adamw = [group for group in self.param_groups if "ns_steps" not in group]
        for optimizer, groups in ((self.muon, of_muon), (self.adamw, of_adamw)):
            optimizer.param_groups, optimizer.state = groups, self.state
            optimizer.step()
        return loss

    def flops(self) -> float:
        """Floating-point operations of the matrix products of a step."""
        total = 0.0
        for group in self.param_groups:
            for matrix in group["params"] if "ns_steps" in group else ():
                few, many = sorted(matrix.shape)
                iteration = [(few, many, few), (few, few, few), (few, few, many)]
                total += group["ns_steps"] * of_products(iteration)
        return total
