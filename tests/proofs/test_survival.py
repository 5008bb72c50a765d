"""The whole chain, killed and interrupted in the middle: nothing is lost, nothing is untrue."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import (
    checkpoints_of,
    finish,
    flow_states,
    servers_of,
    start,
    statuses,
    wait_for_points,
    wait_for_stage,
    weights,
)
from tests.support.tiny_experiment import STAGES, write_experiment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, prefect_server: str) -> dict[str, Any]:
    """The result of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_experiment(folder / "data")
    return finish(folder, prefect_server)


@pytest.fixture(scope="module")
def both(tmp_path_factory, prefect_server: str) -> tuple[Path, dict[str, Any], str]:
    """A state folder in which two ran at once, from nothing; a result; what both printed."""
    folder = tmp_path_factory.mktemp("both")
    write_experiment(folder / "data")
    processes = [start(folder, prefect_server, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    printed = [process.communicate(timeout=400) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    result = json.loads((folder / "out.json").read_text())
    return folder, result, "".join(out for out, _ in printed)


def test_the_same_experiment_from_nothing_gives_the_same_bits(undisturbed, both) -> None:
    _, again, _ = both
    assert again["metrics"] == undisturbed["metrics"]
    assert weights(again) == weights(undisturbed)
    assert len(weights(again)) == 5
    assert contents(again) == contents(undisturbed)


def contents(result: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The digest of every file of every artifact, but for what is only shown."""
    found = {}
    for stage in result["stages"]:
        manifest = json.loads((Path(stage["path"]).parent / "manifest.json").read_text())
        files = manifest["files"].items()
        found[stage["name"]] = {k: v for k, v in files if not k.startswith("show/")}
    assert all(found[name] for name in found if name != "report"), "each wrote something to read"
    return found


def test_killed_at_random_moments_it_goes_on_to_the_same_bits(
    undisturbed, tmp_path, prefect_server
) -> None:
    write_experiment(tmp_path / "data")
    draw, kills = random.Random(7), 0
    for _ in range(4):
        process = start(tmp_path, prefect_server, PYTHONHASHSEED="1")
        try:
            process.communicate(timeout=draw.uniform(6, 18))
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
    result = finish(tmp_path, prefect_server)
    assert kills >= 1
    assert result["metrics"] == undisturbed["metrics"]
    assert weights(result) == weights(undisturbed)
    found = statuses(tmp_path)
    stages = {name: each for name, each in found.items() if "·" not in name}
    assert all(each == ["FINISHED"] for each in stages.values()), "no stage has two runs"
    assert {status for each in found.values() for status in each} == {"FINISHED"}


@pytest.mark.long
def test_an_interrupted_run_is_killed_in_mlflow_and_goes_on(tmp_path) -> None:
    write_experiment(tmp_path / "data")
    long = ["--set", "pretraining.steps=400", "--set", "downstream=[]"]
    process = start(tmp_path, "", *long)
    wait_for_points(tmp_path, 30, process)
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C in a terminal goes to the whole group
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    [step] = re.findall(r"temper: interrupted in pretraining at step ([\d,]+)\n", err)
    assert int(step.replace(",", "")) == checkpoints_of(tmp_path, "pretraining")[-1]
    assert "run the same command again to resume" in err
    assert "Traceback" not in err
    found = statuses(tmp_path)
    assert found.pop("pretraining") == ["KILLED"]
    assert found.pop("downstream=[] · tiny · bert 1×16 · 400 steps") == ["KILLED"]
    assert flow_states(tmp_path) == ["CANCELLED"]
    finish(tmp_path, "", *long)
    assert {status for each in statuses(tmp_path).values() for status in each} == {"FINISHED"}


def test_what_a_kill_leaves_running_is_ended_at_the_next_start(tmp_path) -> None:
    write_experiment(tmp_path / "data")
    short = ["--set", "downstream=[]"]
    process = start(tmp_path, "", *short)
    wait_for_stage(tmp_path, "pretraining", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(servers_of(tmp_path)) == 1
    finish(tmp_path, "", *short)
    assert servers_of(tmp_path) == []
    assert sorted(flow_states(tmp_path)) == ["COMPLETED", "CRASHED"]
    assert {status for each in statuses(tmp_path).values() for status in each} == {"FINISHED"}


def test_two_at_once_compute_each_stage_once(both) -> None:
    folder, _, printed = both
    assert printed.count("completed") == STAGES
    children = {name: each for name, each in statuses(folder).items() if "·" not in name}
    assert all(each == ["FINISHED"] for each in children.values()), children
