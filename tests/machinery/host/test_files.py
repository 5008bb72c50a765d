"""A folder appears whole, or not at all."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from tasks.machinery.host.files import writing_file, writing_folder


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


def write_text(file: Path, end: BaseException | None = None) -> None:
    with writing_file(file) as partial:
        partial.write_text("half")
        if end is not None:
            raise end
        partial.write_text("whole")


@pytest.mark.parametrize("end", [KeyboardInterrupt(), OSError(28, "No space left")])
def test_a_file_whose_writing_is_interrupted_stays_as_it_was(
    end: BaseException, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    file.write_text("older")
    with pytest.raises(type(end)) as caught:
        write_text(file, end)
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]
    assert file.read_text() == "older"
    assert isinstance(end, KeyboardInterrupt) or caught.value.filename == str(file)


def test_a_file_is_replaced_with_its_permissions_and_through_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "answers.csv", tmp_path / "link.csv"
    file.write_text("older")
    file.chmod(0o640)
    link.symlink_to(file)
    write_text(link)
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("whole", 0o640)


def test_a_file_that_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"

    def killed() -> None:
        with writing_file(file) as partial:
            partial.write_text("half")
            os._exit(9)

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join()
    assert not file.exists()
    write_text(file)
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "answers.jsonl"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with writing_file(pipe) as given, given.open("w") as out:
        out.write("whole")
    assert os.read(reader, 100) == b"whole"
    os.close(reader)
    assert pipe.is_fifo()
