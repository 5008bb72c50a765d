"""A stage runs once, its runs in MLflow are true, and damage is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from tasks.machinery.execution.display import Quiet
from tasks.machinery.execution.planner import Planner
from tasks.machinery.execution.runner import Runner, StageFailedError
from tasks.machinery.execution.session import Work, opened
from tasks.machinery.host.home import store_folder
from tasks.machinery.orchestration.gone_flow_runs import close_flow_runs
from tasks.machinery.servers.temporary_server import end_servers_without_a_run
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking
from tests.machinery.host.test_small_files import GARBLED
from tests.support.toy_stages import ADD, DOUBLE, FAIL, PARITY

pytestmark = pytest.mark.usefixtures("mlflow_database", "prefect")


class Remarks(Quiet):
    """A display that collects the remarks."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def remark(self, text: str) -> None:
        self.said.append(text)


QUIET = Quiet()


def run_flow(
    recipe: Any,
    display: Quiet = QUIET,
    **options: Any,
) -> tuple[Runner, Any]:
    """Run a recipe in a flow of its own; the runner, and what the recipe returned."""

    @flow(name="toy")
    def toy() -> tuple[Runner, Any]:
        with opened(Work("toy", "toy", "toy", {}, resumes=False), display, **options) as runner:
            return runner, recipe(runner)

    return toy()


def sum_of_doubles(run: Runner, left: int = 1, right: int = 2) -> Any:
    first = run(DOUBLE, "first", number=left)
    second = run(DOUBLE, "second", number=right)
    return run(ADD, left=first / "number.txt", right=second / "number.txt")


def states(runner: Runner) -> list[str]:
    return [outcome.state for outcome in runner.outcomes]


def test_a_second_run_computes_nothing() -> None:
    first, result = run_flow(sum_of_doubles)
    second, again = run_flow(sum_of_doubles)
    assert states(first) == ["completed"] * 3
    assert states(second) == ["cached"] * 3
    assert (again.path / "number.txt").read_text() == "6"
    assert again.record == result.record


def test_a_warning_of_a_stage_is_repeated_where_its_result_is_reused() -> None:
    first, second = Remarks(), Remarks()
    for shown in (first, second):
        run_flow(lambda run: run(PARITY, number=12), shown)
    assert first.said == second.said == ["parity: Warning: 12 has more than one digit"]


def test_only_what_depends_on_a_change_runs_again() -> None:
    run_flow(sum_of_doubles)
    runner, _ = run_flow(lambda run: sum_of_doubles(run, right=5))
    assert states(runner) == ["cached", "completed", "completed"]


def test_the_same_bytes_upstream_leave_what_is_below_cached() -> None:
    def recipe(run: Runner, number: int) -> None:
        bit = run(PARITY, number=number)
        run(ADD, left=bit / "number.txt", right=bit / "number.txt")

    run_flow(lambda run: recipe(run, 1))
    runner, _ = run_flow(lambda run: recipe(run, 3))
    assert states(runner) == ["completed", "cached"]


@pytest.mark.parametrize(("damage", "said"), [("missing", "is missing"), ("altered", "differs")])
def test_a_damaged_artifact_is_computed_again_and_said_so(damage: str, said: str) -> None:
    _, result = run_flow(sum_of_doubles)
    file = result.path / "number.txt"
    file.unlink() if damage == "missing" else file.write_text("7")
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached", "cached", "completed"]
    assert runner.outcomes[-1].why == f"recomputed: number.txt {said}"
    assert file.read_text() == "6"


def test_a_file_that_was_added_to_an_artifact_is_reported_and_recomputed_away() -> None:
    _, result = run_flow(sum_of_doubles)
    added = result.path / "zz.safetensors"
    added.write_text("more weights")
    planner = Planner(Store(store_folder()))
    sum_of_doubles(planner)
    assert planner.steps[-1].reasons == ["zz.safetensors is not in the manifest"]
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached", "cached", "completed"]
    assert runner.outcomes[-1].why == "recomputed: zz.safetensors is not in the manifest"
    assert not added.exists()


def test_what_is_added_after_the_last_check_is_not_read() -> None:
    def recipe(run: Runner) -> None:
        left, right = run(DOUBLE, "left", number=1), run(DOUBLE, "right", number=2)
        (right.path / "more.txt").write_text("3")
        run(ADD, left=left / "number.txt", right=right / "number.txt")

    with pytest.raises(StageFailedError, match=r"right was altered.*more\.txt is not in the"):
        run_flow(recipe)


def test_an_altered_manifest_is_no_artifact() -> None:
    _, result = run_flow(sum_of_doubles)
    manifest = result.folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"sum": 6.0', '"sum": 9.0'))
    runner, again = run_flow(sum_of_doubles)
    assert states(runner) == ["cached", "cached", "completed"]
    assert again.metrics == {"sum": 6.0}


def test_a_refreshed_stage_runs_and_what_reads_the_same_bytes_does_not() -> None:
    run_flow(sum_of_doubles)
    runner, _ = run_flow(sum_of_doubles, refresh=["double"])
    assert states(runner) == ["completed", "completed", "cached"]


def test_checkpoints_that_a_kill_left_in_a_complete_stage_are_deleted_by_the_next_run() -> None:
    _, result = run_flow(sum_of_doubles)
    (result.folder / "checkpoints" / "step-00000001").mkdir(parents=True)
    (result.folder / "writing" / "0123").mkdir(parents=True)
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3
    assert not {"checkpoints", "writing"} & {path.name for path in result.folder.iterdir()}


