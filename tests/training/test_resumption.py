"""A training that was stopped resumes to the same bits, whatever happened to its checkpoints."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM

from tasks.contract import Silent, StageError
from tasks.experiment.pretraining import Checkpoints
from tasks.machinery.store.checkpoints import newest_checkpoint, step_of
from tasks.training.resumption import require_room
from tests.conftest import ROOT
from tests.training.test_loop import CONFIG, Counting, assert_same, loss_of, new_model, run, weights

EVERY_STEP = Checkpoints(every_steps=1, every_minutes=60)
NEVER = Checkpoints(every_minutes=60)

RUN = """
import sys
from pathlib import Path
from tasks.contract import Silent
from tests.training.test_loop import Counting, run
from tests.training.test_resumption import EVERY_STEP
from safetensors.torch import save_file
folder, kill_at, out = sys.argv[1:]
monitor = Silent(checkpoints=Path(folder))
batches = Counting(kill_at=int(kill_at) if kill_at else None)
model, history, _ = run(monitor=monitor, batches=batches, checkpoints=EVERY_STEP)
save_file({name: part.contiguous() for name, part in model.state_dict().items()
           if "decoder" not in name}, out)
print(batches.asked[0], len(history.points), history.seen)
"""


def in_child(folder, out, kill_at=""):
    return subprocess.run(
        [sys.executable, "-c", RUN, str(folder), str(kill_at), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


class Sending(Counting):
    """Batches of which one comes with a signal to this process."""

    def __init__(self, sent, at, again=False):
        super().__init__()
        self.sent, self.at, self.again = sent, at, again

    def __getitem__(self, step):
        if step == self.at:
            os.kill(os.getpid(), self.sent)
            if self.again:
                time.sleep(1.1)
                os.kill(os.getpid(), self.sent)
        return super().__getitem__(step)


@pytest.fixture
def raising():
    """SIGTERM and SIGINT raise KeyboardInterrupt, as in `temper run`, wherever the tests run."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = {sent: signal.signal(sent, interrupt) for sent in (signal.SIGTERM, signal.SIGINT)}
    yield interrupt
    for sent, handler in before.items():
        signal.signal(sent, handler)


@pytest.fixture
def whole():
    """Weights and curve of a training that nothing stopped."""
    model, history, _ = run()
    return weights(model), history


def interrupted_at(step, folder, sent=signal.SIGTERM, **options):
    """A training that a signal stops in the middle of a step, from 0; the batches it asked for."""
    batches = Sending(sent, step)
    with pytest.raises(KeyboardInterrupt):
        run(monitor=Silent(checkpoints=folder), batches=batches, **options)
    return batches.asked


@pytest.mark.slow
def test_a_killed_training_ends_as_an_uninterrupted_one(whole, tmp_path):
    for kill_at in (7, 13):  # the second kill hits the resumed training
        killed = in_child(tmp_path / "killed", tmp_path / "none", kill_at)
        assert killed.returncode == -signal.SIGKILL
    resumed = in_child(tmp_path / "killed", tmp_path / "resumed.safetensors")
    assert resumed.stdout.split() == ["13", "5", "700"], resumed.stderr
    found = load_file(tmp_path / "resumed.safetensors")
    assert_same(found, {name: part for name, part in whole[0].items() if name in found})


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_writes_a_checkpoint_of_its_step(sent, whole, raising, tmp_path):
    assert interrupted_at(6, tmp_path, sent, checkpoints=NEVER)[-1] == 6
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000007"]
    assert signal.getsignal(signal.SIGTERM) is raising
    batches = Counting()
    monitor = Silent(checkpoints=tmp_path)
    model, history, _ = run(monitor=monitor, batches=batches, checkpoints=NEVER)
    assert batches.asked == list(range(7, 20))
    assert_same(weights(model), whole[0])
    assert history.curve("loss") == whole[1].curve("loss")


def test_a_second_signal_does_not_wait_for_the_step(raising, tmp_path):
    batches = Sending(signal.SIGTERM, 6, again=True)
    with pytest.raises(KeyboardInterrupt):
        run(monitor=Silent(checkpoints=tmp_path / "kept"), batches=batches, checkpoints=NEVER)
    assert batches.asked[-1] == 5
    assert newest_checkpoint(tmp_path / "kept") is None
    assert signal.getsignal(signal.SIGTERM) is raising


def test_an_interruption_in_the_last_step_comes_behind_the_last_checkpoint(
    whole, raising, tmp_path
):
    interrupted_at(19, tmp_path, checkpoints=NEVER)
    batches = Counting()
    model, _, _ = run(monitor=Silent(checkpoints=tmp_path), batches=batches)
    assert batches.asked == []
    assert_same(weights(model), whole[0])


