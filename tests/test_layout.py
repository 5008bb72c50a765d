"""The house stands as it is drawn."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    # Not pandas: pyarrow loads it where data are read.
    heavy = {"torch", "transformers", "prefect", "mlflow", "datasets", "matplotlib"}
    assert not imported_by(code) & heavy


@pytest.mark.slow
def test_what_runs_stages_loads_nothing_that_computes() -> None:
    code = "import flows.experiment, flows.terminal.console, flows.runs.work"
    assert not imported_by(code) & {"torch", "transformers", "datasets", "matplotlib"}


@pytest.mark.slow
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


MOST_FILES = 15
# What stands here is drawn in the architecture: a new package needs a place in the layers too. A
# folder on a shelf is one variant, and needs neither.
PACKAGES = {
    "flows",
    "flows/calls",
    "flows/commands",
    "flows/commands/files",
    "flows/presets",
    "flows/recipes",
    "flows/runs",
    "flows/serving",
    "flows/terminal",
    "tasks",
    "tasks/comparison",
    "tasks/comparison/ranking",
    "tasks/comparison/ways",
    "tasks/data",
    "tasks/data/images",
    "tasks/data/text",
    "tasks/data/text/subwords",
    "tasks/experiment",
    "tasks/experiment/images",
    "tasks/explanations",
    "tasks/families",
    "tasks/machinery",
    "tasks/machinery/execution",
    "tasks/machinery/freeing",
    "tasks/machinery/host",
    "tasks/machinery/naming",
    "tasks/machinery/orchestration",
    "tasks/machinery/servers",
    "tasks/machinery/store",
    "tasks/machinery/tracking",
    "tasks/models",
    "tasks/models/embedding",
    "tasks/models/explaining",
    "tasks/models/images",
    "tasks/models/learning",
    "tasks/objectives",
    "tasks/pages",
    "tasks/pages/evaluation",
    "tasks/pages/generalization",
    "tasks/pages/report",
    "tasks/pages/explanations",
    "tasks/problems",
    "tasks/references",
    "tasks/sources",
    "tasks/stages",
    "tasks/stages/generalization",
    "tasks/stages/images",
    "tasks/statistics",
    "tasks/statistics/slicing",
    "tasks/timing",
    "tasks/training",
    "tasks/training/kernels",
    "tasks/training/weights",
    "tasks/tuning",
}
SHELVES = {"tasks/sources", "tasks/objectives", "tasks/problems", "tasks/families"}
WITHOUT_ADVICE = {"tasks/machinery"}  # each of its packages says how


def packages() -> set[str]:
    found = [file.parent for top in ("flows", "tasks") for file in (ROOT / top).rglob("*.py")]
    return {str(folder.relative_to(ROOT)) for folder in found}


def test_the_packages_are_those_of_the_drawing() -> None:
    variants = {each for each in packages() if str(Path(each).parent) in SHELVES}
    assert packages() - variants == PACKAGES


@pytest.mark.parametrize("package", sorted(packages()))
def test_a_package_is_small_enough_to_be_read_at_a_glance(package: str) -> None:
    files = [file for file in (ROOT / package).glob("*.py") if file.name != "__init__.py"]
    assert len(files) <= MOST_FILES


@pytest.mark.parametrize("package", sorted(packages()))
def test_a_package_says_in_a_sentence_what_it_is_for(package: str) -> None:
    text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) or ""
    assert said.partition("\n")[0].endswith(".")
    if package in PACKAGES - WITHOUT_ADVICE:
        assert "\nTo add " in said


def test_the_folder_of_the_flows_contains_flows_only() -> None:
    for file in (ROOT / "flows").glob("*.py"):
        if file.name != "__init__.py":
            assert "\n@flow(" in file.read_text(encoding="utf-8"), file.name


def test_tags_of_mlflow_are_written_out_in_one_module_alone() -> None:
    no_tags = {"flows/serving/retraining.py"}  # an event and a resource of Prefect
    written = {
        str(file.relative_to(ROOT))
        for top in ("flows", "tasks")
        for file in (ROOT / top).rglob("*.py")
        if re.search(r"""["'{]temper\.[a-z]""", file.read_text(encoding="utf-8"))
    }
    assert written - no_tags == {"tasks/machinery/tracking/tags.py"}
