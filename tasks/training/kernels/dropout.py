"""Dropout (Srivastava et al., 2014) with masks that are drawn quickly on a CPU.

torch draws a mask element by element, on one thread: a tenth of a step of fine-tuning on short
sentences. One random number of 64 bits is enough for four elements. The weights of attention are
dropped by `attention.py`, where it takes the place of the model's own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import Tensor, nn

from tasks.training.kernels.patched_forwards import replaced_forwards

LEVELS = 2**16  # of the 16 bits that decide about an element
PER_NUMBER = 4  # elements, of 64 bits


def dropped_out(states: Tensor, probability: float) -> Tensor:
    """`states` with this share of its elements at zero, the others scaled up; on a CPU.

    The probability is rounded to 16 bits. The numbers are of torch's global generator, which
    checkpoints keep.
    """
    dropped = round(probability * LEVELS)
    if not dropped:
        return states
    if dropped == LEVELS:
        return states * 0
    numbers = torch.empty(-(-states.numel() // PER_NUMBER), dtype=torch.int64)
    drawn = numbers.random_(-(2**63), None).view(torch.int16)[: states.numel()]
    kept = torch.empty(states.shape, dtype=states.dtype)
    # Not by way of booleans, which are slow to come and to go.
    torch.ge(drawn.view(states.shape), dropped - LEVELS // 2, out=kept)
    return states * kept.mul_(LEVELS / (LEVELS - dropped))


def drop(module: nn.Dropout, states: Tensor) -> Tensor:
    """What the module's own `forward` does."""
    if not module.training or states.device.type != "cpu":
        return nn.Dropout.forward(module, states)
    return dropped_out(states, module.p)


def quick_dropout(model: nn.Module) -> AbstractContextManager[None]:
    """Let the model's dropout modules draw quickly while the block runs."""
    modules = [module for module in model.modules() if type(module) is nn.Dropout]
    return replaced_forwards(modules, lambda module: partial(drop, module))
