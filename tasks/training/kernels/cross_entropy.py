"""Cross-entropy over a large vocabulary, for a processor.

`functional.cross_entropy(logits.float(), targets)` walks six times over tables of one float for
each hidden token and entry of the vocabulary, which do not fit into any cache. Here the loss and
the gradient of some rows at a time are made from one copy of them that does, and the gradient takes
the place of the logits, which nobody reads again (as in Hsu et al., 2024, "Liger Kernel", section
3.2). Same loss; the gradient differs by its rounding alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 32


class _CrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of logits [rows, classes] and targets [rows]."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, in fp32; the gradient in the precision of the logits, in their place."""
        rows, classes = logits.shape
        total = torch.zeros((), dtype=torch.float32)
        buffer = torch.empty(min(ROWS, rows), classes, dtype=torch.float32)
        # Some rows at a time, in fp32, in a buffer that fits into the cache. Of a row x with the
        # target t: loss = log(sum(exp(x - max))) + max - x[t]. Example: x = [2, 0] and t = 0. The
        # maximum is 2, the exponentials are [1, 0.135], their sum is 1.135, the loss is 0.127.
        for begin in range(0, rows, ROWS):
            some = logits[begin : begin + ROWS]
            target = targets[begin : begin + ROWS, None]
            x = buffer[: len(some)].copy_(some)
            chosen, largest = x.gather(1, target), x.amax(1, keepdim=True)
            sums = x.sub_(largest).exp_().sum(1, keepdim=True)
            total += (sums.log() + largest - chosen).sum()
            # The gradient of a mean is (softmax - one-hot) / rows. The exponentials are there
            # already: [1, 0.135] / 1.135 is [0.881, 0.119]; less 1 at the target, [-0.119, 0.119].
            # It takes the place of the logits, in their precision: nobody reads those again.
            if ctx.needs_input_grad[0]:
                x.mul_(1 / (sums * rows))
                some.copy_(x.scatter_add_(1, target, torch.full_like(chosen, -1 / rows)))
        ctx.save_for_backward(logits)
        return total / rows

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, None]:
        """The gradient, scaled."""
        (gradient,) = ctx.saved_tensors
        return (gradient if float(scale) == 1 else gradient * scale), None


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats, in fp32 whatever the precision of the logits.

    Args:
        logits: [rows, classes]; where they need a gradient, they are overwritten by it, so what
            made them must not read them again: a product or a sum does not, a softmax would.
        targets: [rows] numbers of classes.
    """
    if logits.device.type != "cpu" or not len(targets):
        return functional.cross_entropy(logits.float(), targets)
    return _CrossEntropy.apply(logits, targets)
