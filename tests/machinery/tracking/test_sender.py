"""Metrics reach MLflow in order and once, whatever goes wrong on the way."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException

from tasks.machinery.tracking.sender import Sender
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking


@pytest.fixture
def tracking(mlflow_database) -> Tracking:
    return Tracking("sender")


def steps(run: TrackedRun, name: str = "loss") -> list[int]:
    return [point.step for point in run.client.get_metric_history(run.run_id, name)]


def unreachable(*_: object) -> None:
    raise ConnectionError("nobody listens")


def test_what_could_not_be_sent_is_sent_later_in_its_order(tracking: Tracking) -> None:
    run = tracking.open("run", {})
    send, run.sender._send = run.sender._send, unreachable
    for step in range(1, 2500):
        run.log(step, {"loss": 1 / step})
    run.note({"precision": "fp32"})
    with pytest.raises(ConnectionError):
        run.sender.flush()
    assert steps(run) == []
    run.sender._send = send
    run.log(2500, {"loss": 0.0})
    run.finish("FINISHED")
    assert steps(run) == list(range(1, 2501))
    assert run.client.get_run(run.run_id).data.tags["precision"] == "fp32"


def test_a_batch_whose_answer_was_lost_is_kept_once(tracking: Tracking) -> None:
    run = tracking.open("run", {})
    send = run.sender._send

    def send_and_lose_the_answer(*batch: object) -> None:
        send(*batch)
        unreachable()

    run.sender._send = send_and_lose_the_answer
    run.log(1, {"loss": 1.0})
    run.log(2, {"loss": 0.5})
    with pytest.raises(ConnectionError):
        run.sender.flush()
    run.sender._send = send
    run.finish("FINISHED")
    assert steps(run) == [1, 2]


def test_steps_that_an_earlier_process_sent_are_not_sent_again(tracking: Tracking) -> None:
    first = tracking.open("run", {})
    first.log(1, {"loss": 1.0})
    first.log(2, {"loss": 0.5})
    first.sender.flush()
    first.leave()
    second = tracking.reopen(first.run_id, "run")
    assert second is not None
    for step in (1, 2, 3):
        second.log(step, {"loss": 1.0})
    second.finish("FINISHED")
    assert steps(second) == [1, 2, 3]


def test_an_outage_is_said_once_and_so_is_its_end() -> None:
    said: list[str] = []
    is_out = True

    def send(*_: object) -> None:
        if is_out:
            unreachable()

    sender = Sender(send, lambda: None, said.append)
    sender.add(tags=[])
    sender._tags = {"a": "b"}
    for _ in range(3):
        sender._try(sender.flush)
    is_out = False
    sender._try(sender.flush)
    assert len(said) == 2
    assert "nobody listens" in said[0]
    assert "reachable again" in said[1]


def test_what_mlflow_refuses_is_no_outage_and_is_raised_at_the_end(tracking: Tracking) -> None:
    run = tracking.open("run", {})
    run.log(1, {"not a name!\n": 1.0})
    with pytest.raises(MlflowException, match="not a name"):
        run.finish("FINISHED")


def test_a_final_metric_that_is_the_last_point_of_its_curve_is_kept_once(
    tracking: Tracking,
) -> None:
    run = tracking.open("run", {})
    for step in (1, 2):
        run.log(step, {"loss": 1 / step, "other": 1.0})
    run.result({"loss": 0.5, "other": 2.0})
    run.finish("FINISHED")
    assert steps(run) == [1, 2]
    assert steps(run, "other") == [1, 2, 2]
