"""When a retraining is run: its schedule, its time zone, runs that were missed, new data."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.sorting import FlowRunSort
from prefect.schedules import RRule
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.types.entrypoint import EntrypointType

from flows.presets.loading import load_experiment
from flows.serving.retrain_settings import Retrained
from flows.serving.retraining import machine_zone, retrain_deployment, schedule_of
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tests.support.command import call
from tests.support.lateness import tell
from tests.support.tiny_images import write_image_experiment


def next_runs(kind: str, text: str, zone: str, after: datetime, count: int) -> list[datetime]:
    made = schedule_of(kind, text, zone)
    schedule: CronSchedule | IntervalSchedule
    if kind == "cron":
        schedule = CronSchedule(cron=made.cron, timezone=made.timezone)
    else:
        schedule = IntervalSchedule(
            interval=made.interval, anchor_date=made.anchor_date, timezone=made.timezone
        )
    return asyncio.run(schedule.get_dates(count, after))


def test_three_o_clock_is_three_o_clock_there_in_summer_and_in_winter() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 10, 20, tzinfo=berlin)  # the clocks go back on the 25th
    runs = next_runs("cron", "0 3 * * 1", "Europe/Berlin", before, 2)
    local = [run.astimezone(berlin) for run in runs]
    assert [(day.day, day.hour) for day in local] == [(26, 3), (2, 3)]
    first = next_runs("cron", "0 3 * * 1", "Europe/Berlin", datetime(2026, 7, 1, tzinfo=berlin), 1)
    offsets = [run.astimezone(berlin).utcoffset() for run in (*first, *runs)]
    assert [offset and offset.total_seconds() for offset in offsets] == [7200, 3600, 3600]


def test_a_server_that_is_started_again_does_not_put_off_the_next_run() -> None:
    now = datetime(2026, 11, 24, 19, 53, tzinfo=ZoneInfo("UTC"))
    runs = [next_runs("interval", "86400", "UTC", now, 1) for _ in range(2)]
    assert runs[0] == runs[1] == [datetime(2026, 11, 25, tzinfo=ZoneInfo("UTC"))]


@pytest.mark.parametrize(
    ("kind", "text", "zone", "said"),
    [
        ("cron", "0 3 * *", "UTC", "cron: found '0 3 * *'; accepted: a schedule like 0 3 * * 1"),
        ("interval", "-3", "UTC", "interval: found '-3'; accepted: a schedule like 3600"),
        ("interval", "inf", "UTC", "interval: found 'inf'; accepted: a schedule like 3600"),
        ("rrule", "WEEKLY", "UTC", "rrule: found 'WEEKLY'; accepted: a schedule like FREQ="),
        ("cron", "0 3 * * 1", "Europe/Berlni", "did you mean Europe/Berlin"),
    ],
)
def test_what_is_no_schedule_is_said(kind: str, text: str, zone: str, said: str) -> None:
    with pytest.raises(InvalidExperimentError) as found:
        schedule_of(kind, text, zone)
    assert said in str(found.value)


def test_the_machine_tells_its_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert machine_zone() == "Asia/Tokyo"
    monkeypatch.delenv("TZ")
    assert ZoneInfo(machine_zone())


def test_the_form_of_the_deployment_has_what_was_asked_for() -> None:
    made = retrain_deployment(
        load_experiment("demo"), "library", "topics", schedule=schedule_of("cron", "0 3 * * 1")
    )
    assert made.parameters["rule"]["worst_class_loss"] == 0.05
    assert made.parameters["experiment"]["name"] == "demo"
    form = made._parameter_openapi_schema
    assert list(form.properties) == ["experiment", "problem", "model", "rule", "verify"]
    assert [each.schedule.cron for each in made.schedules] == ["0 3 * * 1"]
    with pytest.raises(InvalidExperimentError, match="demo has no 'libary'; did you mean library"):
        retrain_deployment(load_experiment("demo"), "libary", "topics")


@pytest.mark.slow
def test_of_the_runs_that_were_missed_the_last_one_runs(prefect: str, home: Path) -> None:
    since = datetime.now(ZoneInfo("UTC")) + timedelta(seconds=30)  # the server plans in rounds
    rule = f"DTSTART:{since:%Y%m%dT%H%M%S}\nRRULE:FREQ=SECONDLY;INTERVAL=2;COUNT=3"
    deployment = tell.to_deployment(
        "late",
        schedules=[RRule(rule, timezone="UTC")],
        # as `temper up` registers its own: a flow named by a file has its whole folder copied
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    chosen = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.apply()]))
    time.sleep(36)  # nobody serves it
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            deployment_filter=chosen, sort=FlowRunSort.EXPECTED_START_TIME_ASC
        )
    assert len(found) == 3
    told = [execute(str(run.id), prefect) for run in found]
    assert told == ["skip by schedule", "skip by schedule", "run by schedule"]


def execute(flow_run_id: str, server: str) -> str:
    """Run a flow run in the process that a worker starts for it; what it tells."""
    environment = os.environ | {"PREFECT_API_URL": server, "PREFECT__FLOW_RUN_ID": flow_run_id}
    done = call(module="prefect.engine", environment=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("told: ")]
    assert lines, done.stdout[-2000:] + done.stderr[-2000:]
    return lines[0].removeprefix("told: ")


def test_an_experiment_on_images_is_handed_over_and_retrained_by_its_own_flow(
    tmp_path: Path,
) -> None:
    file = write_image_experiment(tmp_path)
    asked = Retrained.of(str(file), "kinds", "", {"cron": "0 3 * * 1"}, "")
    found = Retrained.model_validate_json(asked.model_dump_json())
    assert isinstance(found.experiment, ImageExperiment)
    assert found.model == "kinds"
    assert found.deployment([]).flow_name == "retrain-images"
