"""Offloaded, a training computes the same; where nothing would be saved it is refused."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tasks.contract import StageError
from tasks.experiment.problem import FineTuning
from tasks.machinery.execution.offloading import asks, offloaded
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tests.support.shapes import case
from tests.support.toy_stages import DOUBLE

HERE = {"device": "cpu", "smallest": 0}  # a copy on this side takes the place of one on the other


def gradients(family: str) -> dict[str, Tensor]:
    """Those of a step with dropout."""
    given = case(f"{family} text-classification")
    given.model.train()
    torch.manual_seed(0)
    given.model(**given.batch).loss.backward()
    return {name: p.grad for name, p in given.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_gradients_are_the_same_to_the_bit(family: str) -> None:
    plain = gradients(family)
    with offloaded(**HERE):
        away = gradients(family)
    assert plain.keys() == away.keys()
    assert plain
    assert all(torch.equal(plain[name], away[name]) for name in plain)


def test_what_is_kept_for_the_backward_pass_waits_elsewhere_and_weights_stay() -> None:
    def kept_of(*, block: bool) -> list[str]:
        """Where the memory is that the two factors of a product are kept in."""
        weight = nn.Parameter(torch.ones(3, 4))
        inner = torch.ones(4, 2, requires_grad=True) * 2
        with offloaded(**HERE) if block else nullcontext():
            node = (weight @ inner).grad_fn
        places = {weight.data_ptr(): "weight", inner.data_ptr(): "inner"}
        return [places.get(t.data_ptr(), "copy") for t in (node._saved_self, node._saved_mat2)]

    assert kept_of(block=False) == ["weight", "inner"]
    assert kept_of(block=True) == ["weight", "copy"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_on_a_processor_it_is_refused_before_anything_runs(tmp_path: Path) -> None:
    training = FineTuning(offload="activations")
    assert asks(training)
    assert not asks(FineTuning())
    planner = Planner(Store(tmp_path))
    said = r"training.offload: found activations, but there is no GPU here: .*; accepted: none"
    with pytest.raises(StageError, match=said):
        planner(DOUBLE, "first", training=training)
