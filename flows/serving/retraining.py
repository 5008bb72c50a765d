"""Retraining in the Prefect UI: a deployment with a schedule, and a trigger for new data.

A schedule is a cron expression, an interval or an RRule, in a time zone: `0 3 * * 1` is three
o'clock on Monday there, in summer and in winter. Of the runs missed while nothing was up, only the
last is run: see `later_one_is_due`. There is no concurrency limit on the server, whose slots are
leased and lost by a busy training; two retrainings at once train once and decide one after the
other.

Whoever delivers new data can trigger it with an event instead of waiting for the schedule:

    prefect event emit temper.data-arrived --resource-id temper.model.NAME

An HTTP request works too: see mlflow/README.md.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from prefect.client.schemas.schedules import construct_schedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from flows.retrain import USUAL, retrain
from flows.retrain_images import retrain_images
from flows.runs.medium import AnyExperiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.retraining import Rule, problem_of, require_name
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.spelling import nearest

ARRIVED = "temper.data-arrived"
SCHEDULES = {"cron": "0 3 * * 1", "interval": "3600 (seconds)", "rrule": "FREQ=WEEKLY;BYDAY=MO"}


def retrain_deployment(
    experiment: AnyExperiment,
    problem: str,
    model: str,
    rule: Rule = USUAL,
    *,
    schedule: Schedule | None = None,
    tags: Iterable[str] = (),
) -> RunnerDeployment:
    """The deployment `retrain/MODEL`, or `retrain-images/MODEL`.

    Args:
        experiment: what to run; its sources have absolute paths.
        problem: name of the downstream problem whose fine-tuned model is the challenger.
        model: name of the registered model in MLflow.
        rule: the rule for a promotion.
        schedule: None for no schedule: people and events start it.
        tags: of the deployment.

    Raises:
        InvalidExperimentError: the experiment has no such problem, or the name is invalid.
    """
    require_name(model)
    chosen = problem_of(experiment, problem)
    flow: Any = retrain_images if isinstance(experiment, ImageExperiment) else retrain
    made = flow.to_deployment(
        model,
        description=(
            f"Runs the experiment {experiment.name} if anything is new, and makes the model of "
            f"{chosen.name} the champion of {escaped(model)} if it beats the current one by the "
            f"rule.\n\n`temper history NAME` lists the decisions. It also runs on the event "
            f"`{ARRIVED}` of the resource {escaped(resource(model))}."
        ),
        parameters={
            "experiment": experiment.model_dump(mode="json"),
            "problem": problem,
            "model": model,
            "rule": rule.model_dump(mode="json"),
        },
        schedules=[schedule] if schedule is not None else None,
        triggers=[
            DeploymentEventTrigger(
                name=f"retrain {model} when new data have arrived",
                expect={ARRIVED},
                match={"prefect.resource.id": resource(model)},
            )
        ],
        tags=["retrain", *tags],
        version=importlib.metadata.version("temper"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast(RunnerDeployment, made)


def resource(model: str) -> str:
    """The resource of an event about the data of a model."""
    return f"temper.model.{model}"


def schedule_of(kind: str, text: str, zone: str = "") -> Schedule:
    """Parse a schedule.

    Args:
        kind: cron, interval or rrule.
        text: a cron expression, seconds, or an RRule.
        zone: IANA name of the time zone; empty for that of this machine.

    Raises:
        InvalidExperimentError: one of them is invalid.
    """
    chosen = zone or machine_zone()
    zones = available_timezones()
    if chosen not in zones:
        hint = nearest(chosen, zones)
        raise InvalidExperimentError(
            [f"time zone: found {chosen!r}{hint}. Accepted: an IANA name, such as Europe/Berlin"]
        )
    value: dict[str, Any] = {kind: text, "timezone": chosen}
    try:
        if kind == "interval":
            # The anchor is a fixed day. Otherwise a server that is started every morning would
            # postpone the next run every morning.
            since = datetime(2026, 1, 1, tzinfo=ZoneInfo(chosen))
            value |= {kind: timedelta(seconds=float(text)), "anchor_date": since}
        construct_schedule(**value)
    except (ValueError, TypeError, OverflowError):
        raise InvalidExperimentError(
            [f"{kind}: found {text!r}; accepted: a schedule like {SCHEDULES[kind]}"]
        ) from None
    return Schedule(**value)


def machine_zone() -> str:
    """The IANA name of this machine's time zone; UTC if it is unknown."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named:
        return named
    linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    file = Path("/etc/timezone")
    written = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    return next((zone for zone in (linked, written) if zone in available_timezones()), "UTC")
