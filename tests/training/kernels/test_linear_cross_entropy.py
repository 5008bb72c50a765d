"""The cross-entropy of a projection in parts is that of all logits, and so are its gradients."""

import pytest
import torch
from torch.nn import functional

from tasks.training.kernels import linear_cross_entropy as kernel

WIDTH, CLASSES = 24, 300


def drawn(rows):
    generator = torch.Generator().manual_seed(rows)
    states = torch.randn(rows, WIDTH, generator=generator)
    weight = torch.randn(CLASSES, WIDTH, generator=generator)
    return states, weight, torch.randint(CLASSES, (rows,), generator=generator)


def with_gradients(function, states, weight, targets, scale=1.0):
    states, weight = states.clone().requires_grad_(), weight.clone().requires_grad_()
    loss = function(states, weight, targets)
    (scale * loss).backward()
    return loss.detach(), states.grad, weight.grad


def all_at_once(states, weight, targets):
    return functional.cross_entropy((states @ weight.t()).float(), targets)


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("rows", [1, 49, 50, 51, 170])
def test_loss_and_gradients_are_those_of_all_logits(rows, scale, monkeypatch):
    monkeypatch.setattr(kernel, "TOKENS", 50)
    given = drawn(rows)
    found = with_gradients(kernel.linear_cross_entropy, *given, scale)
    for one, other in zip(found, with_gradients(all_at_once, *given, scale), strict=True):
        torch.testing.assert_close(one, other)


def test_in_autocast_it_multiplies_in_bf16_and_adds_up_in_fp32(monkeypatch):
    monkeypatch.setattr(kernel, "TOKENS", 50)
    given = drawn(170)
    with torch.autocast("cpu", torch.bfloat16):
        found = with_gradients(kernel.linear_cross_entropy, *given)
        expected = with_gradients(all_at_once, *given)
    assert all(part.dtype == torch.float32 for part in found)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-3, atol=1e-3)
    for one, other in zip(found[1:], expected[1:], strict=True):
        assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.9999


def test_it_is_the_same_to_the_bit_every_time():
    given = drawn(170)
    first, second = (with_gradients(kernel.linear_cross_entropy, *given) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_sum_and_the_right_ones_are_counted_in_parts(monkeypatch):
    monkeypatch.setattr(kernel, "TOKENS", 50)
    states, weight, targets = drawn(170)
    logits = states @ weight.t()
    targets[::3] = logits.argmax(-1)[::3]
    total, right = kernel.sum_and_right(states, weight, targets).tolist()
    assert total == pytest.approx(float(functional.cross_entropy(logits, targets, reduction="sum")))
    assert right == int((logits.argmax(-1) == targets).sum()) >= 57
