"""The house stands as it is drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.support.tiny_experiment import write_experiment


def test_mlflow_at_the_root_of_the_repository_is_the_library() -> None:
    code = "import mlflow; print(mlflow.__version__, mlflow.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    version, file = done.stdout.split()
    assert version.startswith("3.")
    assert "site-packages" in file


def test_the_mlflow_folder_holds_no_importable_code() -> None:
    assert not list((ROOT / "mlflow").rglob("__init__.py"))


def imported_by(code: str) -> set[str]:
    """The modules that code in a fresh process imports, after its own output."""
    told = f"{code}\nimport sys; print('#', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("#")[2].split())


def test_planning_loads_nothing_heavy(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path)
    call = f"app(['plan', {str(experiment)!r}], standalone_mode=False)"
    code = f"from flows.commands.main import app; {call}"
    heavy = {"torch", "transformers", "prefect", "mlflow", "datasets", "pandas", "matplotlib"}
    assert not imported_by(code) & heavy


def test_what_runs_stages_loads_nothing_that_computes() -> None:
    code = "import flows.experiment, flows.terminal.console; from flows.runs.work import show_on"
    assert not imported_by(code) & {"torch", "transformers", "datasets", "matplotlib"}


def test_a_run_with_servers_loads_no_server() -> None:
    code = (
        "import os; os.environ['MLFLOW_TRACKING_URI'] = 'http://127.0.0.1:9'\n"
        "import flows.experiment, tasks.machinery.servers.temporary_server\n"
        "from tasks.machinery.tracking.tracking import make_database; make_database()"
    )
    assert not imported_by(code) & {
        "prefect.server.api.server",
        "mlflow.store.tracking.sqlalchemy_store",
    }
