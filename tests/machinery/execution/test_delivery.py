"""Reports to MLflow stay true, whichever process sends them and whatever went wrong before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from flows.commands.sync import report_everything
from tasks.contract import Monitor, StageError
from tasks.machinery.execution.delivery import deliver, deliver_all, undelivered
from tasks.machinery.execution.display import Quiet
from tasks.machinery.execution.monitor import StageMonitor
from tasks.machinery.execution.runner import StageFailedError
from tasks.machinery.host.home import store_folder
from tasks.machinery.host.ledger import Ledger, ledgers, start_lock
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.outage import Rest
from tasks.machinery.tracking.recording import Recording
from tasks.machinery.tracking.tracking import Tracking
from tests.machinery.execution.test_runner import run_flow, states
from tests.support import toy_stages as toy

pytestmark = pytest.mark.usefixtures("mlflow_database")

GONE = "elsewhere:1:1"  # an owner on another host, of whom nothing was heard for ever


def left_behind(tracking: Tracking, status: Any = "FINISHED", name: str = "x") -> Ledger:
    """The ledger of a run whose process is gone, and which ended as the status says."""
    run = tracking.open(name, {"temper.experiment": "same"})
    run.leave()
    ledger = Ledger.open(name, tracking.uri, run.run_id, {})
    if status != "RUNNING":
        ledger.end(status, "")
    ledger.let_go()
    return ledger


def status_in_mlflow(tracking: Tracking, run_id: str) -> str:
    return str(tracking.client.get_run(run_id).info.status)


@contextmanager
def mlflow_out_of_reach(*calls: str) -> Iterator[None]:
    """Calls of MLflow's client fail as they do while nobody listens."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("nobody listens")

    kept = {name: getattr(MlflowClient, name) for name in calls}
    for name in calls:
        setattr(MlflowClient, name, refuse)
    try:
        yield
    finally:
        for name, call in kept.items():
            setattr(MlflowClient, name, call)


def test_what_is_left_of_a_deleted_experiment_keeps_nobody_from_beginning() -> None:
    tracking = Tracking("x")
    left_behind(tracking)
    tracking.client.delete_experiment(tracking.experiment_id)
    assert deliver_all(Tracking("other"), Store(store_folder())) == []
    assert ledgers() == []


def test_what_cannot_be_told_is_said_and_kept_for_later() -> None:
    said: list[str] = []
    left_behind(Tracking("x"))
    with mlflow_out_of_reach("set_terminated"):
        assert deliver_all(Tracking("x", said.append), Store(store_folder())) == []
    assert "nobody listens" in said[-1]
    assert deliver_all(Tracking("x"), Store(store_folder())) == ["x"]


def test_sync_goes_on_after_a_problem_and_names_it() -> None:
    tracking = Tracking("x")
    left_behind(tracking)
    with mlflow_out_of_reach("set_terminated"), pytest.raises(StageError, match="nobody listens"):
        list(report_everything())
    assert list(report_everything()) == ["x: finished, 0 stages reported"]
    assert list(report_everything()) == ["everything is reported to MLflow"]


def test_sync_makes_no_experiment_in_the_wrong_mlflow() -> None:
    ledger = left_behind(Tracking("x"))
    ledger.tracking_uri, ledger.experiment = "http://elsewhere", "only there"
    ledger.write()
    with pytest.raises(StageError, match="MLFLOW_TRACKING_URI=http://elsewhere"):
        list(report_everything())
    names = [found.name for found in Tracking("x").client.search_experiments()]
    assert "only there" not in names


def test_a_run_that_another_process_goes_on_with_is_not_ended() -> None:
    tracking = Tracking("x")
    left_behind(tracking, "RUNNING")
    [seen] = undelivered()  # somebody is about to tell it …
    deliver_all(tracking, Store(store_folder()))
    living = tracking.interrupted("x", "temper.experiment", "same")  # … and a start is quicker
    assert living is not None
    Ledger.open("x", tracking.uri, living.run_id, {})
    assert not deliver(seen, tracking, Store(store_folder()))
    assert status_in_mlflow(tracking, living.run_id) == "RUNNING"
    living.leave()


def test_a_run_whose_process_is_telling_its_end_is_left_to_it() -> None:
    tracking = Tracking("x")
    run = tracking.open("x", {})
    run.leave()
    Ledger.open("x", tracking.uri, run.run_id, {}).end("FINISHED")
    assert undelivered() == []


def test_starts_come_one_after_the_other() -> None:
    order: list[str] = []

    def start(name: str) -> None:
        with start_lock():
            order.append(f"{name} begins")
            time.sleep(0.2)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=start, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.split()[1] for line in order] == ["begins", "ends", "begins", "ends"]


def test_a_run_that_is_told_late_ended_when_it_ended() -> None:
    tracking = Tracking("x")
    ledger = left_behind(tracking, "FAILED")
    time.sleep(2)
    deliver_all(tracking, Store(store_folder()))
    info = tracking.client.get_run(ledger.run_id).info
    assert info.status == "FAILED"
    assert (info.end_time - info.start_time) / 1000 < 1.5


