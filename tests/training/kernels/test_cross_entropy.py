"""The cross-entropy of a processor is torch's, and so is its gradient."""

import pytest
import torch
from torch.nn import functional

from tasks.training.kernels.cross_entropy import ROWS, cross_entropy


def both(logits, targets, scale=1.0):
    found = []
    for function in (cross_entropy, lambda x, t: functional.cross_entropy(x.float(), t)):
        leaf = logits.clone().requires_grad_()
        loss = function(leaf, targets)
        (scale * loss).backward()
        found.append((loss.detach(), leaf.grad))
    return found


@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_loss_and_gradient_are_those_of_torch(rows, scale):
    generator = torch.Generator().manual_seed(rows)
    logits = 5 * torch.randn(rows, 300, generator=generator)
    targets = torch.randint(300, (rows,), generator=generator)
    (loss, gradient), (expected, dense) = both(logits, targets, scale)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, dense)


def test_the_loss_of_bf16_logits_is_in_fp32_and_the_gradient_is_rounded_once():
    generator = torch.Generator().manual_seed(0)
    logits = (5 * torch.randn(200, 300, generator=generator)).bfloat16()
    targets = torch.randint(300, (200,), generator=generator)
    (loss, gradient), (expected, dense) = both(logits, targets)
    assert loss.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, dense, rtol=2**-7, atol=1e-6)


def test_a_hopeless_guess_has_a_finite_loss():
    logits = torch.zeros(2, 4)
    logits[:, 0] = 1e4
    (loss, gradient), (expected, dense) = both(logits, torch.tensor([1, 2]))
    assert loss == expected == 1e4
    torch.testing.assert_close(gradient, dense)


def test_a_logit_that_is_not_finite_shows_in_the_loss():
    logits = torch.zeros(2, 4)
    logits[1, 2] = float("nan")
    assert cross_entropy(logits, torch.tensor([1, 2])).isnan()


def test_logits_without_a_gradient_stay_as_they_are():
    logits = torch.randn(3, 4)
    before = logits.clone()
    cross_entropy(logits, torch.tensor([1, 2, 0]))
    assert torch.equal(logits, before)
