"""Dropout that draws quickly does what torch's does."""

import pytest
import torch
from torch import nn

from tasks.training.kernels.dropout import quick_dropout

SHAPE = (500, 1001)  # an odd number of elements: the last number is used in part


def dropped(p=0.1, seed=0, states=None, training=True):
    model = nn.Sequential(nn.Dropout(p)).train(training)
    torch.manual_seed(seed)
    with quick_dropout(model):
        return model(torch.ones(SHAPE) if states is None else states)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_that_share_is_zero_and_the_rest_makes_up_for_it(p):
    found = dropped(p)
    deviation = (p * (1 - p) / found.numel()) ** 0.5
    assert (found == 0).float().mean().item() == pytest.approx(p, abs=5 * deviation + 2**-17)
    (kept,) = found[found != 0].unique().tolist()
    assert kept == pytest.approx(1 / (1 - p), rel=2e-4)


def test_neighbours_are_dropped_independently():
    zero = (dropped(0.5) == 0).flatten().float() - 0.5
    for apart in (1, 2, 3, 4, SHAPE[1]):
        together = (zero[apart:] * zero[:-apart]).mean().item() * 4
        assert abs(together) < 5 / zero.numel() ** 0.5


def test_the_global_seed_decides():
    assert torch.equal(dropped(seed=1), dropped(seed=1))
    assert not torch.equal(dropped(seed=1), dropped(seed=2))


def test_gradients_pass_where_elements_did():
    states = torch.ones(SHAPE, requires_grad=True)
    found = dropped(states=states)
    found.sum().backward()
    assert torch.equal(states.grad, found.detach())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_numbers_keep_their_precision(dtype):
    states = torch.ones(SHAPE, dtype=dtype)
    found = dropped(states=states)
    assert found.dtype is dtype
    expected = nn.Dropout(0.1)(states).max()
    assert found.max().item() == pytest.approx(
        expected.item(), rel=max(torch.finfo(dtype).eps, 2**-16)
    )


@pytest.mark.parametrize(("p", "training"), [(0.0, True), (0.1, False)])
def test_nothing_is_dropped_where_nothing_is_to_be(p, training):
    assert torch.equal(dropped(p, training=training), torch.ones(SHAPE))


def test_all_is_dropped_where_all_is_to_be():
    assert not dropped(1.0).any()


def test_the_model_goes_back_as_it_came():
    model = nn.Sequential(nn.Dropout(0.1))
    with quick_dropout(model):
        with quick_dropout(model):
            assert "forward" in vars(model[0])
        assert "forward" in vars(model[0])
    assert "forward" not in vars(model[0])
