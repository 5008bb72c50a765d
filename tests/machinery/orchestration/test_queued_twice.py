"""What is triggered twice while it is queued runs once: asked of a real Prefect server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.states import Scheduled

from tasks.experiment.pretraining import Checkpoints
from tasks.machinery.orchestration.queued_twice import cancel_duplicates

pytestmark = pytest.mark.usefixtures("prefect")


@flow(name="count")
def count(part: Checkpoints, loud: bool = False) -> tuple[UUID, list[UUID]]:
    return UUID(str(flow_run.id)), cancel_duplicates()


@flow(name="other")
def other(part: Checkpoints, loud: bool = False) -> None:
    """Another flow with the same parameters."""


def queue(client: SyncPrefectClient, run: Any, late: float = 5, **parameters: Any) -> UUID:
    """A run that waits for its turn since some seconds."""
    due = datetime.now(UTC) - timedelta(seconds=late)
    made = client.create_flow_run(run, parameters=parameters, state=Scheduled(scheduled_time=due))
    return made.id


def test_what_waits_to_do_the_same_is_cancelled_and_says_who_does_it() -> None:
    part = {"every_steps": 3, "every_minutes": 0.5}
    with get_client(sync_client=True) as client:
        same = [
            queue(client, count, part=part),
            queue(client, count, part={"every_steps": 3}, loud=False),  # the rest is the default
        ]
        others = [
            queue(client, count, part=part, loud=True),
            queue(client, count, part={"every_steps": 4}),
            queue(client, count, part={"every_steps": "many"}),  # will fail by itself
            queue(client, count, late=-3600, part=part),  # of a schedule, tomorrow
            queue(client, other, part=part),
        ]
        this, cancelled = count(Checkpoints(every_steps=3))
        assert sorted(cancelled) == sorted(same)
        for flow_run_id in same:
            state = client.read_flow_run(flow_run_id).state
            assert state.type == StateType.CANCELLED
            assert str(this) in state.message
        states = {client.read_flow_run(flow_run_id).state_type for flow_run_id in others}
        assert states == {StateType.SCHEDULED}


def test_outside_of_a_flow_run_nothing_is_done() -> None:
    assert cancel_duplicates() == []
