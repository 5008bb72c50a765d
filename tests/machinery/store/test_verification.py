"""A hit is verified: quickly by what is remembered of its files, or fully by every byte."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tasks.machinery.execution.planner import Planner
from tasks.machinery.host import digest_memo
from tasks.machinery.host.digest_memo import SETTLED, Identity, verifying
from tasks.machinery.host.home import store_folder
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tests.machinery.execution.test_runner import run_flow, states, sum_of_doubles

pytestmark = pytest.mark.usefixtures("mlflow_database", "prefect")


def rot(artifact: Artifact, name: str) -> None:
    """Alter a file as a failing disk does: the bytes change, and nothing shows that they did."""
    file = artifact.path / name
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    digest_memo._memo().put({Identity.of(file.stat()): artifact.files[name]})


@pytest.mark.slow
def test_a_second_run_reads_no_file_of_an_artifact(monkeypatch: pytest.MonkeyPatch) -> None:
    run_flow(sum_of_doubles)
    time.sleep(SETTLED + 0.1)
    run_flow(sum_of_doubles)  # from here on everything is remembered
    digest_memo._known.clear()
    read: list[Path] = []
    original = digest_memo._read

    def counted(path: Path) -> tuple[str, Identity, bool]:
        read.append(path)
        return original(path)

    monkeypatch.setattr(digest_memo, "_read", counted)
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["cached"] * 3
    assert read == []
    run_flow(sum_of_doubles, verify="full")
    assert len(read) == len(set(read)) == 5, "every file, and each once"


def test_what_a_disk_changed_by_itself_is_found_by_a_full_verification() -> None:
    _, result = run_flow(sum_of_doubles)
    rot(result, "number.txt")
    quick, _ = run_flow(sum_of_doubles)
    assert states(quick) == ["cached"] * 3
    with verifying("full"):
        planner = Planner(Store(store_folder()))
        sum_of_doubles(planner)
    full, again = run_flow(sum_of_doubles, verify="full")
    assert planner.steps[-1].reasons == ["number.txt differs"]
    assert states(full) == ["cached", "cached", "completed"]
    assert full.outcomes[-1].why == "recomputed: number.txt differs"
    assert (again.path / "number.txt").read_text() == "6"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["number.txt", "show/card.md"])
def test_an_altered_byte_is_found_although_the_file_has_its_old_time(name: str) -> None:
    run_flow(sum_of_doubles)
    time.sleep(SETTLED + 0.1)
    first, _ = run_flow(sum_of_doubles)  # from here on everything is remembered
    file = first.outcomes[0].artifact.path / name
    times, bytes_ = file.stat(), file.read_bytes()
    file.write_bytes(bytes([bytes_[0] ^ 1]) + bytes_[1:])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    runner, _ = run_flow(sum_of_doubles)
    assert states(runner) == ["completed", "cached", "cached"]
    assert runner.outcomes[0].why == f"recomputed: {name} differs"
    assert file.read_bytes() == bytes_


def test_a_truncated_file_is_found() -> None:
    first, _ = run_flow(sum_of_doubles)
    with (first.outcomes[0].artifact.path / "show" / "card.md").open("r+b") as file:
        file.truncate(1)
    runner, _ = run_flow(sum_of_doubles)
    assert runner.outcomes[0].why == "recomputed: show/card.md differs"
