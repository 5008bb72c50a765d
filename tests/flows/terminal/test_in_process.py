"""What a command says of an error that is nobody's mistake in the data."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flows.commands import main as command
from flows.terminal.in_process import _why, denied
from tasks.machinery.execution.runner import StageFailedError


def test_a_file_that_may_not_be_written_is_told_without_a_traceback(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(home / "runs" / ".lock"))

    monkeypatch.setattr(command, "app", refused)
    monkeypatch.setattr(command, "redact_output", lambda: None)
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert f"temper: {home}/runs/.lock: permission denied. The state folder is {home}" in said


def test_a_full_disk_is_told_without_a_traceback(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(home / "answers.csv"))

    monkeypatch.setattr(command, "app", refused)
    monkeypatch.setattr(command, "redact_output", lambda: None)
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 1
    assert f"temper: the disk of {home}/answers.csv is full: " in capsys.readouterr().err


def test_a_name_that_is_too_long_is_told() -> None:
    said = denied(OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300))
    assert said.startswith("xxx")
    assert len(said) < 200
    assert "the name is too long" in said


def test_other_errors_are_not_called_denied() -> None:
    assert denied(FileNotFoundError(errno.ENOENT, "No such file", "x")) == ""
    assert denied(PermissionError("not of a file")) == ""


def test_a_full_memory_is_told_in_words() -> None:
    said = _why(StageFailedError("finetuning x", MemoryError()))
    assert said[0].startswith("finetuning x failed: no memory is left. Stop other programs")
