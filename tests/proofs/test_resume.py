"""A training in the whole chain that is killed or interrupted resumes from its last checkpoint."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import (
    checkpoints_of,
    curve_of,
    finish,
    run_of,
    start,
    statuses,
    wait_for_checkpoint,
    wait_for_points,
    wait_for_stage,
    weights,
)
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

LONG = 500  # steps: more than are made before the interruption
METRICS = ("loss", "gradient_norm", "learning_rate", "validation")


@dataclass(frozen=True)
class Case:
    """A stage that trains, and an experiment in which it is the one that takes long."""

    stage: str
    title: str
    steps: int
    log_every: int
    settings: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The settings on the command line."""
        return [word for setting in self.settings for word in ("--set", setting)]


PRETRAINING = Case(
    stage="pretraining",
    title="pretraining",
    steps=400,
    log_every=1,
    settings=(
        "downstream=[]",
        "pretraining.steps=400",
        "pretraining.log_every=1",
        "pretraining.dropout=0.1",
        "pretraining.embeddings=cooccurrence",
        "checkpoints.every_steps=7",
    ),
)
FINETUNING = Case(
    stage="finetuning",
    title="finetuning mood",
    steps=320,  # 40 epochs of 123 rows, 16 a step
    log_every=6,
    settings=(
        "evaluation.from_scratch=false",
        "downstream.mood.epochs=40",
        "checkpoints.every_steps=7",
    ),
)


def write_case(case: Case, folder: Path) -> None:
    """The files of the experiment; of the problems, the one that is fine-tuned."""
    file = write_experiment(folder / "data")
    text = file.read_text()
    file.write_text(re.sub(r"(?ms)^- name: names\n(  .*?\n)+", "", text))


@pytest.fixture(scope="module", params=[PRETRAINING, FINETUNING], ids=lambda case: case.stage)
def undisturbed(request, tmp_path_factory, prefect_server) -> tuple[Case, Path, dict[str, Any]]:
    """A case, and the state folder and the result of a run of it that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_case(request.param, folder)
    return request.param, folder, finish(folder, prefect_server, *request.param.words)


def assert_same_curve(metric: str, case: Case, *folders: Path) -> None:
    """Compare a metric of the stage's runs in two state folders, step by step."""
    if metric == "validation":
        metric = "quick_validation_loss" if case is PRETRAINING else "validation_loss"
    first, second = (sorted(curve_of(folder, case.title, metric)) for folder in folders)
    assert first == second, metric
    assert first


