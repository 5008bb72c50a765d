"""Linear layers that add their bias quickly do what torch's do, to the bit."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from tasks.linear import quick_linear

pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no bf16 for it"
)


def layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(33, 65), nn.GELU(), nn.Linear(65, 9, bias=False))


def step(model, states, *, quick, dtype=torch.bfloat16):
    """What the layers give, and all gradients."""
    states = states.clone().requires_grad_()
    context = quick_linear(model) if quick else nullcontext()
    with context, torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
        found = model(states)
    (found.float() * torch.arange(9)).sum().backward()
    return [found, states.grad, *(part.grad for part in model.parameters() if part.requires_grad)]


@pytest.mark.parametrize("shape", [(7, 33), (4, 5, 33), (1, 33), (0, 33)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_results_and_gradients_are_those_of_torch(shape, dtype):
    states = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    expected = step(layers(), states, quick=False, dtype=dtype)
    for mine, theirs in zip(step(layers(), states, quick=True, dtype=dtype), expected, strict=True):
        assert mine.dtype is theirs.dtype
        assert torch.equal(mine, theirs)


def test_a_frozen_layer_gets_no_gradient():
    model = layers()
    model[0].requires_grad_(False)
    step(model, torch.randn(4, 33), quick=True)
    assert [part.grad is None for part in model.parameters()] == [True, True, False]


def test_the_bias_is_added_by_the_product():
    with quick_linear(model := layers()), torch.autocast("cpu", torch.bfloat16):
        assert model[0](torch.randn(4, 33)).grad_fn.name() == "_LinearBackward"
    assert not any("forward" in vars(module) for module in model.modules())
