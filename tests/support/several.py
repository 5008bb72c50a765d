"""The command, called several times in one process: `python -m tests.support.several CALLS.json`.

For each call it prints a line of JSON: what it ended with and printed, which artifacts are new in
the store, and which runs in MLflow.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from typer.testing import CliRunner

from flows.calls import reading
from flows.commands.main import app
from tasks.machinery.host.home import store_folder, tracking_uri

SWAP = "swap checkpoints"  # a call that is none


def artifacts() -> set[str]:
    """The complete artifacts, by stage and fingerprint."""
    return {
        str(file.parent.relative_to(store_folder()))
        for file in store_folder().glob("*/*/manifest.json")
    }


def runs() -> dict[str, tuple[str, str]]:
    """Name and status of every run in MLflow, by its id."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri())
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return {
        run.info.run_id: (run.info.run_name, run.info.status)
        for run in client.search_runs(experiments, max_results=1000)
    }


def swap_checkpoints() -> None:
    """Put the checkpoints of each of two trainings into the folder of the other."""
    steps = store_folder().glob("pretraining/*/checkpoints/step-*")
    one, other = sorted({step.parent for step in steps})
    between = store_folder() / "between"
    shutil.move(one, between)
    shutil.move(other, one)
    shutil.move(between, other)


def call(words: list[str]) -> dict[str, object]:
    """Call the command, and see what has become of it."""
    before, known = artifacts(), runs() if store_folder().is_dir() else {}
    done = CliRunner().invoke(app, words)
    return {
        "status": done.exit_code,
        "out": done.stdout,
        "err": done.stderr,
        "artifacts": sorted(artifacts() - before),
        "runs": [run for key, run in runs().items() if key not in known],
    }


if __name__ == "__main__":
    reading.SMALL = 0  # as if the sources were too large to be read before anything starts
    for line in json.loads(Path(sys.argv[1]).read_text()):
        if line == [SWAP]:
            swap_checkpoints()
        else:
            print(json.dumps(call(line)), flush=True)
