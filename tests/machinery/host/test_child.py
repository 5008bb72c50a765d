"""A person's `tasks.py` or `flows` in the working directory is not taken for ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.machinery.host.child import python_command, without_working_directory
from tasks.machinery.servers.databases import databases, make_mlflow_database
from tasks.sources.pydocs import docstrings
from tests.conftest import ROOT
from tests.support.up import write_traps

PLACES = """
import sys, flows, tasks
print(flows.__file__, tasks.__file__)
print(sys.argv[1:])
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files of a person; `ran` appears where one is imported."""
    write_traps(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def run(*command: str, path: Path | str = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(list(command), env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("path", ["", ".", str(ROOT)])
def test_a_child_has_our_packages_whatever_comes_first(work: Path, path: str) -> None:
    (work / "told.py").write_text(PLACES)
    done = run(*python_command("told", "--a", "b"), path=os.pathsep.join([path, str(work)]))
    assert done.returncode == 0, done.stderr
    ours = f"{ROOT}/flows/__init__.py {ROOT}/tasks/__init__.py"
    assert done.stdout.splitlines() == [ours, "['--a', 'b']"]
    assert not (work / "ran").exists()


@pytest.mark.slow
def test_the_database_is_made_by_ours(home: Path, work: Path) -> None:
    make_mlflow_database()
    assert databases()[0].state() == "current"
    assert not (work / "ran").exists()


def test_docstrings_are_read_by_ours(work: Path) -> None:
    read = docstrings.extract("tasks.sources.pydocs.text:prose", 0.01, cores=1)
    assert next(read)[0] == 1
    read.close()
    assert not (work / "ran").exists()


def test_a_grandchild_does_not_look_there_either(work: Path) -> None:
    environment = without_working_directory(os.environ)
    child = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'tasks'])"
    subprocess.run([sys.executable, "-c", child], env=environment, capture_output=True)
    assert not (work / "ran").exists()


def test_a_command_that_python_runs_as_a_module_names_the_file(work: Path) -> None:
    (work / "flows" / "__init__.py").unlink()
    done = run(sys.executable, "-m", "flows.commands.main", "--version")
    assert done.returncode == 1
    assert done.stderr.startswith(f"temper: {work}/tasks.py hides Temper's package `tasks`")
    assert "Traceback" not in done.stderr
    assert not (work / "ran").exists()


@pytest.mark.parametrize("imported", [False, True])
def test_a_notebook_is_told_which_file_hides_ours(work: Path, imported: bool) -> None:
    (work / "flows" / "__init__.py").unlink()
    (work / "tasks.py").write_text("" if imported else (work / "tasks.py").read_text())
    code = ["import tasks"] * imported + ["import flows.experiment"]
    done = run(sys.executable, "-c", "\n".join(code))
    assert f"ImportError: {work}/tasks.py hides Temper's package `tasks`" in done.stderr
    assert not (work / "ran").exists()
