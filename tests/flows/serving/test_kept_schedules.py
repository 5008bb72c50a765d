"""Served again, a deployment has our schedules and those that people added."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import IntervalSchedule, RRuleSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval, RRule
from prefect.states import Scheduled

from flows.serving.kept_schedules import (
    end_earlier_names,
    end_what_nobody_serves,
    keep_what_people_set,
)
from tests.support.lateness import tell

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.slow]

DAILY = IntervalSchedule(interval=timedelta(days=1), timezone="Asia/Tokyo")
MONDAYS = RRuleSchedule(rrule="FREQ=WEEKLY;BYDAY=MO", timezone="Europe/Berlin")


def serve(name: str, *crons: str, active: bool = True) -> UUID:
    """Register a deployment as the serving process does."""
    schedules = [Cron(cron, timezone="Europe/Berlin", active=active) for cron in crons]
    return register(tell.to_deployment(name, schedules=schedules or None))


def register(deployment: RunnerDeployment) -> UUID:
    async def registered() -> UUID:
        return await (await keep_what_people_set(deployment)).aapply()

    return asyncio.run(registered())


def schedules(deployment: UUID) -> list[DeploymentSchedule]:
    with get_client(sync_client=True) as client:
        return client.read_deployment(deployment).schedules


def told(deployment: UUID) -> dict[str, bool]:
    """The schedules, by what sets them apart, and whether each is on."""
    found = {}
    for each in schedules(deployment):
        values = each.schedule.model_dump()
        rule = values.get("rrule", "").rpartition("\n")[2]  # Prefect puts a first date before it
        said = values.get("cron") or rule or str(values["interval"])
        found[f"{said} {each.schedule.timezone}"] = each.active
    return found


def switch(deployment: UUID, schedule: int, *, active: bool) -> None:
    with get_client(sync_client=True) as client:
        chosen = schedules(deployment)[schedule].id
        client.update_deployment_schedule(deployment, chosen, active=active)


def test_what_was_added_stays_and_ours_is_replaced_or_removed() -> None:
    found = serve("added", "0 3 * * 1")
    with get_client(sync_client=True) as client:
        client.create_deployment_schedules(found, [(DAILY, True), (MONDAYS, False)])
    added = {"1 day, 0:00:00 Asia/Tokyo": True, "FREQ=WEEKLY;BYDAY=MO Europe/Berlin": False}
    assert serve("added", "0 3 * * 1") == found
    assert told(found) == {"0 3 * * 1 Europe/Berlin": True} | added
    serve("added", "0 4 * * 1")
    assert told(found) == {"0 4 * * 1 Europe/Berlin": True} | added
    serve("added")
    assert told(found) == added


def test_ours_stays_on_or_off_as_it_was_left() -> None:
    found = serve("switched", "0 3 * * 1")
    switch(found, 0, active=False)
    serve("switched", "0 3 * * 1")
    assert told(found) == {"0 3 * * 1 Europe/Berlin": False}
    serve("switched", "0 4 * * 1")  # another one: it is on
    assert told(found) == {"0 4 * * 1 Europe/Berlin": True}
    rule = [RRule("FREQ=WEEKLY;BYDAY=MO", timezone="Europe/Berlin")]
    by_rule = register(tell.to_deployment("rule", schedules=rule))
    switch(by_rule, 0, active=False)
    register(tell.to_deployment("rule", schedules=rule))
    assert told(by_rule) == {"FREQ=WEEKLY;BYDAY=MO Europe/Berlin": False}
    weekly = serve("weekly", "0 4 * * 0", active=False)
    switch(weekly, 0, active=True)
    serve("weekly", "0 4 * * 0", active=False)
    assert told(weekly) == {"0 4 * * 0 Europe/Berlin": True}


def test_a_deployment_that_is_called_otherwise_now_takes_over_the_schedules() -> None:
    old = serve("store", "0 4 * * 0", active=False)
    switch(old, 0, active=True)
    with get_client(sync_client=True) as client:
        client.create_deployment_schedules(old, [(DAILY, True)])
        name = f"{client.read_flow(client.read_deployment(old).flow_id).name}/store"
    weekly = [Cron("0 4 * * 0", timezone="Europe/Berlin", active=False)]
    renamed = tell.to_deployment("delete-unused-artifacts", schedules=weekly)
    new = asyncio.run(asyncio.run(keep_what_people_set(renamed, name)).aapply())
    kept = {"0 4 * * 0 Europe/Berlin": True, "1 day, 0:00:00 Asia/Tokyo": True}
    assert told(new) == kept
    names = {f"{tell.name}/delete-unused-artifacts": name, "no/such": "no/other"}
    asyncio.run(end_earlier_names(names, ours=False))
    assert (told(new), told(old)) == (kept, dict.fromkeys(kept, False))
    with get_client(sync_client=True) as client:
        tomorrow = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
        client.create_flow_run_from_deployment(old, parameters={}, state=tomorrow)
        asyncio.run(end_earlier_names(names, ours=True))
        assert name not in {f"{tell.name}/{each.name}" for each in client.read_deployments()}
        of_new = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[new]))
        waiting = client.read_flow_runs(flow_run_filter=of_new)
        assert [run.auto_scheduled for run in waiting].count(False) == 1


def test_one_that_was_registered_before_they_had_a_mark_is_not_doubled() -> None:
    schedule = Interval(timedelta(hours=1), anchor_date=DAILY.anchor_date, timezone="UTC")
    found = asyncio.run(tell.to_deployment("unmarked", schedules=[schedule]).aapply())
    register(tell.to_deployment("unmarked", schedules=[schedule]))
    assert list(told(found)) == ["1:00:00 UTC"]


def test_ours_ends_where_nobody_serves_it() -> None:
    served, other = serve("served", "0 3 * * 1"), serve("other", "0 3 * * 1")
    with get_client(sync_client=True) as client:
        client.create_deployment_schedules(other, [(DAILY, True)])
    asyncio.run(end_what_nobody_serves({served}))
    assert told(served) == {"0 3 * * 1 Europe/Berlin": True}
    assert told(other) == {"1 day, 0:00:00 Asia/Tokyo": True}
    serve("other", "0 3 * * 1")
    assert told(other)["0 3 * * 1 Europe/Berlin"]


def test_without_any_schedule_it_is_registered_again_too_and_stays_paused() -> None:
    found = serve("plain")
    with get_client(sync_client=True) as client:
        client.pause_deployment(found)
    assert serve("plain") == found
    assert told(found) == {}
    with get_client(sync_client=True) as client:
        assert client.read_deployment(found).paused
