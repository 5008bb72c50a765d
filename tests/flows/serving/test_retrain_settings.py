"""A data set that grows while a real schedule of `temper up` runs: run for run, by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mlflow import MlflowClient
from prefect.client.schemas.objects import FlowRun, StateType

from tests.support.growing import write_growing, write_rows
from tests.support.up import Up, up_on

pytestmark = [pytest.mark.live, pytest.mark.long]

MODEL = "moods"
OFTEN = ("--retrain-every", "20")  # seconds
PATIENCE = 600.0  # seconds until the next run has ended, on a busy machine
NO_NEWS = ("nothing new: ", "skipped, a later one is due")


class Scheduled:
    """The scheduled runs of `temper up`, in the order in which they end."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.seen: list[FlowRun] = []

    def start(self) -> None:
        """Start `temper up` with a schedule of every few seconds."""
        what = ["--retrain", str(self.up.file), "--retrain-problem", "mood"]
        self.up.start(*what, "--retrain-model", MODEL, *OFTEN)

    def next(self, said: str) -> str:
        """Wait for a run that says this; what runs before it must have found nothing new."""
        until = time.monotonic() + PATIENCE
        known = {run.id for run in self.seen}
        while time.monotonic() < until:
            for run in self.up.ended():
                if run.id in known:
                    continue
                known.add(run.id)
                if run.state_name == "Skipped":  # on a busy machine: a later one runs instead
                    continue
                self.seen.append(run)
                assert run.auto_scheduled
                assert run.state_type == StateType.COMPLETED, run.state
                message = run.state.message or ""
                if said in message:
                    return message
                assert message.startswith(NO_NEWS), message
            time.sleep(0.5)
        raise AssertionError(f"no run said {said!r}: {[run.state.message for run in self.seen]}")

    def train_on(self, rows: int, *, spoiled: bool = False) -> None:
        """Change the training rows while the schedule runs."""
        file = self.up.folder / "data" / "moods" / "train.csv"
        write_rows(file, rows, 3, spoiled=spoiled)

    @property
    def registry(self) -> MlflowClient:
        """MLflow, as its server tells it."""
        return MlflowClient(f"http://127.0.0.1:{self.up.ports[1]}")

    def aliases(self) -> dict[str, str]:
        """The versions of the aliases."""
        found = self.registry.get_registered_model(MODEL).aliases
        return {alias: str(version) for alias, version in found.items()}

    def trained(self) -> int:
        """How many fine-tunings MLflow has."""
        ids = [found.experiment_id for found in self.registry.search_experiments()]
        runs = self.registry.search_runs(ids, max_results=1000)
        return sum(run.info.run_name == "finetuning mood" for run in runs)


@pytest.fixture
def scheduled(tmp_path: Path) -> Iterator[Scheduled]:
    with up_on(tmp_path, write_growing(tmp_path / "data", rows=200)) as up:
        yield Scheduled(up)


def test_five_scheduled_runs_skip_promote_refuse_and_respect_a_rollback(
    scheduled: Scheduled,
) -> None:
    scheduled.start()
    assert "version 1 of moods" in scheduled.next("promoted, the first champion")
    assert scheduled.aliases() == {"champion": "1"}
    scheduled.next("nothing new: the experiment produces version 1, which is the champion")
    assert scheduled.trained() == 1

    scheduled.train_on(1500)
    assert "better: +" in scheduled.next("promoted: version 2 of moods")
    assert scheduled.aliases() == {"champion": "2", "previous": "1"}

    scheduled.train_on(1500, spoiled=True)
    assert "worse: -" in scheduled.next("kept champion: version 3 of moods")
    assert scheduled.aliases() == {"champion": "2", "previous": "1"}

    assert scheduled.up.temper("rollback", MODEL)[0] == 0
    assert scheduled.aliases() == {"champion": "1"}
    scheduled.train_on(1500)  # what gave the version that was demoted
    scheduled.next("nothing new: the experiment produces version 2, which was demoted by hand")
    assert scheduled.aliases() == {"champion": "1"}
    assert scheduled.trained() == 3

    check_history(scheduled)
    check_runs(scheduled)


def check_history(scheduled: Scheduled) -> None:
    """What `temper history` and the pages of the versions tell."""
    status, told = scheduled.up.temper("history", MODEL)
    assert status == 0
    lines = [" ".join(line.split()) for line in told.splitlines()]
    outcomes = ["promoted, the first champion", "promoted +", "kept champion -", "rolled back 2 →"]
    for number, said in enumerate(outcomes, 1):
        [line] = [each for each in lines if each.startswith(f"{number} ")]
        assert said in line, told
        assert ("schedule" in line) == (said != "rolled back 2 →"), told
    tags = {n: scheduled.registry.get_model_version(MODEL, n).tags for n in ("1", "2", "3")}
    assert {each["temper.by"] for n, each in tags.items() if n != "1"} == {"schedule"}
    assert tags["1"]["temper.outcome"] == "rolled back"  # to it
    assert tags["3"]["temper.outcome"] == "kept champion"
    assert len({each["temper.data.dataset mood"] for each in tags.values()}) == 3


def check_runs(scheduled: Scheduled) -> None:
    """What Prefect's list of runs tells, and that nothing was run twice at a time."""
    assert {run.name for run in scheduled.seen} == {"retrain moods · growing: mood"}
    assert len(scheduled.seen) >= 5
    ends = [run for run in scheduled.seen if "skipped" not in (run.state.message or "")]
    for earlier, later in pairwise(ends):
        assert later.start_time >= earlier.end_time