def test_a_run_that_is_taken_up_again_has_the_name_of_who_takes_it_up() -> None:
    tracking = Tracking("x")
    tracking.open("before", {"temper.experiment": "same"}).finish("KILLED")
    again = tracking.interrupted("after", "temper.experiment", "same")
    assert again is not None
    found = tracking.find(again.run_id)
    assert found is not None
    assert (found.info.run_name, found.info.status) == ("after", "RUNNING")
    again.leave()


def test_a_training_killed_twice_before_its_first_point_has_each_step_once() -> None:
    tracking, folder = Tracking("x"), store_folder() / "s" / "f"
    folder.mkdir(parents=True)
    run = tracking.open("s", {})
    first = StageMonitor("s", folder, run, Quiet())
    for step in range(1, 6):
        first.log(step, {"loss": 1 / step})
    run.sender.flush()
    run.leave()  # killed, without a checkpoint
    for _ in range(2):  # and again, before it logged anything
        again = tracking.reopen(run.run_id, "s")
        assert again is not None
        StageMonitor("s", folder, again, Quiet())
        again.leave()
    last = tracking.reopen(run.run_id, "s")
    assert last is not None
    monitor = StageMonitor("s", folder, last, Quiet())
    for step in range(1, 6):
        monitor.log(step, {"loss": 1 / step})
    last.finish("FINISHED")
    points = tracking.client.get_metric_history(run.run_id, "loss")
    assert [point.step for point in points] == [1, 2, 3, 4, 5]


def test_an_outage_while_a_stage_begins_leaves_one_run_and_no_thread() -> None:
    before = set(threading.enumerate())
    tracking = Tracking("x")
    parent = tracking.open("parent", {})
    recording = Recording(tracking, parent, {}, Store(store_folder()))
    folder = store_folder() / "s" / "f"
    folder.mkdir(parents=True)
    key = {"stage": "s", "inputs": {}, "libraries": {}, "part": {"a": 1}}
    with mlflow_out_of_reach("log_batch"):
        assert recording.begin("s", "f", key, folder, {}) is None
    assert recording.begin("s", "f", key, folder, {}) is None  # it rests before it asks again
    tracking._rest = Rest()
    run = recording.begin("s", "f", key, folder, {})
    assert run is not None
    run.leave()
    parent.leave()
    found = tracking.client.search_runs([tracking.experiment_id])
    assert sorted(each.info.run_name for each in found) == ["parent", "s"]
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name == "sender"]


@pytest.mark.usefixtures("prefect")
def test_a_stage_that_failed_in_an_outage_is_failed_and_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    down = mlflow_out_of_reach("set_terminated", "log_batch")

    def fail(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
        monitor.log(1, {"loss": 2.0})
        down.__enter__()
        raise StageError("the loss is not a number")

    monkeypatch.setattr(toy, "fail", fail)
    with pytest.raises(StageFailedError, match="not a number"):
        run_flow(lambda run: run(toy.FAIL, number=1))
    down.__exit__(None, None, None)
    assert [line.split(",")[0] for line in report_everything()] == ["toy: failed"]
    tracking = Tracking("toy")
    [run] = tracking.client.search_runs([tracking.experiment_id], "tags.`temper.stage` = 'fail'")
    assert run.info.status == "FAILED"
    assert "not a number" in run.data.tags["temper.reason"]
    assert len(tracking.client.get_metric_history(run.info.run_id, "loss")) == 1


@pytest.mark.usefixtures("prefect")
def test_an_interrupted_refresh_leaves_the_artifact_with_its_run_and_curve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, before = run_flow(lambda run: run(toy.DOUBLE, number=4))

    def interrupted(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
        monitor.log(1, {"loss": 1.0})
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(toy, "double", interrupted)
        run_flow(lambda run: run(toy.DOUBLE, number=4), refresh=["double"])
    runner, after = run_flow(lambda run: run(toy.DOUBLE, number=4))
    assert states(runner) == ["cached"]
    assert after.record == before.record
    assert len(after.curve.read_text().splitlines()) == 3
    again, refreshed = run_flow(lambda run: run(toy.DOUBLE, number=4), refresh=["double"])
    assert states(again) == ["completed"]
    client = again.recording.tracking.client
    points = client.get_metric_history(refreshed.record["run_id"], "loss")
    assert [point.step for point in points] == [1, 2, 3]


@pytest.mark.usefixtures("prefect")
def test_a_stage_that_began_in_an_outage_gets_its_run_when_mlflow_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks.machinery.tracking.outage import Rest

    monkeypatch.setattr(Rest, "SECONDS", 0.5)
    down = mlflow_out_of_reach("create_run")
    seen: list[bool] = []

    def patient(number: int, *, out: Path, monitor: Any) -> dict[str, float]:
        monitor.log(1, {"loss": 1.0})
        seen.append(monitor.run is None)
        down.__exit__(None, None, None)
        for _ in range(100):
            if monitor.run is not None:
                break
            time.sleep(0.1)
        seen.append(monitor.run is None)
        monitor.log(2, {"loss": 0.5})
        return {"value": 1.0}

    def recipe(run: Any) -> Any:
        down.__enter__()
        return run(toy.DOUBLE, number=4)

    monkeypatch.setattr(toy, "double", patient)
    runner, artifact = run_flow(recipe)
    assert seen == [True, False]
    client = runner.recording.tracking.client
    points = client.get_metric_history(artifact.record["run_id"], "loss")
    assert [point.step for point in points] == [1, 2]
