"""A small file of state that cannot be read is set aside, reported, and written again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.machinery.host.small_files import read_small, report_by

GARBLED = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"7",
    "half an object": b'{"owner": "host:1',
    "zeros": b"\0" * 128,
    "not UTF-8": b'{"owner": "\xe9"}',
    "of others": b'{"some": {"thing": ["else"]}}',
    "too deep": b"[" * 100_000,
}


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is reported in this test."""
    told: list[str] = []
    monkeypatch.setattr("tasks.machinery.host.small_files._say", told.append)
    return told


def owner(values: dict[str, Any]) -> str:
    return str(values["owner"])


@pytest.mark.parametrize("content", GARBLED.values(), ids=GARBLED)
def test_an_unreadable_file_is_set_aside_and_reported(tmp_path, reports, content: bytes) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(content)
    assert read_small(file, owner, "Nothing is lost") is None
    assert not file.exists()
    assert (tmp_path / "state.json.unreadable").read_bytes() == content
    [told] = reports
    assert told.startswith(f"{file} cannot be read (")
    assert told.endswith("; it is set aside as state.json.unreadable. Nothing is lost")
    assert read_small(file, owner, "") is None
    assert len(reports) == 1


def test_a_folder_in_its_place_is_set_aside(tmp_path, reports) -> None:
    (tmp_path / "state.json" / "more").mkdir(parents=True)
    assert read_small(tmp_path / "state.json", owner, "") is None
    assert (tmp_path / "state.json.unreadable" / "more").is_dir()
    assert "(a folder)" in reports[0]


def test_a_file_that_is_read_is_left_alone_and_a_missing_one_is_nothing(tmp_path, reports) -> None:
    file = tmp_path / "state.json"
    assert read_small(file, owner, "") is None
    file.write_text('{"owner": "me"}')
    assert read_small(file, owner, "") == "me"
    assert file.is_file()
    assert reports == []


def test_a_file_that_another_process_has_written_again_stays(tmp_path, reports) -> None:
    file, newer = tmp_path / "state.json", tmp_path / "newer.json"

    def rewritten(values: Any) -> None:
        newer.write_text('{"owner": "me"}')
        newer.replace(file)
        raise ValueError("the old one was garbled")

    file.write_text("{}")
    assert read_small(file, rewritten, "") is None
    assert json.loads(file.read_text()) == {"owner": "me"}
    assert reports == []


def test_a_command_reports_it_in_a_line(home: Path) -> None:
    (home / "servers.json").write_text("")
    (home / "runs").mkdir()
    for name, content in zip("abcdefghi", GARBLED.values(), strict=True):
        (home / "runs" / f"{name}.json").write_bytes(content)
    command = [sys.executable, "-m", "flows.commands.main", "status"]
    done = subprocess.run(
        command, env=os.environ | {"TEMPER_HOME": str(home)}, capture_output=True, text=True
    )
    assert "down: `temper up` starts the servers" in done.stdout
    assert "Traceback" not in done.stderr
    assert f"{home}/servers.json cannot be read (it is empty)" in done.stderr
    for name in "abcdefghi":
        assert f"{home}/runs/{name}.json cannot be read" in done.stderr


def test_reports_can_be_shown_elsewhere(tmp_path, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("tasks.machinery.host.small_files._say", None)
    report_by(told.append)
    (tmp_path / "state.json").touch()
    read_small(tmp_path / "state.json", owner, "")
    assert len(told) == 1
