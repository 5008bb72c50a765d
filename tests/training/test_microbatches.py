"""A batch in parts: loss and gradients of the whole, and a training that resumes exactly."""

from dataclasses import replace

import pytest
import torch

from tasks.contract import Silent, StageError
from tasks.training.microbatches import Splitting, split_rows, weighed
from tests.support.shapes import KINDS, ROWS, case
from tests.training.test_loop import (
    RECIPE,
    Counting,
    assert_same,
    loss_of,
    new_model,
    run,
    text,
    weights,
)
from tests.training.test_resumption import EVERY_STEP


def losses_of(found):
    return found if isinstance(found, dict) else {"loss": found}


def gradients(model):
    return {
        name: part.grad.clone() for name, part in model.named_parameters() if part.requires_grad
    }


@pytest.mark.parametrize("rows", [1, 3, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_up_to_the_losses_and_gradients_of_the_whole(kind, rows):
    given = case(kind)
    whole = losses_of(given.loss(given.model, given.batch))
    whole["loss"].backward()
    expected = gradients(given.model)
    given.model.zero_grad()

    sums = {}
    parts = given.splitting.keeping(rows).parts(given.batch, ROWS)
    for name in parts[0][1]:
        assert sum(shares.get(name, 0) for _, shares in parts) == pytest.approx(1)
    assert max(len(part["input_ids"]) for part, _ in parts) <= rows
    for part, shares in parts:
        found = weighed(losses_of(given.loss(given.model, part)), shares)
        found["loss"].backward()
        for name, loss in found.items():
            sums[name] = sums.get(name, 0) + loss.detach()
    assert sums.keys() == whole.keys()
    for name, loss in whole.items():
        assert float(sums[name]) == pytest.approx(float(loss.detach()), rel=1e-5), name
    for name, gradient in gradients(given.model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6, msg=name)


def test_a_mean_of_means_would_be_another_loss():
    """The parts differ in what they count: else the test above could not fail."""
    for kind in ("bert mlm+nsp", "bert token-classification"):
        given = case(kind)
        shares = [share for _, share in given.splitting.keeping(3).parts(given.batch, ROWS)]
        assert len({tuple(each.values()) for each in shares}) > 1, kind


def test_a_part_without_anything_to_learn_is_left_out():
    given = case("bert token-classification")
    given.batch["labels"][:5] = -100
    parts = given.splitting.keeping(5).parts(given.batch, ROWS)
    assert len(parts) == 1
    assert parts[0][1] == {"loss": 1.0}


def test_a_batch_that_fits_is_not_touched():
    given = case("bert mlm+nsp")
    ((part, shares),) = given.splitting.parts(given.batch, ROWS)
    assert part is given.batch
    assert shares is None


def counted(batch):
    return {"loss": batch["labels"].numel()}


def in_parts(rows, automatic=True):
    splitting = Splitting(rows=rows, automatic=automatic, split=split_rows, counts=counted)
    return text(splitting=splitting)


def test_one_part_changes_no_bit():
    plain, history, _ = run()
    split, same, _ = run(computation=in_parts(4))
    assert_same(weights(plain), weights(split))
    assert history.curve("loss") == same.curve("loss")


def test_a_training_in_parts_learns_the_same():
    _, expected, _ = run(model=new_model(dropout=0.0))
    _, found, monitor = run(model=new_model(dropout=0.0), computation=in_parts(1))
    assert found.curve("loss")[1] == pytest.approx(expected.curve("loss")[1], rel=1e-4)
    assert found.curve("gradient_norm")[1] == pytest.approx(
        expected.curve("gradient_norm")[1], rel=1e-3
    )
    assert found.seen == expected.seen
    assert monitor.facts["micro_batch_size"] == 1


class Broken(Counting):
    """Batches of which one does not come."""

    def __getitem__(self, step):
        if step == 10:
            raise KeyboardInterrupt
        return super().__getitem__(step)


def interrupted(folder, computation):
    monitor = Silent(checkpoints=folder)
    with pytest.raises(KeyboardInterrupt):
        run(batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP, computation=computation)


def test_a_resumed_training_keeps_its_parts_and_ends_with_the_same_bits(tmp_path):
    whole, expected, _ = run(computation=in_parts(3))
    interrupted(tmp_path, in_parts(3))
    monitor = Silent(checkpoints=tmp_path)
    # Another machine would choose another number.
    resumed, found, _ = run(monitor=monitor, computation=in_parts(4))
    assert monitor.facts["micro_batch_size"] == 3
    assert_same(weights(whole), weights(resumed))
    assert found.curve("loss") == expected.curve("loss")


def test_rows_that_are_stated_are_taken_also_by_a_resumed_training(tmp_path):
    interrupted(tmp_path, in_parts(3))
    monitor = Silent(checkpoints=tmp_path)
    run(monitor=monitor, computation=in_parts(2, automatic=False))
    assert monitor.facts["micro_batch_size"] == 2


class Card:
    """A loss on a GPU that has no memory for more than so many rows."""

    def __init__(self, rows, from_call=0):
        self.rows, self.from_call, self.calls = rows, from_call, 0

    def __call__(self, model, batch):
        self.calls += 1
        found = loss_of(model, batch)  # dropout has drawn before the memory is full
        if self.calls > self.from_call and len(batch["input_ids"]) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return found


def test_a_gpu_that_runs_out_of_memory_gets_fewer_rows_from_the_first_step_on():
    monitor = Silent()
    model, history, _ = run(loss=Card(1), monitor=monitor, computation=in_parts(4))
    assert monitor.facts["micro_batch_size"] == 1
    assert monitor.said == [
        "out of memory with 4 rows at once: continues with 2",
        "out of memory with 2 rows at once: continues with 1",
    ]
    expected, same, _ = run(computation=in_parts(1))
    assert_same(weights(model), weights(expected))
    assert history.curve("loss") == same.curve("loss")


def test_memory_that_does_not_do_for_a_row_is_said():
    with pytest.raises(
        StageError, match="not enough GPU memory for a single row: make the model sm"
    ):
        run(loss=Card(0), computation=in_parts(2))


def test_running_out_of_memory_later_says_what_to_set():
    with pytest.raises(StageError, match="with 4 rows at once: set micro_batch_size to 2"):
        run(replace(RECIPE, log_every=1), loss=Card(2, from_call=3), computation=in_parts(4))
