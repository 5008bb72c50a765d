"""Rows about what Temper costs beside the work: cached runs, and the share of an experiment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow import MlflowClient

from tests.benchmarks.rows import Row
from tests.benchmarks.turns import ROOT, in_turn, module, ratios, run, values
from tests.support.tiny_experiment import write_experiment

TEMPER = [sys.executable, "-m", "flows.commands.main"]
WHERE = ("embedded", "temper up")
PORTS = ("14200", "15000")


def environment_of(home: Path) -> dict[str, str]:
    """A state folder of its own, and no server but those that `temper up` starts on it."""
    for name in ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    return {"TEMPER_HOME": str(home)}


@contextlib.contextmanager
def servers(home: Path, where: str) -> Iterator[dict[str, str]]:
    """With or without `temper up` on a state folder; what a peer needs to use the same servers."""
    environment = environment_of(home)
    if where == "embedded":
        yield {
            "PREFECT_HOME": str(home / "peer-prefect"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow.db'}",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        }
        return
    command = [*TEMPER, "up", "--prefect-port", PORTS[0], "--mlflow-port", PORTS[1]]
    up = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert up.stdout is not None
        told = ""
        while "Ctrl-C" not in told:  # the last line that it says when all is well
            line = up.stdout.readline()
            if not line:
                raise RuntimeError(f"temper up ended: {told}")
            told += line
        yield {
            "PREFECT_API_URL": f"http://127.0.0.1:{PORTS[0]}/api",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{PORTS[1]}",
        }
    finally:
        run([*TEMPER, "down"], environment)
        up.wait(60)


def cached(scratch: Path, repetitions: int) -> list[Row]:
    """A run with nothing to compute against an empty flow, whole processes."""
    file = write_experiment(scratch / "tiny")
    rows = []
    for where in WHERE:
        home = scratch / f"cached-{where.replace(' ', '-')}"
        with servers(home, where) as peers:
            ours = [*TEMPER, "run", str(file)]
            run(ours, {"TEMPER_HOME": str(home)})
            run(module("peers.empty_flow"), peers)
            measured = {"Temper": [], "empty": []}  # type: ignore[var-annotated]
            for _ in range(repetitions):
                cached_run = {"cached run": ours}
                found = in_turn(cached_run, 1, {"TEMPER_HOME": str(home)})
                measured["Temper"] += found["cached run"]
                empty = {"empty flow": module("peers.empty_flow")}
                measured["empty"] += in_turn(empty, 1, peers)["empty flow"]
            a, b = values(measured, "Temper", "wall"), values(measured, "empty", "wall")
        rows.append(
            Row(
                what=f"a run of 15 stages, all cached ({where})",
                against="an empty Prefect flow with a task and an MLflow run",
                unit="s",
                ours=a,
                theirs=b,
                result=ratios(a, b),
                target=1.5,
                at_least=False,
            )
        )
    return rows


def overhead(
    scratch: Path, repetitions: int, experiment: str = "demo", places: Sequence[str] = WHERE
) -> tuple[list[Row], list[str]]:
    """The share of an experiment's time in which no stage does its own work."""
    rows, notes = [], []
    for where in places:
        totals, shares = [], []
        for turn in range(repetitions):
            home = scratch / f"overhead-{where.replace(' ', '-')}-{turn}"
            with servers(home, where):
                print(f"    the demo ({where}), {turn + 1} of {repetitions}", flush=True)
                output = scratch / "demo.json"
                command = module("timed", "run", experiment, "--output", output)
                spent = run(command, {"TEMPER_HOME": str(home)})
            found = json.loads(output.read_text())
            client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
            parent = client.get_run(found["mlflow"]["run_id"]).info
            totals.append((parent.end_time - parent.start_time) / 1000)
            inside = sum(stage["seconds"] for stage in found["stages"])
            work = inside - spent["importing"] - spent["telling"]
            shares.append(1 - work / totals[-1])
            notes.append(
                f"Of the {totals[-1]:.0f} s of the demo ({where}), {work:.0f} s are the stages' "
                f"own work, {spent['importing']:.1f} s the import of their modules, "
                f"{spent['telling']:.1f} s metrics, facts and progress that stages wait for, and "
                f"{totals[-1] - inside:.1f} s are outside of stages."
            )
        rows.append(
            Row(
                what=f"time that is no stage's own work, demo ({where})",
                against="the time of the run after start-up",
                unit="s in all",
                ours=totals,
                theirs=[],
                result=shares,
                target=0.05,
                at_least=False,
            )
        )
    return rows, notes
