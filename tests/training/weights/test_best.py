"""Early stopping: when it ends a training, with which weights, and that it resumes as it was."""

import signal
import subprocess
import sys

import pytest
from safetensors.torch import load_file
from torch import nn

from tasks.contract import Silent
from tasks.machinery.store.checkpoints import newest_checkpoint
from tasks.training.weights.averages import Averages
from tasks.training.weights.best import Best
from tests.conftest import ROOT
from tests.training.test_loop import Counting, assert_same, new_model, run, weights
from tests.training.test_resumption import EVERY_STEP, NEVER, validating
from tests.training.weights.test_averages import Broken, Watching


def worst_loss(metrics):
    """An order in which the first validation of a training that learns is the best."""
    return (metrics["validation_loss"],)


def stopped(best=None, interrupt_at=None, **options):
    """A training that validates each fourth step; its best validation is the first."""
    model = new_model()
    validate = validating(model, interrupt_at)
    best = best or Best(2, worst_loss)
    return run(model=model, validate=validate, validate_every=4, best=best, **options)


def test_the_best_is_the_greatest_and_the_first_of_equals():
    best, model = Best(2, lambda metrics: (metrics["f1"], -metrics["loss"])), nn.Linear(1, 1)
    best.begin(model)
    told = [(0.5, 1.0), (0.5, 0.9), (0.5, 0.9), (0.6, 2.0), (0.5, 0.1), (0.6, 2.0)]
    found = [best.validated(n, {"f1": f1, "loss": loss}) for n, (f1, loss) in enumerate(told)]
    assert found == [False] * 5 + [True]
    assert best.step == 3


def test_it_stops_after_the_patience_with_the_weights_of_the_best():
    plain = new_model()
    batches = Watching(plain)
    run(model=plain, batches=batches)
    model, history, monitor = stopped()
    assert history.curve("validation_loss")[0] == [4, 8, 12]
    assert history.steps == 12
    assert history.kept == 4
    assert_same(weights(model), batches.seen[4])
    assert history.validated("validation_loss") == history.curve("validation_loss")[1][0]
    assert monitor.last == (12, 12, "steps")
    assert monitor.said == [
        "stopped after step 12 of 20: 2 validations in a row are no better than that of step 4, "
        "whose weights are used"
    ]


def test_a_training_that_gains_to_the_end_is_that_without_early_stopping():
    def lowest_loss(metrics):
        return (-metrics["validation_loss"],)

    plain = new_model()
    _, expected, _ = run(model=plain, validate=validating(plain), validate_every=4)
    model, history, monitor = stopped(Best(2, lowest_loss))
    assert history.kept == 20
    assert history.curve("loss") == expected.curve("loss")
    assert_same(weights(model), weights(plain))
    assert monitor.said == []


def test_a_resumed_training_stops_where_it_would_have(tmp_path):
    whole, expected, _ = stopped()
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        stopped(batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP)
    batches = Counting()
    resumed, history, _ = stopped(batches=batches, monitor=monitor, checkpoints=EVERY_STEP)
    assert batches.asked == [10, 11]
    assert (history.steps, history.kept) == (expected.steps, expected.kept)
    assert history.curve("validation_loss") == expected.curve("validation_loss")
    assert_same(weights(resumed), weights(whole))
    assert monitor.checkpoints is not None
    again = Counting()
    finished, _, _ = stopped(batches=again, monitor=monitor)
    assert again.asked == [], "it has stopped, and stays so"
    assert_same(weights(finished), weights(whole))


@pytest.fixture
def raising():
    """SIGTERM raises KeyboardInterrupt, as in `temper run`."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("validation", [2, 3])
def test_an_interrupted_validation_counts_once(validation, raising, tmp_path):
    whole, expected, _ = stopped()
    options = {"monitor": Silent(checkpoints=tmp_path), "checkpoints": NEVER}
    with pytest.raises(KeyboardInterrupt):
        stopped(interrupt_at=validation, **options)
    assert newest_checkpoint(tmp_path).name == f"step-{4 * validation:08d}"
    resumed, history, _ = stopped(**options)
    assert (history.steps, history.kept) == (12, 4)
    assert history.curve("validation_loss") == expected.curve("validation_loss")
    assert_same(weights(resumed), weights(whole))


def test_the_best_averages_are_kept_where_averages_are_validated():
    averaged, _, _ = run(batches=Counting(steps=20), averages=Averages(0.5))
    whole, _, _ = stopped(averages=Averages(0.5))
    kept: list = []
    model = new_model()
    validate = validating(model)

    def watched():
        kept.append(weights(model))
        return validate()

    run(model=model, validate=watched, validate_every=4, averages=Averages(0.5))
    assert_same(weights(whole), kept[0])
    assert_same(weights(averaged), kept[-1])


RUN = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from tasks.contract import Silent
from tasks.training.weights.averages import Averages
from tests.training.test_loop import Counting
from tests.training.test_resumption import EVERY_STEP
from tests.training.weights.test_best import stopped
folder, kill_at, out = sys.argv[1:]
batches = Counting(kill_at=int(kill_at) if kill_at else None)
monitor = Silent(checkpoints=Path(folder)) if folder else Silent()
rates = {"bert.embeddings.word_embeddings.weight": 0.5}
model, history, _ = stopped(
    monitor=monitor, batches=batches, checkpoints=EVERY_STEP, averages=Averages(0.9), rates=rates)
save_file({name: part.contiguous() for name, part in model.state_dict().items()
           if "decoder" not in name}, out)
print(batches.asked[0], int(history.steps), history.kept)
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_killed_training_with_all_of_it_ends_as_an_uninterrupted_one(tmp_path):
    def child(folder, out, kill_at=""):
        command = [sys.executable, "-c", RUN, str(folder), str(kill_at), str(out)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    whole = child("", tmp_path / "whole.safetensors")
    assert whole.stdout.split() == ["0", "12", "4"], whole.stderr
    for kill_at in (6, 9):  # before the second validation, and after it
        killed = child(tmp_path / "killed", tmp_path / "none", kill_at)
        assert killed.returncode == -signal.SIGKILL
    resumed = child(tmp_path / "killed", tmp_path / "resumed.safetensors")
    assert resumed.stdout.split() == ["9", "12", "4"], resumed.stderr
    assert_same(
        load_file(tmp_path / "resumed.safetensors"), load_file(tmp_path / "whole.safetensors")
    )
