"""A folder appears whole, or not at all."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from tasks.machinery.host.files import writing_folder


def write(folder: Path, end: BaseException | None = None) -> None:
    with writing_folder(folder) as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "a.txt").write_text("one")
        if end is not None:
            raise end


@pytest.mark.parametrize("end", [KeyboardInterrupt(), OSError("full")])
def test_nothing_is_left_of_a_folder_whose_writing_is_interrupted(
    end: BaseException, tmp_path: Path
) -> None:
    with pytest.raises(type(end)):
        write(tmp_path / "out", end)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    def killed() -> None:
        with writing_folder(tmp_path / "out") as partial:
            (partial / "a.txt").write_text("half")
            os._exit(9)

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join()
    [left] = tmp_path.iterdir()
    assert left.name.startswith(".out.")
    (tmp_path / "out").mkdir()
    write(tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.txt")] == [
        "out/sub/a.txt"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(OSError, match="not empty"):
        write(tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]
