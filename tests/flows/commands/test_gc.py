"""`temper gc` lists the store, deletes what is requested, and never what is in use."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from mlflow import MlflowClient
from typer.testing import CliRunner

from flows.commands.gc import gc
from tasks.machinery.freeing.contents import take_stock
from tasks.machinery.host.home import store_folder, tracking_uri
from tasks.machinery.host.space import read_size
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.lease import beside
from tasks.machinery.store.store import Store
from tests.conftest import ROOT, small_disk_at
from tests.machinery.execution.test_runner import run_flow, states, sum_of_doubles
from tests.support.toy_stages import DOUBLE

pytestmark = pytest.mark.usefixtures("mlflow_database")

app = typer.Typer()
app.command()(gc)


def collect(*words: str) -> tuple[int, str]:
    """Exit status and output of the command, where nobody can be asked."""
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def put(number: int, days_ago: float = 0, size: int = 1000, stage: str = "toy") -> Artifact:
    """An artifact that was last used some days ago."""
    store = Store(store_folder())
    part = {"number": number}
    key = {"stage": stage, "part": part, "inputs": {}, "code": {}, "libraries": {}}
    with store.locked(stage, digest(key)) as folder:
        (store.begin(folder) / "bytes.bin").write_bytes(b"x" * size)
        made = store.complete(folder, key, {}, {}, 1.0)
    used = datetime.now(UTC) - timedelta(days=days_ago)
    uses = {"experiments": {f"experiment {number}": used.isoformat()}}
    (made.folder / "used.json").write_text(json.dumps(uses))
    return made


def begin(days_ago: float, run: dict[str, str] | None = None) -> Path:
    """Work of some days ago that did not come to its end."""
    store = Store(store_folder())
    with store.locked("toy", digest(days_ago)) as folder:
        (store.begin(folder) / "half.bin").write_bytes(b"x" * 500)
        if run:
            (folder / "run.json").write_text(json.dumps(run))
    then = time.time() - days_ago * 86400
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))
    return folder


def names() -> set[str]:
    """What the store holds."""
    return {item.name for item in take_stock(Store(store_folder()))}


def delete_run(run_id: str) -> None:
    MlflowClient(tracking_uri()).delete_run(run_id)


def test_a_store_that_is_not_there_is_empty_and_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "not yet"))
    status, said = collect()
    assert (status, said.split(" in ")[0]) == (0, "0 bytes")
    assert not (tmp_path / "not yet").exists()


@pytest.mark.usefixtures("prefect")
def test_without_options_it_tells_what_there_is_and_what_each_rule_would_free() -> None:
    run_flow(sum_of_doubles)
    put(1, days_ago=40, size=5000)
    begin(1)
    before = names()
    status, said = collect()
    assert status == 0
    rows = [line.split() for line in said.splitlines()]
    assert ["double", "2"] in [row[:2] for row in rows]
    assert ["add", "1"] in [row[:2] for row in rows]
    assert ["toy", "1", "1"] in [row[:3] for row in rows]  # complete, unfinished
    assert ["experiment", "1", "1"] in [row[:3] for row in rows]
    assert "--older-than 30  would delete 1, " in said
    assert "--unreferenced   would delete 1, " in said
    assert "--keep 0         would delete 4, " in said
    assert names() == before


def test_what_was_last_used_long_ago_is_freed_by_age() -> None:
    old, new = put(1, days_ago=10), put(2, days_ago=3)
    status, said = collect("--older-than", "7", "--yes")
    assert status == 0
    assert names() == {new.name}
    assert "experiment 1" in said
    assert "last used 10 days ago" in said
    assert "deleted 1." in said.splitlines()[-1]
    assert not beside(old.folder, ".lock").exists()


def test_the_least_recently_used_is_freed_until_the_store_fits() -> None:
    made = [put(number, days_ago=10 - number, size=10_000) for number in range(5)]
    assert collect("--keep", "25kB", "--yes")[0] == 0
    assert names() == {artifact.name for artifact in made[3:]}
    assert collect("--keep", "25kB", "--yes")[1].startswith("nothing to delete")


def test_checkpoints_that_a_kill_left_in_a_complete_stage_are_freed_by_any_rule() -> None:
    made, unfinished = put(1), begin(1)
    for folder in (made.folder, unfinished):
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "weights.bin").write_bytes(b"x" * 5000)
    assert "checkpoints" not in collect("--older-than", "9", "--dry-run")[1]
    _, said = collect("--older-than", "9", "--yes")
    assert "deleted 5.0 kB of checkpoints of complete stages" in said
    assert not (made.folder / "checkpoints").exists()
    assert (unfinished / "checkpoints").is_dir()
    assert names() == {made.name, f"toy/{unfinished.name}"}


def test_unfinished_work_is_freed_by_age_and_not_to_make_the_store_fit() -> None:
    folder = begin(3)
    assert collect("--keep", "0", "--yes")[0] == 0
    assert folder.exists()
    _, said = collect("--older-than", "2", "--yes")
    assert "(unfinished)" in said
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("prefect")
def test_deleting_an_experiments_run_frees_what_only_it_referred_to() -> None:
    first, _ = run_flow(sum_of_doubles)
    second, _ = run_flow(lambda run: sum_of_doubles(run, right=5))
    kept = {outcome.artifact.name for outcome in second.outcomes}
    assert collect("--unreferenced", "--yes")[1].startswith("nothing to delete")
    delete_run(first.recording.parent.run_id)
    status, said = collect("--unreferenced", "--yes")
    assert status == 0
    assert "no run in MLflow refers to it" in said
    assert names() == kept
    again, _ = run_flow(sum_of_doubles)
    assert states(again) == ["cached", "completed", "completed"]


@pytest.mark.usefixtures("prefect")
def test_a_deleted_experiment_frees_what_its_runs_referred_to() -> None:
    runner, _ = run_flow(sum_of_doubles)
    MlflowClient(tracking_uri()).delete_experiment(runner.recording.parent.experiment_id)
    assert collect("--unreferenced", "--yes")[0] == 0
    assert names() == set()


@pytest.mark.usefixtures("prefect")
def test_a_run_that_is_restored_in_time_keeps_its_artifacts() -> None:
    runner, _ = run_flow(sum_of_doubles)
    client, run_id = MlflowClient(tracking_uri()), runner.recording.parent.run_id
    client.delete_run(run_id)
    assert "would delete" in collect("--unreferenced", "--dry-run")[1].splitlines()[-1]
    client.restore_run(run_id)
    assert collect("--unreferenced", "--yes")[1].startswith("nothing to delete")
    assert len(names()) == 3


@pytest.mark.usefixtures("prefect")
def test_unfinished_work_is_freed_with_its_run() -> None:
    runner, _ = run_flow(lambda run: run(DOUBLE, number=1))
    tracking = runner.recording.tracking
    child = tracking.open("toy", {}, runner.recording.parent)
    folder = begin(0, {"run_id": child.run_id, "tracking_uri": tracking.uri})
    without_run = begin(1)
    assert collect("--unreferenced", "--yes")[0] == 0
    assert folder.exists()
    delete_run(child.run_id)
    assert collect("--unreferenced", "--yes")[0] == 0
    assert not folder.exists()
    assert without_run.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("prefect")
def test_an_artifact_whose_run_is_in_another_mlflow_is_kept_and_said_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_flow(sum_of_doubles)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/other.db")
    run_flow(lambda run: run(DOUBLE, "first", number=9))
    status, said = collect("--unreferenced", "--yes")
    assert status == 0
    assert said.count("its run is in another") == 3
    assert len(names()) == 4


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:////nowhere/at/all.db"])
def test_nothing_is_freed_where_mlflow_cannot_be_asked(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    made = put(1, days_ago=100)
    status, said = collect("--unreferenced", "--older-than", "1", "--yes")
    assert status == 1
    assert re.search("cannot (query|reach) MLflow", said)
    assert "Nothing was deleted" in said
    assert names() == {made.name}
    assert re.search("unknown: cannot (query|reach) MLflow", collect()[1])


@pytest.fixture
def in_progress(home: Path, prefect: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, in the middle of its second stage."""
    code = """
from tests.machinery.execution.test_runner import run_flow
from tests.support.toy_stages import ADD, DOUBLE, WAIT

def recipe(run):
    double = run(DOUBLE, number=1)
    waited = run(WAIT, number=3)
    return run(ADD, left=double / "number.txt", right=waited / "number.txt")

run_flow(recipe)
"""
    begun, go_on = home / "begun", home / "go on"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"TOY_BEGUN": str(begun), "TOY_GO_ON": str(go_on)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not begun.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()[-2000:]
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_what_a_run_in_progress_uses_is_never_freed(in_progress, home: Path) -> None:
    other = put(1)
    used = names() - {other.name}
    assert len(used) == 2  # one complete, one being computed
    status, said = collect("--keep", "0", "--older-than", "0", "--unreferenced", "--yes")
    assert status == 0
    assert said.count("a run in progress uses it") == 2
    assert names() == used
    (home / "go on").touch()
    _, problem = in_progress.communicate(timeout=60)
    assert in_progress.returncode == 0, problem[-2000:]
    assert collect("--keep", "0", "--yes")[0] == 0
    assert names() == set()


