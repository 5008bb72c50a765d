"""A run in MLflow beside others that write at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset
from mlflow.exceptions import MlflowException
from PIL import Image

from tasks.machinery.tracking.tracked_run import TrackedRun, step_of_picture
from tasks.machinery.tracking.tracking import Tracking


@pytest.fixture
def tracking(mlflow_database) -> Tracking:
    return Tracking("runs")


def dataset(name: str) -> Dataset:
    return Dataset(name, "0123", "local", '{"uri": "file:///x"}')


def test_runs_that_read_the_same_new_data_at_once_all_record_them(tracking: Tracking) -> None:
    runs, names = [tracking.open(f"run {number}", {}) for number in range(4)], "abcdefgh"
    together = threading.Barrier(len(runs))

    def read(run: TrackedRun) -> None:
        for name in names:
            together.wait(60)
            run.reads({"train": dataset(name)})

    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(read, runs))
    for run in runs:
        read_by_it = run.client.get_run(run.run_id).inputs.dataset_inputs
        assert sorted(each.dataset.name for each in read_by_it) == list(names)


@pytest.mark.parametrize("said", ["(psycopg2.errors.UniqueViolation)", "UNIQUE constraint failed"])
def test_each_data_set_may_be_added_by_another_run_meanwhile(
    said: str, tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = tracking.open("run", {}), list[int]()
    really = run.client.log_inputs

    def rejects_twice(*words: object, **named: object) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise MlflowException(f"{said} datasets")
        really(*words, **named)

    monkeypatch.setattr(run.client, "log_inputs", rejects_twice)
    run.reads({"train": dataset("a"), "test": dataset("b")})
    assert len(calls) == 3
    assert len(run.client.get_run(run.run_id).inputs.dataset_inputs) == 2


def test_what_mlflow_rejects_for_another_reason_is_not_tried_again(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = tracking.open("run", {}), list[int]()

    def rejects(*_: object, **__: object) -> None:
        calls.append(1)
        raise MlflowException("a data set without a name")

    monkeypatch.setattr(run.client, "log_inputs", rejects)
    with pytest.raises(MlflowException, match="without a name"):
        run.reads({"train": dataset("a")})
    assert len(calls) == 1


def test_a_record_whose_run_or_model_was_deleted_is_not_known(tracking: Tracking) -> None:
    run = tracking.open("finetuning mood", {})
    model = run.client.create_logged_model(run.experiment_id, source_run_id=run.run_id)
    record = {"tracking_uri": tracking.uri, "run_id": run.run_id}
    with_model = record | {"model_id": model.model_id}
    assert tracking.knows(record)
    assert tracking.knows(with_model)
    assert not tracking.knows(record | {"model_id": "m-" + "0" * 32})
    run.client.delete_logged_model(model.model_id)
    assert not tracking.knows(with_model)
    assert tracking.knows(record)
    run.client.delete_run(run.run_id)
    assert not tracking.knows(record)


def test_mlflow_gets_the_picture_of_each_step_once(
    tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {step: tmp_path / f"{step}.png" for step in (4, 8, 12)}
    for step, file in files.items():
        Image.new("RGB", (20, 10), (step, 0, 0)).save(file)
    run = tracking.open("run", {})
    run.picture(4, files[4])
    run.sender.flush()
    really = MlflowClient.log_image
    with monkeypatch.context() as outage:

        def refuse(*_: object, **__: object) -> None:
            raise ConnectionError("nobody listens")

        outage.setattr(MlflowClient, "log_image", refuse)
        run.picture(8, files[8])
        with pytest.raises(ConnectionError):
            run.sender.flush()
    run.log(8, {"loss": 1.0})
    run.sender.flush()
    assert MlflowClient.log_image is really
    run.leave()
    again = tracking.reopen(run.run_id, "run")  # by another process
    assert again is not None
    for step, file in files.items():
        again.picture(step, file)
    again.finish("FINISHED")
    found = again.client.list_artifacts(run.run_id, "images")
    steps = [step for each in found if (step := step_of_picture(each.path)) is not None]
    assert sorted(steps) == [4, 8, 12]
    assert len(found) == 6, "each with a compressed copy"
    assert again.client.get_run(run.run_id).data.tags["mlflow.loggedImages"] == "True"
