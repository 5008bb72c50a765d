"""What a training says of itself: how long it will take, and its share of the ceiling."""

import pytest
import torch

from tasks.training import throughput
from tasks.training.meter import Meter
from tasks.training.throughput import matmul_ceiling
from tests.training.test_budget import Slow, bounded, clock
from tests.training.test_loop import TEXT, Counting, assert_same, run, text, weights

__all__ = ["clock"]  # a fixture

COUNTED = text(flops=lambda batch: 1e6)


@pytest.fixture
def ceiling(monkeypatch):
    monkeypatch.setattr(throughput, "matmul_ceiling", lambda device, bf16: 4e6)


def test_a_long_training_says_how_long_it_takes(clock, ceiling):
    batches = Slow(clock, steps=134)  # a second each; after nine it is known
    _, history, monitor = run(batches=batches, computation=COUNTED)
    assert monitor.said == ["about 2 min at 35 tokens/s"]
    assert monitor.facts["matmul_ceiling"] == 4e6
    assert history.points[0].keys() >= {"flops_per_second"}
    assert history.curve("flops_per_second")[1] == pytest.approx([1e6] * 34)
    # Of the steps before it was measured, the share of the ceiling is not known.
    steps, shares = history.curve("ceiling_share")
    assert steps[0] == 12
    assert shares == pytest.approx([0.25] * len(shares))


def test_the_time_left_is_that_of_the_budget(clock, ceiling):
    _, _, monitor = run(bounded(200), batches=Slow(clock), computation=COUNTED)
    assert monitor.said == ["about 3 min at 35 tokens/s"]


def test_a_short_training_says_nothing_and_measures_nothing(clock, monkeypatch):
    monkeypatch.delattr(throughput, "matmul_ceiling")
    _, history, monitor = run(batches=Slow(clock, steps=60), computation=COUNTED)
    assert monitor.said == []
    assert "matmul_ceiling" not in monitor.facts
    assert "ceiling_share" not in {name for point in history.points for name in point}


def test_measuring_changes_no_weight(monkeypatch):
    plain, _, _ = run(batches=Counting(steps=20))
    monkeypatch.setattr("tasks.training.throughput.SECONDS", 0.01)
    monkeypatch.setattr(throughput, "LONG", 0.0)
    monkeypatch.setattr(throughput, "MEASURED", 0.0)
    measured, _, monitor = run(batches=Counting(steps=20), computation=COUNTED)
    assert monitor.facts.get("matmul_ceiling")
    assert_same(weights(plain), weights(measured))


@pytest.mark.parametrize("bf16", [False, True])
def test_the_ceiling_is_measured_and_draws_nothing(bf16, monkeypatch):
    monkeypatch.setattr("tasks.training.throughput.SECONDS", 0.01)
    monkeypatch.setitem(throughput.SIDES, "cpu", 64)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert matmul_ceiling("cpu", bf16=bf16) > 1e6
    assert torch.equal(torch.rand(3), expected)


def test_padding_is_not_in_the_tokens_but_in_the_operations():
    meter = Meter()
    batch = {"input_ids": torch.ones(2, 10), "attention_mask": torch.ones(2, 10)}
    batch["attention_mask"][1, 5:] = 0
    meter.count(TEXT.filled(batch), TEXT.slots(batch), flops=600.0)
    meter.add({"loss": 1.0})
    meter.spend(3.0)
    found = meter.drain("tokens", ceiling=400.0)
    assert found["tokens_per_second"] == 5
    assert found["flops_per_second"] == 200
    assert found["ceiling_share"] == 0.5
    assert meter.elapsed == 3