@pytest.mark.slow
def test_what_a_killed_run_used_may_be_freed(in_progress) -> None:
    in_progress.kill()
    in_progress.wait()
    assert collect("--older-than", "0", "--yes")[0] == 0
    assert names() == set()


def test_what_is_held_is_not_freed_although_no_run_says_that_it_uses_it() -> None:
    made = put(1, days_ago=100)
    with Store(store_folder()).locked("toy", made.fingerprint, experiment="demo"):
        status, said = collect("--older-than", "1", "--yes")
    assert status == 0
    assert f"kept {made.name}: in use by demo toy: process {os.getpid()} on " in said
    assert "deleted 0 bytes of" in said
    assert made.damage() is None


@pytest.mark.usefixtures("prefect")
def test_what_was_freed_is_computed_again() -> None:
    _, result = run_flow(sum_of_doubles)
    assert collect("--keep", "0", "--yes")[0] == 0
    assert names() == set()
    again, same = run_flow(sum_of_doubles)
    assert states(again) == ["completed"] * 3
    assert same.files == result.files


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A state folder on a disk of 4 MB of its own, where this process may mount one."""
    with small_disk_at(home, megabytes=4) as disk:
        yield disk


def test_a_disk_that_is_full_to_the_last_byte_is_freed(small_disk: Path) -> None:
    made = [put(number, days_ago=9 - number, size=100_000) for number in range(3)]
    with (small_disk / "ballast").open("ab", buffering=0) as file:
        for size in (4096, 1):
            with pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(b"x" * size)
    with pytest.raises(OSError, match="No space left"):
        put(9)
    status, said = collect("--keep", "150kB", "--yes")
    assert status == 0, said
    assert made[2].name in names()
    assert not {made[0].name, made[1].name} & names()
    assert put(9).damage() is None


def test_two_at_once_free_each_thing_once() -> None:
    for number in range(60):
        put(number, days_ago=9)
    code = "import typer; from flows.commands.gc import gc; typer.run(gc)"
    command = [sys.executable, "-c", code, "--older-than", "1", "--yes"]
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) for _ in range(2)
    ]
    printed = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert names() == set()
    spared = sum(out.count("another process has deleted it") for out, _ in printed)
    found = sum(out.count("last used 9 days ago") for out, _ in printed)
    assert found - spared == 60


def test_a_note_of_use_that_is_garbled_is_done_without() -> None:
    made = put(1, days_ago=9)
    (made.folder / "used.json").write_text('{"experiments": {"demo": "some day"}}')
    assert "demo" in collect()[1]
    (made.folder / "used.json").write_text("{")
    assert collect("--older-than", "1", "--yes")[1].startswith("nothing to delete")


def test_a_dry_run_frees_nothing() -> None:
    made = put(1, days_ago=100)
    status, said = collect("--older-than", "1", "--dry-run")
    assert status == 0
    assert said.splitlines()[-1].startswith("would delete 1.")
    assert names() == {made.name}


def test_where_nobody_can_be_asked_nothing_is_freed_without_yes() -> None:
    made = put(1, days_ago=100)
    status, said = collect("--older-than", "1")
    assert status == 2
    assert "Add --yes" in said
    assert names() == {made.name}


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("y", 0)])
def test_in_a_terminal_it_asks(answer: str, left: int) -> None:
    put(1, days_ago=100)
    ours, theirs = pty.openpty()
    code = "import typer; from flows.commands.gc import gc; typer.run(gc)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--older-than", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
    )
    os.close(theirs)
    said = ""
    while "[y/N]" not in said:
        said += os.read(ours, 1000).decode()
    os.write(ours, f"{answer}\n".encode())
    assert process.wait(timeout=60) == 0
    os.close(ours)
    assert len(names()) == left


def test_what_a_kill_left_behind_is_removed() -> None:
    made, gone = put(1), put(2)
    shutil.rmtree(gone.folder)
    left = store_folder() / ".freeing" / "0123"
    left.mkdir(parents=True)
    (left / "bytes.bin").write_bytes(b"x" * 1000)
    assert collect("--keep", "1GB", "--yes")[0] == 0
    assert not left.exists()
    assert not beside(gone.folder, ".lock").exists()
    assert beside(made.folder, ".lock").exists()
    assert names() == {made.name}


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("5GB", 5 * 10**9), ("1.5 kb", 1500), ("2GiB", 2**31), ("7m", 7_000_000)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["much", "-5GB", "5 XB", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    status, said = collect("--keep", text, "--yes")
    assert status == 2
    assert "accepted: a size like" in " ".join(said.split())


def test_an_age_below_zero_is_refused() -> None:
    assert collect("--older-than=-1", "--yes")[0] == 2
