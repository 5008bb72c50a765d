"""What is being cancelled ends as cancelled; what has ended stays as it ended."""

from __future__ import annotations

import asyncio

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelling, Completed, Crashed, Failed, Pending, Running

from flows.serving.states import StateProposer
from tests.support.lateness import tell

pytestmark = pytest.mark.usefixtures("prefect")


def flow_run(*states: State) -> FlowRun:
    """A flow run that has gone through these states."""
    with get_client(sync_client=True) as client:
        made = client.create_flow_run(tell)
        for state in states:
            client.set_flow_run_state(made.id, state, force=True)
        return client.read_flow_run(made.id)


def state_of(run: FlowRun) -> State:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    assert state is not None
    return state


def crashed(run: FlowRun) -> State | None:
    """Report that its process has exited: the state that is returned."""

    async def report() -> State | None:
        async with get_client() as client:
            return await StateProposer(client=client).propose_crashed(run, "exit code 1")

    return asyncio.run(report())


def cancelled(run: FlowRun) -> bool:
    """Report that it was stopped: whether that was set."""

    async def report() -> bool:
        async with get_client() as client:
            return await StateProposer(client=client).propose_cancelled(run, {"message": "stopped"})

    return asyncio.run(report())


def test_what_exits_while_it_is_being_cancelled_is_cancelled() -> None:
    run = flow_run(Running(), Cancelling())
    returned = crashed(run)
    assert returned is not None
    assert returned.type == state_of(run).type == StateType.CANCELLED
    assert state_of(run).message == "cancelled in Prefect: exit code 1"


def test_what_is_cancelled_before_it_has_a_process_is_cancelled() -> None:
    async def submit(run: FlowRun) -> bool:
        async with get_client() as client:
            return await StateProposer(client=client).propose_submitting(run)

    run = flow_run(Pending(), Cancelling())
    assert not asyncio.run(submit(run))
    assert state_of(run).type == StateType.CANCELLED
    assert state_of(run).message == "cancelled in Prefect before it started"
    assert asyncio.run(submit(flow_run(Pending())))


def test_a_server_that_fails_then_does_not_end_the_runner(monkeypatch) -> None:
    run = flow_run(Running(), Cancelling())

    async def fail(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(PrefectClient, "set_flow_run_state", fail)
    monkeypatch.setattr(PrefectClient, "read_flow_run", fail)
    returned = crashed(run)
    assert returned is None or returned.type == StateType.CANCELLING
    monkeypatch.undo()
    assert state_of(run).type == StateType.CANCELLING


def test_what_exits_by_itself_has_crashed() -> None:
    run = flow_run(Running())
    returned = crashed(run)
    assert returned is not None
    assert returned.type == state_of(run).type == StateType.CRASHED


@pytest.mark.parametrize("ended", [Completed(), Failed(message="a mistake")])
def test_what_has_ended_is_not_cancelled(ended: State) -> None:
    run = flow_run(Running(), ended)
    assert not cancelled(run)
    assert (state_of(run).type, state_of(run).message) == (ended.type, ended.message)


def test_what_was_interrupted_is_cancelled() -> None:
    run = flow_run(Running(), Crashed(message="Prefect's word for it"))
    assert cancelled(run)
    assert (state_of(run).type, state_of(run).message) == (StateType.CANCELLED, "stopped")
