"""Pages are rendered from an artifact, again where only their code changed, and never compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tasks.contract import Stage
from tasks.machinery.execution import showing
from tasks.machinery.execution.runner import Runner
from tasks.machinery.host.ledger import Use
from tests.machinery.execution.test_runner import run_flow, states
from tests.support import toy_pages
from tests.support.toy_stages import SHOWN

pytestmark = pytest.mark.usefixtures("home", "prefect")


def number(run: Runner) -> Any:
    return run(SHOWN, number=3)


def in_another_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code that shows is changed: in the process, and in its key."""
    monkeypatch.setattr(toy_pages, "COLOUR", "orange")
    before = showing.key_of_pages

    def key(stage: Stage, artifact: Any) -> str:
        return before(stage, artifact) + toy_pages.COLOUR

    monkeypatch.setattr("tasks.machinery.execution.runner.key_of_pages", key)
    monkeypatch.setattr(showing, "key_of_pages", key)


def logged(artifact: Any) -> str:
    """The page in the artifact's run in MLflow."""
    file = MlflowClient().download_artifacts(artifact.record["run_id"], "card.md")
    return Path(file).read_text()


def test_a_page_is_rendered_once_beside_the_output_and_logged() -> None:
    first, artifact = run_flow(number)
    page = artifact.pages / "card.md"
    assert page.read_text() == "# 1 in blue\n"
    assert "show/card.md" not in artifact.files
    written = page.stat().st_mtime_ns
    second, again = run_flow(number)
    assert (states(first), states(second)) == (["completed"], ["cached"])
    assert (again.pages / "card.md").stat().st_mtime_ns == written
    assert logged(artifact) == "# 1 in blue\n"


def test_another_colour_renders_the_page_again_and_computes_nothing(monkeypatch) -> None:
    _, artifact = run_flow(number)
    in_another_colour(monkeypatch)
    runner, again = run_flow(number)
    assert states(runner) == ["cached"]
    assert again.fingerprint == artifact.fingerprint
    assert (again.pages / "card.md").read_text() == "# 1 in orange\n"
    assert logged(again) == "# 1 in orange\n"
    assert again.record["run_id"] == artifact.record["run_id"]


def test_a_damaged_page_is_rendered_again() -> None:
    _, artifact = run_flow(number)
    (artifact.pages / "card.md").unlink()
    runner, again = run_flow(number)
    assert states(runner) == ["cached"]
    assert (again.pages / "card.md").read_text() == "# 1 in blue\n"


def test_a_page_that_was_added_is_not_logged_and_is_rendered_away() -> None:
    runner, artifact = run_flow(number)
    client, added = MlflowClient(), artifact.pages / "zz.html"
    added.write_text("<p>not ours</p>")
    (artifact.folder / "record.json").unlink()
    runner.delivery.tell_stage(Use(title="shown", artifact=artifact.name, state="cached"))
    assert "zz.html" not in {file.path for file in client.list_artifacts(artifact.record["run_id"])}
    _, again = run_flow(number)
    assert not added.exists()
    assert (again.pages / "card.md").read_text() == "# 1 in blue\n"


def test_a_page_that_cannot_be_rendered_is_reported_and_loses_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setenv("TOY_BROKEN_PAGE", "1")
    runner, artifact = run_flow(number)
    assert states(runner) == ["completed"]
    assert artifact.damage() is None
    monkeypatch.delenv("TOY_BROKEN_PAGE")
    runner, again = run_flow(number)
    assert states(runner) == ["cached"]
    assert (again.pages / "card.md").read_text() == "# 1 in blue\n"
