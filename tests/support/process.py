"""The command in a process of its own, that a test can kill, and what it leaves behind."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.servers.prefect_server import MODULE
from tests.support.command import Command
from tests.support.database import make_state_folder


def start(folder: Path, server: str, *words: str, **variables: str) -> Command:
    """Start the command in a state folder of its own, in a process group that can be killed.

    Without a server, the command starts a temporary one, as it does for a person.
    """
    environment = os.environ | {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}
    environment |= variables
    environment.pop("MLFLOW_TRACKING_URI", None)
    if not server:
        for name in ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_LOCAL_STORAGE_PATH"):
            environment.pop(name, None)
    make_state_folder(folder / "home")
    file = folder / "data" / "tiny.yaml"
    words = ("run", str(file), *words, "--output", str(folder / "out.json"))
    return Command(*words, environment=environment, new_session=True)


def finish(folder: Path, server: str, *words: str, **variables: str) -> dict[str, Any]:
    """Run the command to its end; what it writes as JSON, and what it `printed`."""
    process = start(folder, server, *words, **variables)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, out[-3000:] + err[-3000:]
    return json.loads((folder / "out.json").read_text()) | {"printed": out}


def runs_of(folder: Path) -> list[Run]:
    """Every run in the state folder's MLflow."""
    client = MlflowClient(sqlite_uri(folder / "home" / "mlflow.db"))
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def run_of(folder: Path, name: str) -> Run:
    """The one run of a name."""
    found = [run for run in runs_of(folder) if run.info.run_name == name]
    assert len(found) == 1, f"{len(found)} runs {name}"
    return found[0]


def curve_of(folder: Path, name: str, metric: str) -> list[tuple[int, float]]:
    """Steps and values of a metric of the one run of a name, as MLflow has them."""
    client = MlflowClient(sqlite_uri(folder / "home" / "mlflow.db"))
    history = client.get_metric_history(run_of(folder, name).info.run_id, metric)
    return [(point.step, point.value) for point in history]


def statuses(folder: Path) -> dict[str, list[str]]:
    """The status of every run in the state folder's MLflow, by name."""
    found: dict[str, list[str]] = {}
    for run in runs_of(folder):
        found.setdefault(run.info.run_name, []).append(run.info.status)
    return found


def flow_states(folder: Path) -> list[str]:
    """The state of every flow run in the state folder's Prefect."""
    with sqlite3.connect(folder / "home" / "prefect" / "prefect.db") as database:
        return [state for (state,) in database.execute("SELECT state_type FROM flow_run")]


def servers_of(folder: Path) -> list[psutil.Process]:
    """The temporary Prefect servers that use the state folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if MODULE in (process.info["cmdline"] or [])
        and process.environ().get("TEMPER_HOME") == str(folder / "home")
    ]


def weights(result: dict[str, Any]) -> dict[str, bytes]:
    """The bytes of every trained model."""
    return {
        stage["name"]: file.read_bytes()
        for stage in result["stages"]
        if (file := Path(stage["path"]) / "model" / "model.safetensors").is_file()
    }


def wait_for_stage(folder: Path, name: str, process: Command) -> None:
    """Wait until a stage is being computed."""
    for _ in range(2400):
        if list((folder / "home" / "store" / name).glob("*/writing")):
            return
        assert process.poll() is None, "it ended before that stage"
        time.sleep(0.1)
    raise AssertionError(f"{name} never began")


def wait_for_points(folder: Path, count: int, process: Command) -> None:
    """Wait until the curve of the pre-training has this many points."""
    while process.poll() is None:
        for file in (folder / "home" / "store" / "pretraining").glob("*/metrics.jsonl"):
            if file.read_bytes().count(b"\n") >= count:
                return
        time.sleep(0.05)
    raise AssertionError("it ended before that")


def checkpoints_of(folder: Path, name: str) -> list[int]:
    """The steps of the whole checkpoints of a stage, in order."""
    found = (folder / "home" / "store" / name).glob("*/checkpoints/step-*/COMPLETE.json")
    return sorted(int(file.parent.name.removeprefix("step-")) for file in found)


def wait_for_checkpoint(folder: Path, name: str, step: int, process: Command) -> None:
    """Wait until a stage has a checkpoint of a step or a later one."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if checkpoints_of(folder, name)[-1:] >= [step]:
            return
        assert process.poll() is None, f"it ended before step {step}"
        time.sleep(0.01)
    raise AssertionError(f"{name} never came to step {step}")
