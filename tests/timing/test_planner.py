"""`temper plan --time`: what each stage would take, and what is not known yet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flows.calls.planning import planned_experiment
from flows.commands.main import app
from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from flows.terminal.console import time_lines
from tasks.experiment.experiment import Experiment
from tasks.machinery.store.store import Store
from tasks.timing.fitting import parameters_of
from tasks.timing.planner import TimedPlanner
from tasks.training import memory
from tests.support.tiny_experiment import write_experiment


def test_trainings_are_timed_and_what_is_missing_is_said(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    experiment = load_experiment(str(file), ["downstream.names.train_examples=40"])
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = planner.expected(experiment)
    assert found.keys() == {step.title for step in planner.steps}
    assert found["pretraining"].seconds is not None and found["pretraining"].seconds > 0
    assert found["finetuning mood"].seconds is None
    assert "is known once its data are prepared" in found["finetuning mood"].missing
    assert found["finetuning names"].at_most
    assert found["finetuning names"] == found["finetuning names from scratch"]
    assert found["corpus"].seconds is None
    assert not (tmp_path / "store").exists()


@pytest.mark.usefixtures("home")
def test_rows_that_were_read_are_counted_before_they_are_prepared(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    experiment, planner = planned_experiment(str(file), [], [], "quick")
    assert isinstance(experiment, Experiment)
    found = planner.expected(experiment)
    rows = planner.counts["dataset mood"]
    assert rows["train_rows"] + rows["validation_rows"] + rows["test_rows"] == rows["rows"]
    assert found["finetuning mood"].seconds is not None
    assert found["finetuning mood"].at_most
    assert "each counts as the longest" in found["finetuning mood"].missing


def test_the_command_tells_the_whole(home: Path, tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    words = ["plan", str(file), "--time", "--set", "downstream=[]"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "pretraining about" in said
    assert "corpus unknown (never computed here)" in said
    assert "in all about" in said and "plus 4 stages of unknown time" in said


def test_a_model_without_room_is_reported_and_not_built(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    huge = ["model.hidden_size=8192", "model.heads=64", "model.layers=96"]
    experiment, said = load_experiment(str(file), huge), []
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = planner.expected(experiment, said.append)
    for title in ("pretraining", "finetuning mood", "finetuning names from scratch"):
        assert found[title].seconds is None
        assert "does not fit: about 77," in found[title].missing
    assert not said


def test_of_a_method_that_trains_few_weights_the_weights_alone_need_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a memory for two copies of the weights, four do not fit."""
    file = write_experiment(tmp_path / "data")
    settings = ["downstream.names.train_examples=40", "downstream.names.tuning.method=probe"]
    experiment = load_experiment(str(file), settings)
    weights = 4 * parameters_of(experiment.model, experiment.tokenizer.vocab_size)
    room = 2 * weights / memory.SHARE["cuda" if torch.cuda.is_available() else "cpu"]
    monkeypatch.setattr(memory, "total_memory", lambda: int(room))
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = planner.expected(experiment)
    assert found["finetuning names"].seconds is not None
    for title in ("pretraining", "finetuning names from scratch"):
        assert found[title].seconds is None
        assert "with their gradients and the moments" in found[title].missing
        assert " kB" in found[title].missing


def test_a_training_that_is_measured_is_named_and_so_are_its_parts(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    settings = ["downstream=[]", "pretraining.micro_batch_size=3", "pretraining.batch_size=8"]
    experiment, said = load_experiment(str(file), settings), []
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = planner.expected(experiment, said.append)
    assert said == ["measuring some steps of pretraining …"]
    assert found["pretraining"].parts == 3
    (line,) = [each for each in time_lines(found) if "pretraining" in each]
    assert line.endswith("(each batch in 3 parts)")
