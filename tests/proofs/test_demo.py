"""The shipped demo on the real docstrings of this machine, with a server of its own.

It trains for fewer steps than the demo, whose results the README has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

SHORTER = (
    *("--set", "pretraining.steps=150", "--set", "downstream.library.epochs=6"),
    *("--set", "downstream.code.epochs=1"),
)


def run_demo(home: Path, *words: str) -> tuple[str, dict]:
    """Run the demo as `make demo` does; what it prints, and its results."""
    environment = os.environ | {"TEMPER_HOME": str(home)}
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME", "OMP_NUM_THREADS"):
        environment.pop(name, None)
    environment.pop("PREFECT_LOCAL_STORAGE_PATH", None)
    output = home.parent / "out.json"
    command = [
        *("nice", "-n", "15"),  # beside a browser that waits for its servers
        sys.executable,
        "-m",
        "flows.commands.main",
        "run",
        "demo",
        "--output",
        str(output),
        *words,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout, json.loads(output.read_text())


def test_the_demo_shows_that_pretraining_pays_and_runs_again_from_the_cache(tmp_path) -> None:
    printed, result = run_demo(tmp_path / "home", *SHORTER)
    metrics = result["metrics"]
    assert {stage["state"] for stage in result["stages"]} == {"completed"}
    assert metrics["downstream/library/gain/low"] > 0
    assert metrics["downstream/library/accuracy"] > metrics["downstream/library/majority/accuracy"]
    assert metrics["pretraining/validation_loss"] < metrics["pretraining/unigram_loss"]
    assert "pre-training helps" in printed
    _, again = run_demo(tmp_path / "home", *SHORTER)
    assert {stage["state"] for stage in again["stages"]} == {"cached"}
    assert again["metrics"] == metrics
