"""Twenty people press Enter at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.support.tiny_experiment import write_experiment
from tests.team.commands import runs_of, stage_of
from tests.team.servers import Team

pytestmark = pytest.mark.slow

HOMES, DIFFERENT, SAME = 2, 5, 2  # two state folders; in each five experiments, each twice
STAGES = ("corpus", "tokenizer", "tokens", "pretraining", "report")
# What PostgreSQL, SQLAlchemy and SQLite say where two writers stand in each other's way.
LOCKED = re.compile(
    r"deadlock|could not serialize|database is locked|lock timeout|too many (clients|connections)"
    r"|QueuePool limit|remaining connection slots",
    re.IGNORECASE,
)


@pytest.mark.long
def test_twenty_runs_at_once_all_finish_and_are_recorded_once(
    team: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    file, calls = write_experiment(tmp_path / "data"), tmp_path / "calls.json"
    common = ["run", str(file), "--set", "name=twenty", "--set", "downstream=[]", "--set"]
    steps = [6 + number for number in range(DIFFERENT) for _ in range(SAME)]
    calls.write_text(json.dumps([[*common, f"pretraining.steps={each}"] for each in steps]))
    crowds = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.team.crowd", str(calls), str(tmp_path / f"said-{home}")],
            env=team.environment(tmp_path / f"home-{home}"),
            stdout=subprocess.PIPE,
            text=True,
        )
        for home in range(HOMES)
    ]
    statuses = [json.loads(crowd.communicate(timeout=1500)[0]) for crowd in crowds]
    said = [file.read_text() for file in sorted(tmp_path.glob("said-*/*.txt"))]
    assert statuses == [[0] * len(steps)] * HOMES, "\n".join(each[-500:] for each in said)

    runs = runs_of(mlflow, "twenty")
    assert {run.info.status for run in runs} == {"FINISHED"}
    parents = [run for run in runs if stage_of(run) == "experiment"]
    assert len(parents) == HOMES * len(steps) == 20
    for parent in parents:
        assert "pretraining/validation_loss" in parent.data.metrics
        assert {f"temper.stage.{name}" for name in STAGES} <= parent.data.tags.keys()
    # Each state folder computes a stage exactly once, whichever process requests it.
    per_home = {"pretraining": DIFFERENT, "report": DIFFERENT}
    stages = Counter(stage_of(run) for run in runs if run not in parents)
    assert stages == {name: HOMES * per_home.get(name, 1) for name in STAGES}
    for run in runs:
        if stage_of(run) == "pretraining":
            history = mlflow.get_metric_history(run.info.run_id, "loss")
            steps = [point.step for point in history]
            assert steps
            assert len(steps) == len(set(steps))

    ours = [*said, *(log.read_text("utf-8", "replace") for log in tmp_path.glob("home-*/**/*.log"))]
    servers = [team.postgres.log.read_text(), *(team.log(name) for name in ("prefect", "mlflow"))]
    for text in ours + servers:
        assert not LOCKED.search(text), text[-3000:]
    for text in ours:
        assert "Traceback" not in text
