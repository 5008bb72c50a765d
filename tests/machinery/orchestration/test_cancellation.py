"""A flow run that is cancelled in Prefect, and what Prefect then says of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling

from tasks.machinery.host.interruption import why_stopped
from tasks.machinery.orchestration import cancellation
from tasks.machinery.orchestration.cancellation import CANCELLED, watching_for_cancellation


@pytest.fixture(autouse=True)
def as_in_the_command(monkeypatch):
    """Look often; and SIGTERM interrupts, where it would end the tests."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cancellation, "LOOK_EVERY", 0.2)
    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def was_cancelled() -> bool:
    return why_stopped() == CANCELLED


def run(body: Callable[[], object]) -> str:
    """Run a flow with a body; the state in which Prefect has it afterwards."""
    ids = []

    @flow(name="cancelled")
    def watched() -> None:
        ids.append(str(flow_run.id))
        with watching_for_cancellation():
            body()

    try:
        watched()
    except KeyboardInterrupt:
        ids.append("KeyboardInterrupt")
    except ValueError:
        ids.append("ValueError")
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(ids[0])).state
    assert state is not None
    return " ".join([state.type.value, *ids[1:]])


def ask(state: State) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(str(flow_run.id)), state, force=True)


def wait_for_the_signal() -> None:
    for _ in range(150):
        time.sleep(0.1)
    raise AssertionError("no signal came")


def cancel() -> None:
    ask(Cancelling())
    wait_for_the_signal()


@pytest.mark.parametrize("state", [Cancelling(), Cancelled()])
def test_the_process_is_interrupted_and_the_flow_run_is_cancelled(prefect, state) -> None:
    seen = []

    def body() -> None:
        try:
            ask(state)
            wait_for_the_signal()
        finally:
            seen.append(was_cancelled())

    assert run(body) == "CANCELLED KeyboardInterrupt"
    assert seen == [True], "whoever closes a run is to know why"
    assert was_cancelled()


def test_what_was_not_cancelled_is_left_alone(prefect) -> None:
    assert run(lambda: time.sleep(0.6)) == "COMPLETED"
    assert not was_cancelled()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_another_interruption_cancels_it_too_and_nobody_cancelled_it(prefect, sent) -> None:
    assert run(lambda: os.kill(os.getpid(), sent)) == "CANCELLED KeyboardInterrupt"
    assert not was_cancelled()


@pytest.mark.parametrize("body", [lambda: os.kill(os.getpid(), signal.SIGINT), cancel])
def test_a_program_that_calls_a_flow_outlives_its_interruption(prefect, body) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # no command has replaced it
    assert run(body) == "CANCELLED KeyboardInterrupt"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_run_that_ends_before_it_could_be_cancelled_says_how_it_ended(
    prefect, monkeypatch
) -> None:
    monkeypatch.setattr(cancellation, "LOOK_EVERY", 60)

    def fails() -> None:
        ask(Cancelling())
        raise ValueError

    assert run(lambda: ask(Cancelling())) == "COMPLETED"
    assert run(fails) == "FAILED ValueError"


def test_a_run_of_a_worker_is_cancelled_by_the_worker(prefect, monkeypatch) -> None:
    seen = []

    def body() -> None:
        ask(Cancelling())
        time.sleep(1)
        seen.append(was_cancelled())

    monkeypatch.setenv("PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS", "false")  # as they do
    assert run(body) == "CANCELLING"
    assert seen == [True]


def test_with_a_temporary_server_nobody_looks(monkeypatch) -> None:
    threads = threading.active_count()
    with watching_for_cancellation():
        assert threading.active_count() == threads
    assert not was_cancelled()