def validating(model, interrupt_at=None):
    """The loss of three batches; a signal comes between two of them in one validation."""
    calls = []

    def validate():
        calls.append(len(calls))
        for batch in range(3):
            if (len(calls), batch) == (interrupt_at, 1):
                os.kill(os.getpid(), signal.SIGTERM)
            found = loss_of(model, Counting()[batch])
        return {"validation_loss": float(found)}

    return validate


def test_an_interrupted_validation_is_made_up_for(raising, tmp_path):
    """The signal comes between two batches of the validation at step 8."""
    first = new_model()
    _, expected, _ = run(model=first, validate=validating(first), validate_every=4)
    second, monitor = new_model(), Silent(checkpoints=tmp_path)
    options = {"validate_every": 4, "checkpoints": NEVER, "monitor": monitor}
    with pytest.raises(KeyboardInterrupt):
        run(model=second, validate=validating(second, interrupt_at=2), **options)
    assert newest_checkpoint(tmp_path).name == "step-00000008"
    third = new_model()
    _, found, _ = run(model=third, validate=validating(third), **options)
    assert_same(weights(third), weights(first))
    for metric in ("loss", "validation_loss"):
        assert found.curve(metric) == expected.curve(metric)
    assert [step for step, told in monitor.logged if "validation_loss" in told] == [
        4,
        8,
        12,
        16,
        20,
    ]


def test_the_curve_of_a_resumed_training_is_continuous(whole, tmp_path):
    class Broken(Counting):
        def __getitem__(self, step):
            if step == 10:
                raise KeyboardInterrupt
            return super().__getitem__(step)

    monitor = Silent(checkpoints=tmp_path / "checkpoints")
    with pytest.raises(KeyboardInterrupt):
        run(batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP)
    _, resumed, _ = run(monitor=monitor)
    for metric in ("loss", "gradient_norm", "padding_share"):
        assert whole[1].curve(metric) == resumed.curve(metric)
    assert [step for step, _ in monitor.logged] == [4, 8, 12, 16, 20]


def test_a_checkpoint_is_written_every_so_many_steps(tmp_path):
    cadence = Checkpoints(every_steps=6, every_minutes=60)
    run(monitor=Silent(checkpoints=tmp_path), checkpoints=cadence)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000012", "step-00000018"]


def test_a_checkpoint_is_written_every_so_many_minutes(tmp_path):
    class Slow(Counting):
        def __getitem__(self, step):
            time.sleep(0.5 if step == 11 else 0)
            return super().__getitem__(step)

    run(monitor=Silent(tmp_path), batches=Slow(), checkpoints=Checkpoints(every_minutes=0.5 / 60))
    # On a busy machine it may be an earlier step: a slow write makes the next one wait longer.
    assert newest_checkpoint(tmp_path) is not None


def test_weights_that_are_not_finite_are_never_a_checkpoint(tmp_path):
    batches, model = Counting(), new_model()

    def loss(model, batch):
        found = loss_of(model, batch)
        if len(batches.asked) == 7:  # the loss is a number, and its gradient is not
            found = found + 0 * torch.sqrt(model.bert.embeddings.word_embeddings.weight * 0).sum()
        return found

    monitor = Silent(checkpoints=tmp_path / "checkpoints")
    kept = tmp_path / "checkpoints" / "step-00000006"
    said = (
        rf"weight after step 7 of 20 .* is not finite .* good checkpoint is of step 6, in {kept}\."
    )
    with pytest.raises(StageError, match=said):
        run(batches=batches, monitor=monitor, loss=loss, model=model, checkpoints=EVERY_STEP)
    assert newest_checkpoint(tmp_path / "checkpoints") == kept


def test_weights_that_the_last_step_spoils_are_not_a_result():
    def loss(model, batch):
        return loss_of(model, batch) + 0 * torch.sqrt(model.cls.predictions.bias * 0).sum()

    with pytest.raises(StageError, match=r"after step 1 of 1 .* is not finite"):
        run(batches=Counting(steps=1), loss=loss)


def test_a_finished_training_is_not_trained_again(tmp_path):
    monitor = Silent(checkpoints=tmp_path / "checkpoints")
    first, history, _ = run(monitor=monitor, checkpoints=EVERY_STEP)
    batches = Counting()
    second, again, _ = run(monitor=monitor, batches=batches)
    assert batches.asked == []
    assert again.points == history.points
    assert_same(weights(first), weights(second))


