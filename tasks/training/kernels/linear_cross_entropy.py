"""Cross-entropy of a projection to a large vocabulary, without ever holding all logits.

Some tokens at a time: their logits are computed, and turned at once into their loss and into the
gradients of the hidden states and of the weights (Hsu et al., 2024, "Liger Kernel", section 3.2).
The same products as those of the projection and its backward pass, made in the forward pass: the
logits of all tokens of a batch are many times as large as everything else that a small model keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tasks.training.kernels.cross_entropy import cross_entropy

TOKENS = 1024  # whose logits are held at once


def in_precision(states: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The factors of a product, in the precision that autocast would multiply them in."""
    device = states.device.type
    if not torch.is_autocast_enabled(device):
        return states, weight
    precision = torch.get_autocast_dtype(device)
    return states.to(precision), weight.to(precision)


def in_parts(states: Tensor, weight: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The logits of some rows at a time, and which rows they are."""
    for begin in range(0, len(states), TOKENS):
        rows = slice(begin, begin + TOKENS)
        yield rows, states[rows] @ weight.t()


class _LinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of states [rows, width], weight [classes, width] and targets [rows]."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        """The loss, in fp32; the gradients are made here too."""
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        of_states, of_weight = torch.zeros_like(states), torch.zeros_like(weight)
        given, factor = in_precision(states, weight)
        with torch.autocast(states.device.type, enabled=False):
            for rows, logits in in_parts(given, factor):
                target = targets[rows]
                share = len(target) / len(targets)  # of a part's mean in that of all rows
                with torch.enable_grad():
                    loss = cross_entropy(logits.requires_grad_(), target)
                (gradient,) = torch.autograd.grad(loss, logits)
                total += share * loss.detach()
                of_states[rows] = (gradient @ factor).mul_(share)
                of_weight.add_(gradient.t() @ given[rows], alpha=share)
        ctx.save_for_backward(of_states, of_weight)
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, Tensor, None]:
        """The gradients, scaled."""
        of_states, of_weight = ctx.saved_tensors
        return of_states * scale, of_weight * scale, None


def linear_cross_entropy(states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of the logits `states @ weight.T`, in fp32.

    Args:
        states: [rows, width].
        weight: [classes, width], as of a linear layer without a bias.
        targets: [rows] numbers of classes.
    """
    return _LinearCrossEntropy.apply(states, weight, targets)


@torch.no_grad()
def sum_and_right(states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """[2] the sum of the cross-entropies in nats, and how many targets have the largest logit."""
    found = torch.zeros(2, dtype=torch.float64, device=states.device)
    factors = in_precision(states, weight)
    with torch.autocast(states.device.type, enabled=False):
        for rows, logits in in_parts(*factors):
            target = targets[rows]
            right = (logits.argmax(-1) == target).sum()
            found += torch.stack([cross_entropy(logits, target) * len(target), right])
    return found
