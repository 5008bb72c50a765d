"""The state folder is its owner's alone, unless somebody chose to share it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tasks.machinery.host.home import close_home, make_home


def mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_a_new_one_is_private(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "a" / "b"))
    make_home()
    assert mode_of(tmp_path / "a" / "b") == 0o700
    assert close_home() == ""


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o750, 0o700), (0o775, 0o770)])
def test_an_older_one_is_closed_and_that_is_said_once(home: Path, before: int, after: int) -> None:
    (home / "store").mkdir()
    (home / "mlflow.db").touch()
    home.chmod(before)
    said = close_home()
    assert str(home) in said
    assert "chmod" in said  # how to share it
    assert mode_of(home) == after
    assert close_home() == ""


@pytest.mark.parametrize("shared", [0o2775, 0o2755, 0o1777, 0o770])
def test_one_that_is_shared_by_choice_is_left(home: Path, shared: int) -> None:
    home.chmod(shared)
    assert close_home() == ""
    assert mode_of(home) == shared


def test_a_folder_with_other_things_is_left(home: Path) -> None:
    (home / "index.html").touch()
    home.chmod(0o755)
    assert close_home() == ""
    assert mode_of(home) == 0o755


def test_none_is_made_to_be_closed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "none"))
    assert close_home() == ""
    assert not (tmp_path / "none").exists()
