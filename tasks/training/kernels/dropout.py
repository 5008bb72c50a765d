"""Dropout (Srivastava et al., 2014) with masks that are drawn fast on a CPU.

torch draws a mask element by element, on one thread, which takes a tenth of a step of fine-tuning
on short sentences. One random number of 64 bits is enough for four elements. `attention.py` drops
the weights of attention where it replaces the model's own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import Tensor, nn

from tasks.training.kernels.patched_forwards import replaced_forwards

LEVELS = 2**16  # an element uses 16 random bits
PER_NUMBER = 4  # elements per number of 64 bits


def dropped_out(states: Tensor, probability: float) -> Tensor:
    """`states` with this share of its elements set to zero, the others scaled up; on a CPU.

    The probability is rounded to 16 bits. The numbers come from torch's global generator, which
    checkpoints contain.
    """
    dropped = round(probability * LEVELS)
    if not dropped:
        return states
    if dropped == LEVELS:
        return states * 0
    numbers = torch.empty(-(-states.numel() // PER_NUMBER), dtype=torch.int64)
    drawn = numbers.random_(-(2**63), None).view(torch.int16)[: states.numel()]
    kept = torch.empty(states.shape, dtype=states.dtype)
    # Without booleans, whose conversions are slow.
    torch.ge(drawn.view(states.shape), dropped - LEVELS // 2, out=kept)
    return states * kept.mul_(LEVELS / (LEVELS - dropped))


def drop(module: nn.Dropout, states: Tensor) -> Tensor:
    """The module's own `forward`, faster."""
    if not module.training or states.device.type != "cpu":
        return nn.Dropout.forward(module, states)
    return dropped_out(states, module.p)


def quick_dropout(model: nn.Module) -> AbstractContextManager[None]:
    """Use the fast dropout in the model's modules while the block runs."""
    modules = [module for module in model.modules() if type(module) is nn.Dropout]
    return replaced_forwards(modules, lambda module: partial(drop, module))
