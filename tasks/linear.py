"""Linear layers in bf16 on a processor, with the bias added by the product itself.

torch first writes the bias into every row of the result and then adds the product to it, which
passes through the result twice more: a third of the time of a layer of 256 units. oneDNN, which
does the product, adds a bias on the way; torch offers that to its compiler alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tasks.forwards import replaced_forwards


class _Linear(torch.autograd.Function):
    """`functional.linear` of bf16: the same bits, forwards and backwards."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """States [..., in], weight [out, in], bias [out]; [..., out]."""
        ctx.save_for_backward(states, weight)
        return torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients that are asked for."""
        states, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        of_states, of_weight, of_bias = ctx.needs_input_grad
        return (
            (rows @ weight).view(states.shape) if of_states else None,
            rows.t() @ states.flatten(0, -2) if of_weight else None,
            rows.sum(0) if of_bias else None,
        )


def linear(module: nn.Linear, states: Tensor) -> Tensor:
    """What the module's own `forward` does under autocast to bf16."""
    quick = torch.is_autocast_enabled("cpu") and states.device.type == "cpu" and states.numel()
    if not quick or module.bias is None:
        return nn.Linear.forward(module, states)
    parts = (states, module.weight, module.bias)
    return _Linear.apply(*(part.to(torch.bfloat16) for part in parts))


def quick_linear(model: nn.Module) -> AbstractContextManager[None]:
    """Let the model's linear layers add their bias quickly while the block runs."""
    able = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    layers = [module for module in model.modules() if type(module) is nn.Linear] if able else []
    return replaced_forwards(layers, lambda layer: partial(linear, layer))
