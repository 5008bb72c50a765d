"""Settings that people made on a deployment in the Prefect UI survive when it is served again.

When a deployment is registered with a schedule, Prefect replaces all of its schedules and resumes a
paused deployment. Here our own schedule has a slug: only that one is replaced or deleted, and it
stays on or off. Schedules added in the UI or through the API stay. When a deployment is no longer
served (`temper up` without the former `--retrain`), our schedule is deleted from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import DeploymentSchedule, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

Written = DeploymentScheduleCreate | DeploymentScheduleUpdate  # the types in a deployment

OURS = "temper: "  # the start of the slug of our own schedule


async def keep_what_people_set(deployment: RunnerDeployment, earlier: str = "") -> RunnerDeployment:
    """The deployment to register, with the registered one's schedules and paused state.

    Args:
        deployment: to register.
        earlier: the name, `FLOW/DEPLOYMENT`, that it had in an earlier version.
    """
    ours = list(deployment.schedules or [])
    for each in ours:
        each.slug = slug_of(each.schedule)
    async with get_client() as client:
        there = await _registered(client, deployment.full_name)
        if there is None and earlier:
            there = await _registered(client, earlier)
        if there is None:
            return deployment
        before = [each for each in there.schedules if is_ours(each, ours)]
        for each in ours:
            left = [old.active for old in before if old.schedule == each.schedule]
            each.active = left[0] if left else each.active
        for old in before:  # Prefect does not delete a schedule whose slug is missing
            if old.slug not in [each.slug for each in ours]:
                await client.delete_deployment_schedule(there.id, old.id)
    kept = [_again(each) for each in there.schedules if each not in before]
    if ours or kept:  # Prefect accepts no empty list
        deployment.schedules = [*ours, *kept]
    deployment.paused = there.paused
    return deployment


async def end_what_nobody_serves(served: Collection[UUID]) -> None:
    """Delete our schedule from deployments that are not served: nothing would run its flow runs.

    Call it only with our own Prefect server: on a shared one, others may serve them.
    """
    async with get_client() as client:
        for there in await client.read_deployments():
            for each in there.schedules:
                if there.id not in served and _is_marked(each):
                    await client.delete_deployment_schedule(there.id, each.id)


def is_ours(schedule: DeploymentSchedule, ours: Sequence[Written]) -> bool:
    """Whether a schedule is one that came from us."""
    return _is_marked(schedule) or any(schedule.schedule == each.schedule for each in ours)


def slug_of(schedule: object) -> str:
    """The slug of our schedule, which Prefect shows in place of its own text."""
    if isinstance(schedule, CronSchedule):
        return f"{OURS}{schedule.cron}"
    if isinstance(schedule, IntervalSchedule):
        return f"{OURS}every {schedule.interval.total_seconds():g} s"
    return f"{OURS}{getattr(schedule, 'rrule', schedule)}"


def _is_marked(schedule: DeploymentSchedule) -> bool:
    return (schedule.slug or "").startswith(OURS)


async def end_earlier_names(names: Mapping[str, str], *, ours: bool) -> None:
    """End the deployments that have other names now, after their schedules were kept.

    With our own Prefect server they are deleted, and the runs that people scheduled go over to the
    new ones. On another one, somebody may serve them still: their schedules, which the new ones
    have, are switched off.

    Args:
        names: the earlier name by the current one, each `FLOW/DEPLOYMENT`.
        ours: whether it is our own server.
    """
    async with get_client() as client:
        for current, earlier in names.items():
            old, new = await _registered(client, earlier), await _registered(client, current)
            if old is None or new is None:
                continue
            if not ours:
                for each in old.schedules:
                    await client.update_deployment_schedule(old.id, each.id, active=False)
                continue
            waiting = FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[old.id]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            )
            for run in await client.read_flow_runs(flow_run_filter=waiting):
                if not run.auto_scheduled:
                    at: State[None] = Scheduled(scheduled_time=run.expected_start_time)
                    await client.create_flow_run_from_deployment(
                        new.id, parameters=run.parameters, state=at
                    )
            await client.delete_deployment(old.id)


async def _registered(client: PrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _again(schedule: DeploymentSchedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=schedule.schedule,
        active=schedule.active,
        max_scheduled_runs=schedule.max_scheduled_runs,
        parameters=schedule.parameters,
        slug=schedule.slug,
    )