def test_killed_in_training_it_goes_on_from_a_checkpoint_to_the_same_bits(
    undisturbed, tmp_path, prefect_server
) -> None:
    case, other, expected = undisturbed
    write_case(case, tmp_path)
    draw, last = random.Random(11), 0
    for _ in range(3):
        process = start(tmp_path, prefect_server, *case.words)
        wait_for_checkpoint(tmp_path, case.stage, last + draw.randint(1, 60), process)
        time.sleep(draw.uniform(0, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert checkpoints_of(tmp_path, case.stage)[-1] > last
        last = checkpoints_of(tmp_path, case.stage)[-1]
    assert last < case.steps
    result = finish(tmp_path, prefect_server, *case.words)
    assert f"resumed from step {last}" in result["printed"]
    assert weights(result) == weights(expected)
    assert result["metrics"] == expected["metrics"]
    assert run_of(tmp_path, case.title).info.status == "FINISHED"
    steps = [step for step, _ in curve_of(tmp_path, case.title, "loss")]
    assert sorted(steps) == [*range(case.log_every, case.steps, case.log_every), case.steps]
    for metric in METRICS:
        assert_same_curve(metric, case, tmp_path, other)


@pytest.mark.long
def test_with_other_threads_it_goes_on_to_the_same_bits(
    undisturbed, tmp_path, prefect_server
) -> None:
    case, _, expected = undisturbed
    if case is not PRETRAINING:
        pytest.skip("one training is enough")
    write_case(case, tmp_path)
    process = start(tmp_path, prefect_server, *case.words)  # with the threads of `undisturbed`
    wait_for_checkpoint(tmp_path, case.stage, 50, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    result = finish(tmp_path, prefect_server, *case.words, OMP_NUM_THREADS="2")
    assert "threads: 1, as before the interruption (otherwise 2 here)" in result["printed"]
    assert weights(result) == weights(expected)
    assert result["metrics"] == expected["metrics"]
    tags = run_of(tmp_path, case.title).data.tags
    assert tags["threads"] == "1"
    assert tags["kernels"]
    assert "changed_on_resume" not in tags


def test_an_interruption_writes_a_checkpoint_that_the_next_run_goes_on_from(
    tmp_path, prefect_server
) -> None:
    write_case(PRETRAINING, tmp_path)
    words = ["--set", "downstream=[]", "--set", f"pretraining.steps={LONG}"]
    words += ["--set", "pretraining.log_every=1", "--set", "checkpoints.every_minutes=60"]
    process = start(tmp_path, prefect_server, *words)
    wait_for_stage(tmp_path, "pretraining", process)
    wait_for_points(tmp_path, 30, process)
    assert checkpoints_of(tmp_path, "pretraining") == []
    sent_at = time.monotonic()
    os.killpg(process.pid, signal.SIGTERM)  # Ctrl-C: see `test_survival.py`
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - sent_at < 15
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    (step,) = checkpoints_of(tmp_path, "pretraining")
    assert 30 <= step < LONG
    assert set(statuses(tmp_path)["pretraining"]) == {"KILLED"}
    told = [point for point, _ in curve_of(tmp_path, "pretraining", "loss")]
    assert sorted(told) == list(range(1, step + 1)), "MLflow has all steps up to the checkpoint"

    result = finish(tmp_path, prefect_server, *words)
    assert f"resumed from step {step:,}" in result["printed"]
    assert run_of(tmp_path, "pretraining").info.status == "FINISHED"
    tags = run_of(tmp_path, "pretraining").data.tags
    assert tags["resumed_from"] == f"step-{step:08d}"
    [stage] = [stage for stage in result["stages"] if stage["name"] == "pretraining"]
    assert stage["seconds"] > float(tags["seconds_before"]) > 0, "what it cost before counts"
    told = [point for point, _ in curve_of(tmp_path, "pretraining", "loss")]
    assert sorted(told) == list(range(1, LONG + 1))


@pytest.mark.long
def test_with_a_damaged_checkpoint_it_loses_steps_and_nothing_else(
    undisturbed, tmp_path, prefect_server
) -> None:
    case, other, expected = undisturbed
    write_case(case, tmp_path)
    process = start(tmp_path, prefect_server, *case.words)
    wait_for_checkpoint(tmp_path, case.stage, 14, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = checkpoints_of(tmp_path, case.stage)
    (folder,) = (tmp_path / "home" / "store" / case.stage).glob("*/checkpoints")
    newest = folder / f"step-{kept[-1]:08d}" / "trainer" / "model.safetensors"
    os.truncate(newest, newest.stat().st_size - 100)
    result = finish(tmp_path, prefect_server, *case.words)
    assert f"resumed from step {kept[0]}" in result["printed"]
    assert weights(result) == weights(expected)
    for metric in METRICS:
        assert_same_curve(metric, case, tmp_path, other)


@pytest.mark.long
def test_a_checkpoint_of_another_architecture_is_refused_and_deleted_by_hand(
    tmp_path, prefect_server
) -> None:
    write_case(PRETRAINING, tmp_path)
    words = PRETRAINING.words
    wide = ["--set", "model.hidden_size=32", "--set", "checkpoints.every_steps=5"]
    process = start(tmp_path, prefect_server, *words, *wide)
    wait_for_checkpoint(tmp_path, "pretraining", 5, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (of_wide,) = (tmp_path / "home" / "store" / "pretraining").glob("*/checkpoints")
    process = start(tmp_path, prefect_server, *words)
    wait_for_checkpoint(tmp_path, "pretraining", 7, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (folder,) = {*of_wide.parent.parent.glob("*/checkpoints")} - {of_wide}
    shutil.rmtree(folder)
    shutil.copytree(of_wide, folder)

    process = start(tmp_path, prefect_server, *words)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 1, out + err
    said = " ".join(err.split())
    assert re.search(r"word_embeddings.weight is (\d+)×32, but \1×16 is expected", said), said
    assert "Traceback" not in out + err
    assert str(folder) in err.replace("\n", "")
    assert "FAILED" in statuses(tmp_path)["pretraining"]

    shutil.rmtree(folder)
    result = finish(tmp_path, prefect_server, *words)
    assert "resumed from" not in result["printed"]
