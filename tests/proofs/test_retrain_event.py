"""New data are told of by an event, and what people set of a schedule outlives a restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import IntervalSchedule

from tests.support.growing import write_growing
from tests.support.up import Up, up_on, wait_until

pytestmark = pytest.mark.live

RETRAIN = ("--retrain-problem", "mood", "--retrain-model", "moods")
WHEN = ("--retrain-cron", "0 3 * * 1", "--time-zone", "Europe/Berlin")


def start(up: Up) -> None:
    up.start("--retrain", str(up.file), *RETRAIN, *WHEN)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`temper up` with a weekly retraining, started once for the tests of this file."""
    folder = tmp_path_factory.mktemp("up")
    with up_on(folder, write_growing(folder / "data", rows=200)) as found:
        start(found)
        yield found


def told_by(up: Up) -> list[str]:
    """What the retrainings that have ended say."""
    runs = up.ended()
    assert {run.state_type for run in runs} <= {StateType.COMPLETED}, [run.state for run in runs]
    return [run.state.message for run in runs]


def test_new_data_are_told_of_by_a_command_or_a_request(up: Up) -> None:
    api = f"http://127.0.0.1:{up.ports[0]}/api"

    def by_command(model: str) -> list[str]:
        command = [str(Path(sys.executable).parent / "prefect"), "event", "emit"]
        return [*command, "temper.data-arrived", "--resource-id", f"temper.model.{model}"]

    for model in ("other", "moods"):
        environment = up.environment() | {"PREFECT_API_URL": api}
        subprocess.run(by_command(model), env=environment, check=True, timeout=60)
    wait_until(lambda: len(told_by(up)) == 1, 120)
    assert told_by(up)[0].startswith("promoted, the first champion: version 1 of moods")

    subprocess.run(["bash", "-c", request_in_the_manual(api)], check=True, timeout=60)
    wait_until(lambda: len(told_by(up)) == 2, 120)
    assert told_by(up)[1] == "nothing new: the experiment produces version 1, which is the champion"
    assert "automation retrain moods when new data have arrived" in up.temper("history", "moods")[1]


def request_in_the_manual(api: str) -> str:
    """The line of mlflow/README.md that tells of new data by curl, for this server and model."""
    manual = (Path(__file__).parents[2] / "mlflow" / "README.md").read_text()
    start = manual.index("curl ")
    line = manual[start : manual.index("```", start)]
    assert "http://127.0.0.1:4200/api" in line
    assert "temper.model.reviews" in line
    line = line.replace("http://127.0.0.1:4200/api", api)
    return line.replace("temper.model.reviews", "temper.model.moods")


def test_what_people_set_of_a_schedule_outlives_a_restart(up: Up) -> None:
    with up.client() as client:
        found = client.read_deployment_by_name("retrain/moods")
        daily = IntervalSchedule(interval=timedelta(days=1), timezone="Asia/Tokyo")
        client.create_deployment_schedules(found.id, [(daily, True)])
        weekly = client.read_deployment_by_name("gc/delete-unused-artifacts")
        assert [each.active for each in weekly.schedules] == [False]
        client.update_deployment_schedule(weekly.id, weekly.schedules[0].id, active=True)
    up.stop()
    start(up)
    with up.client() as client:
        found = client.read_deployment_by_name("retrain/moods")
        weekly = client.read_deployment_by_name("gc/delete-unused-artifacts")
    kinds = {type(each.schedule).__name__: each.schedule.timezone for each in found.schedules}
    assert kinds == {"CronSchedule": "Europe/Berlin", "IntervalSchedule": "Asia/Tokyo"}
    assert [each.active for each in (*found.schedules, *weekly.schedules)] == [True] * 3
