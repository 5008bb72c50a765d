"""Moving averages of the weights: what they are, when they are used, and how they resume."""

import pytest
import torch

from tasks.contract import Silent
from tasks.training.weights.averages import Averages
from tests.training.test_loop import Counting, assert_same, new_model, run, weights
from tests.training.test_resumption import EVERY_STEP

DECAY = 0.3  # which the third step and all after it keep: (1 + 3) / (10 + 3) is more


class Watching(Counting):
    """Batches that note the weights before each step."""

    def __init__(self, model, steps=20):
        super().__init__(steps)
        self.model, self.seen = model, []

    def __getitem__(self, step):
        self.seen.append(weights(self.model))
        return super().__getitem__(step)


class Broken(Counting):
    """Batches that stop a training at step 10."""

    def __getitem__(self, step):
        if step == 10:
            raise KeyboardInterrupt
        return super().__getitem__(step)


@pytest.fixture(scope="module")
def plain():
    """The weights before the first step of a training without averages, and after each."""
    model = new_model()
    batches = Watching(model)
    run(model=model, batches=batches)
    return [*batches.seen, weights(model)]


def averaged(plain, decay, steps):
    """The averages after some steps, by their definition, in double precision."""
    average = {name: part.double() for name, part in plain[0].items() if part.is_floating_point()}
    for step in range(1, steps + 1):
        kept = min(decay, (1 + step) / (10 + step))
        for name, part in average.items():
            average[name] = kept * part + (1 - kept) * plain[step][name].double()
    return average


def assert_close(found, expected):
    for name, part in expected.items():
        assert torch.allclose(found[name].double(), part, atol=1e-6), name


def test_the_model_ends_with_the_averages(plain):
    model, _, _ = run(averages=Averages(DECAY))
    assert_close(weights(model), averaged(plain, DECAY, 20))


def test_the_decay_begins_low_so_that_the_first_steps_are_forgotten():
    averages = Averages(0.999)
    assert [averages.decay_at(step) for step in (1, 2, 90)] == [2 / 11, 3 / 12, 91 / 100]
    assert averages.decay_at(100_000) == 0.999


def test_the_steps_are_those_without_averages(plain):
    model = new_model()
    batches = Watching(model)
    _, history, _ = run(model=model, batches=batches, averages=Averages(DECAY))
    for found, expected in zip(batches.seen, plain, strict=False):
        assert_same(found, expected)
    assert history.curve("loss") == run()[1].curve("loss")


def test_the_averages_are_what_is_validated(plain):
    model, seen = new_model(), []

    def validate():
        seen.append(weights(model))
        return {"validation_loss": 1.0}

    run(model=model, validate=validate, validate_every=8, averages=Averages(DECAY))
    for found, step in zip(seen, (8, 16, 20), strict=True):
        assert_close(found, averaged(plain, DECAY, step))
    assert_same(seen[-1], weights(model))


def test_frozen_weights_have_no_average():
    model = new_model()
    model.bert.embeddings.requires_grad_(requires_grad=False)
    before = weights(model.bert.embeddings)
    run(model=model, averages=Averages(DECAY))
    assert_same(weights(model.bert.embeddings), before)


def test_a_resumed_training_ends_with_the_same_averages(tmp_path):
    whole, _, _ = run(averages=Averages(DECAY))
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP, averages=Averages(DECAY))
    batches = Counting()
    resumed, _, _ = run(batches=batches, monitor=monitor, averages=Averages(DECAY))
    assert batches.asked == list(range(10, 20))
    assert_same(weights(resumed), weights(whole))


def test_a_finished_training_has_the_averages_again(tmp_path):
    monitor = Silent(checkpoints=tmp_path)
    first, _, _ = run(monitor=monitor, checkpoints=EVERY_STEP, averages=Averages(DECAY))
    batches = Counting()
    second, _, _ = run(monitor=monitor, batches=batches, averages=Averages(DECAY))
    assert batches.asked == []
    assert_same(weights(first), weights(second))
