"""What `temper up` cannot mean is said before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.commands.main import app


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--retrain-cron", "0 3 * * 1", "--time-zone", "Asia/Tokyo"], "need --retrain EXPERIMENT"),
        (["--listen", "0.0.0.0"], "set PREFECT_API_AUTH_STRING=USER:PASSWORD, MLFLOW_TRACKING"),
        (["--prefect-port", "4711", "--mlflow-port", "4711"], "accepted: two different ports"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    done = CliRunner().invoke(app, ["up", *words])
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())
    assert not list(home.rglob("*.db"))