def test_a_store_without_prefects_records_is_still_a_hit(home: Path) -> None:
    import shutil

    run_flow(sum_of_doubles)
    shutil.rmtree(os.environ["PREFECT_LOCAL_STORAGE_PATH"], ignore_errors=True)
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3


def test_a_failed_stage_is_failed_in_mlflow_and_leaves_no_artifact() -> None:
    with pytest.raises(StageFailedError, match="fail failed: number: found 1"):
        run_flow(lambda run: run(FAIL, number=1))
    tracking = Tracking("toy")
    [run] = tracking.client.search_runs([tracking.experiment_id], "tags.`temper.stage` = 'fail'")
    assert run.info.status == "FAILED"
    assert "accepted: nothing" in run.data.tags["temper.reason"]


def test_metrics_pages_and_facts_of_a_stage_are_in_its_run() -> None:
    runner, _ = run_flow(lambda run: run(DOUBLE, number=4))
    client, run_id = runner.recording.tracking.client, runner.outcomes[0].artifact.record["run_id"]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == runner.recording.parent.run_id
    assert run.data.tags["precision"] == "fp32"
    assert run.data.metrics["value"] == 8
    assert [point.step for point in client.get_metric_history(run_id, "loss")] == [1, 2, 3]
    assert {file.path for file in client.list_artifacts(run_id)} >= {"card.md", "manifest.json"}


def test_an_artifact_without_a_run_is_recorded_not_computed() -> None:
    _, result = run_flow(sum_of_doubles)
    (result.folder / "record.json").unlink()
    runner, again = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3
    run = runner.recording.tracking.client.get_run(again.record["run_id"])
    assert (run.info.status, run.data.metrics["sum"]) == ("FINISHED", 6)


def garble(home: Path, folder: Path, number: int) -> list[Path]:
    """Make all small files of the state unreadable, each in another way."""
    contents = list(GARBLED.values())
    files = [folder / n for n in ("record.json", "run.json", "used.json", "owner.json")]
    files += [home / "runs" / "old.json", home / "servers.json", home / "serving.json"]
    files += [home / "prefect" / "servers" / "1.json", home / "prefect" / "flows" / "1.json"]
    for place, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents[(place + number) % len(contents)])
    return files


@pytest.mark.parametrize("number", [0, 4])
def test_a_run_goes_on_where_the_small_files_are_unreadable(home: Path, number: int) -> None:
    _, result = run_flow(sum_of_doubles)
    first = result.record["run_id"]
    (result.folder / "metrics.jsonl").write_bytes(
        b'{"step": 1, "time": 2.0, "loss": 3.0}\n\xff\n5\n'
    )
    kept = Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"]) / result.fingerprint
    kept.write_bytes(list(GARBLED.values())[number])
    files = garble(home, result.folder, number)
    end_servers_without_a_run(home / "prefect" / "servers")
    runner, again = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3
    close_flow_runs()
    for file in files:
        if file.parent != home and file.name not in ("run.json", "owner.json"):
            assert file.with_name(f"{file.name}.unreadable").exists(), file
    assert again.record["run_id"] != first
    client = runner.recording.tracking.client
    points = client.get_metric_history(again.record["run_id"], "loss")
    assert [(point.step, point.value) for point in points] == [(1, 3.0)]
    assert set(again.used) == {"toy"}


def test_a_run_goes_on_where_somebody_edited_the_tags_of_a_run() -> None:
    tracking = Tracking("toy")
    run = tracking.open("toy", {})
    run.leave()
    run.tags({"temper.process": "me", "temper.seen": "now"})
    tracking.close_dead_runs()
    assert tracking.client.get_run(run.run_id).info.status == "RUNNING"


def run_in_a_process(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, which may die."""
    environment = os.environ | {"TOY_MARKER": str(home / "died"), "TEMPER_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_a_killed_stage_goes_on_in_the_run_it_had(home: Path) -> None:
    code = """
from tests.machinery.execution.test_runner import run_flow
from tests.support.toy_stages import DIE
run_flow(lambda run: run(DIE, number=3))
"""
    killed = run_in_a_process(code, home)
    assert killed.returncode == -9, killed.stderr[-2000:]
    again = run_in_a_process(code, home)
    assert again.returncode == 0, again.stderr[-2000:]
    tracking = Tracking("toy")
    everything = tracking.client.search_runs([tracking.experiment_id])
    [run] = [run for run in everything if run.data.tags.get("temper.stage") == "die"]
    assert (run.info.status, run.data.tags["temper.resumed"]) == ("FINISHED", "true")
    assert sorted(run.info.status for run in everything) == ["FINISHED", "FINISHED", "KILLED"]
    points = tracking.client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in points] == [1, 2]


def test_an_artifact_recorded_in_another_mlflow_is_recorded_in_this_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_flow(sum_of_doubles)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/other.db")
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3
    run_id = runner.outcomes[0].artifact.record["run_id"]
    client = runner.recording.tracking.client
    assert [point.step for point in client.get_metric_history(run_id, "loss")] == [1, 2, 3]


def test_a_failed_refresh_leaves_the_artifact_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = run_flow(sum_of_doubles)
    monkeypatch.setenv("TOY_BROKEN", "1")
    with pytest.raises(StageFailedError):
        run_flow(sum_of_doubles, refresh=["add"])
    assert result.damage() is None


def test_what_prefect_keeps_of_a_stage_is_small() -> None:
    runner, _ = run_flow(sum_of_doubles)
    folder = Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"])
    for outcome in runner.outcomes:
        kept = (folder / outcome.artifact.fingerprint).read_text()
        assert json.loads(kept)["result"] is not None
        assert len(kept) < 10_000
