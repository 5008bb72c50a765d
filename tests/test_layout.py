"""The house stands as it is drawn."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


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


def test_planning_loads_nothing_heavy() -> None:
    code = (
        "import sys, flows.cli, flows.recipe, flows.loading, tasks.machinery.planner;"
        "print([m for m in ('torch', 'transformers', 'prefect', 'mlflow', 'datasets', 'pandas')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
