"""What is asked of a part that is added as one file: the whole chain, and no other key."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import write_experiment

ADDED = Path(__file__).parent / "added"

KEYS = """
import json, sys
from pathlib import Path
from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store

planner = Planner(Store(Path("no store")))
recipe(load_experiment(sys.argv[1], sys.argv[2:]), planner)
print(json.dumps({step.title: step.fingerprint for step in planner.steps}))
"""

FORM = """
import json
from flows.serving.deployments import deployments

form = next(each for each in deployments() if each.flow_name == "experiment")
print(form._parameter_openapi_schema.model_dump_json())
"""


def copy_with(folder: Path, package: str, name: str) -> AddedParts:
    """A copy of the code with one more file: `added/NAME.py` in a package of `tasks`."""
    text = (ADDED / f"{name}.py").read_text()
    return AddedParts(folder / "copy", {f"tasks/{package}/{name}.py": text})


def require_the_same_keys(copy: AddedParts, folder: Path) -> None:
    """Check that no key of the tiny experiment, with either family, is another in the copy."""
    plain = AddedParts(folder / "plain", {})
    file = write_experiment(folder / "keys")
    roberta = ("model.family=roberta", "pretraining.objective=mlm")
    for settings in ((), roberta):
        before, after = (
            json.loads(each.code(KEYS, str(file), *settings)) for each in (plain, copy)
        )
        assert before == after


def require_the_whole_chain(
    copy: AddedParts, folder: Path, prefect: str, *settings: str
) -> tuple[str, str]:
    """Plan, compute and plan again in the copy; the page of the report, and the last plan."""
    file, home = write_experiment(folder / "data"), folder / "home"
    words = [str(file), *(word for setting in settings for word in ("--set", setting))]
    assert "pretraining" in copy.temper("plan", *words, home=home)
    copy.temper("run", *words, home=home, server=prefect)
    [page] = (home / "store" / "report").rglob("report.md")
    return page.read_text(), copy.temper("plan", *words, home=home)


def choices_in_the_form(copy: AddedParts, part: str, field: str) -> list[str]:
    """What the form of an experiment offers for a field."""
    schema = json.loads(copy.code(FORM))
    offered: list[str] = schema["definitions"][part]["properties"][field]["enum"]
    return offered
