"""A learning rate for each weight follows the schedule as a share, and resumes."""

import pytest
import torch
from torch.optim import AdamW

from tasks.contract import Silent
from tasks.training.optimization import Optimization
from tasks.training.weights.rates import set_rates
from tests.training.test_loop import Counting, assert_same, new_model, run, weights
from tests.training.test_resumption import EVERY_STEP
from tests.training.weights.test_averages import Broken

WORDS = "bert.embeddings.word_embeddings.weight"
LAYER = "bert.encoder.layer.0.output.dense."
RATES = {WORDS: 0.25, f"{LAYER}weight": 0.5, f"{LAYER}bias": 0.5}


def test_each_weight_has_its_share_and_keeps_its_decay():
    model = new_model()
    names = {id(part): name for name, part in model.named_parameters()}
    groups = [{"params": [], "weight_decay": decay} for decay in (0.01, 0.0)]
    for name, part in model.named_parameters():
        groups["bias" in name]["params"].append(part)
    optimizer = AdamW(groups, lr=0.1)
    set_rates(optimizer, model, RATES)
    found = {
        names[id(part)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for part in group["params"]
    }
    assert found == {
        name: (0.1 * RATES.get(name, 1), 0.0 if "bias" in name else 0.01)
        for name in dict(model.named_parameters())
    }
    assert optimizer.param_groups[0]["lr"] == 0.1, "the peak is the one that is logged"


def test_a_first_step_of_adam_is_as_long_as_the_rate():
    """Adam's first step is the rate times the sign of the gradient, but for the decay."""

    def moved(rates):
        model = new_model(dropout=0.0)
        before = weights(model)
        recipe = Optimization(learning_rate=1e-3, weight_decay=0.0, precision="fp32")
        run(recipe, model=model, batches=Counting(steps=1), rates=rates)
        after = weights(model)
        return {name: (after[name] - before[name]).abs().max() for name in (WORDS, f"{LAYER}bias")}

    usual, slower = moved(None), moved(RATES)
    for name, distance in usual.items():
        assert torch.isclose(slower[name], RATES[name] * distance, rtol=1e-2), name


def test_the_logged_rate_is_the_peak_and_a_share_of_0_keeps_a_weight():
    model = new_model()
    before = weights(model)[WORDS]
    _, history, _ = run(model=model, rates={WORDS: 0.0})
    assert history.curve("learning_rate") == run()[1].curve("learning_rate")
    assert torch.equal(weights(model)[WORDS], before)


def test_a_resumed_training_has_the_same_rates(tmp_path):
    whole, _, _ = run(rates=RATES)
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP, rates=RATES)
    resumed, _, _ = run(monitor=monitor, rates=RATES)
    assert_same(weights(resumed), weights(whole))
