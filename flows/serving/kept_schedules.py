"""Settings that people made on a deployment in the Prefect UI survive when it is served again.

When a deployment is registered with a schedule, Prefect replaces all of its schedules and resumes a
paused deployment. Here our own schedule has a slug: only that one is replaced or deleted, and it
stays on or off. Schedules added in the UI or through the API stay. When a deployment is no longer
served (`temper up` without the former `--retrain`), our schedule is deleted from it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound

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


async def delete_deployments(names: Collection[str]) -> None:
    """Delete the deployments that are called so, `FLOW/DEPLOYMENT`, where there are any.

    Call it only with our own Prefect server, and after their schedules were kept.
    """
    async with get_client() as client:
        for name in names:
            there = await _registered(client, name)
            if there is not None:
                await client.delete_deployment(there.id)


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