def overwrite(file):
    """Turn a byte in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def truncate(file):
    """Cut a file in half, as a disk that lost its cache does."""
    os.truncate(file, file.stat().st_size // 2)


DAMAGES = [overwrite, truncate, os.unlink]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("trainer/model.safetensors", overwrite),
        ("trainer/model.safetensors", truncate),
        ("trainer/optimizer.pt", overwrite),
        ("trainer/optimizer.pt", os.unlink),
        ("trainer/scheduler.pt", truncate),
        ("trainer/rng_state.pth", overwrite),
        ("trainer/trainer_state.json", truncate),
        ("meter.json", os.unlink),
        ("COMPLETE.json", overwrite),
        ("COMPLETE.json", os.unlink),
    ],
)
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(
    file, damage, whole, raising, tmp_path
):
    interrupted_at(9, tmp_path, checkpoints=EVERY_STEP)
    damage(tmp_path / "step-00000010" / file)
    batches = Counting()
    model, history, _ = run(monitor=Silent(checkpoints=tmp_path), batches=batches)
    assert batches.asked[0] == 9
    assert_same(weights(model), whole[0])
    assert history.curve("loss") == whole[1].curve("loss")


@pytest.mark.parametrize("damage", DAMAGES)
def test_with_both_checkpoints_damaged_it_starts_anew(damage, whole, raising, tmp_path):
    interrupted_at(9, tmp_path, checkpoints=EVERY_STEP)
    for name in ("step-00000009", "step-00000010"):
        damage(tmp_path / name / "trainer" / "optimizer.pt")
    batches = Counting()
    model, history, _ = run(monitor=Silent(checkpoints=tmp_path), batches=batches)
    assert batches.asked == list(range(20))
    assert_same(weights(model), whole[0])
    assert history.curve("loss") == whole[1].curve("loss")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hidden_size": 24}, "word_embeddings.weight is 64×24, but 64×16 is expected"),
        ({"vocab_size": 80}, "word_embeddings.weight is 80×16, but 64×16 is expected"),
        ({"num_hidden_layers": 2}, r"layer.1.\S+ is \S+, but absent is expected"),
        ({"max_position_embeddings": 20}, "position_embeddings.weight is 20×16, but 16×16 is exp"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused_before_a_step(changed, said, tmp_path):
    other = BertForMaskedLM(BertConfig(**(CONFIG.to_dict() | changed)))
    run(model=other, monitor=Silent(checkpoints=tmp_path / "other"), checkpoints=EVERY_STEP)
    folder = tmp_path / "checkpoints"
    shutil.copytree(tmp_path / "other", folder)
    batches, monitor = Counting(), Silent(checkpoints=folder)
    with pytest.raises(StageError, match=said) as refused:
        run(batches=batches, monitor=monitor)
    assert str(folder / "step-00000020") in str(refused.value)
    assert f"Delete the folder {folder}" in str(refused.value)
    assert batches.asked == []
    assert "resumed_from" not in monitor.facts
    shutil.rmtree(folder)
    run(batches=batches, monitor=monitor)
    assert batches.asked == list(range(20))


def test_a_checkpoint_of_a_training_of_another_length_is_refused(tmp_path):
    monitor = Silent(checkpoints=tmp_path)
    run(batches=Counting(steps=5), monitor=monitor, checkpoints=EVERY_STEP)
    with pytest.raises(StageError, match="belongs to a training of 5 steps, this one has 20"):
        run(monitor=monitor)


def test_a_renamed_checkpoint_is_refused(tmp_path):
    monitor = Silent(checkpoints=tmp_path)
    run(monitor=monitor, checkpoints=EVERY_STEP)
    (tmp_path / "step-00000020").rename(tmp_path / "step-00000099")
    with pytest.raises(StageError, match="its name does not match its step, 20"):
        run(monitor=monitor)


def test_a_training_that_the_disk_has_no_room_for_does_not_begin(tmp_path):
    with torch.device("meta"):  # shapes without memory
        enormous = torch.nn.Linear(10**10, 10**7, bias=False)
    with pytest.raises(StageError, match=r"need 4,?000 PB in \S*checkpoints, where .* are free"):
        require_room(enormous, tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()


def test_the_room_foretold_is_what_the_checkpoints_take(tmp_path):
    """Weights and two moments, in each checkpoint; the small files are not counted."""
    folder = tmp_path / "checkpoints"
    wide = BertForMaskedLM(BertConfig(**(CONFIG.to_dict() | {"vocab_size": 20_000})))
    run(model=wide, monitor=Silent(checkpoints=folder), checkpoints=EVERY_STEP)
    newest = newest_checkpoint(folder)
    taken = sum(file.stat().st_size for file in newest.rglob("*") if file.is_file())
    assert step_of(newest) == 20
    assert taken == pytest.approx(3 * 4 * wide.num_parameters(), rel=0.05)
    assert json.loads((newest / "meter.json").read_text())["owed"] is False
