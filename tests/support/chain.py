"""What is asked of a part that is added as one file: the whole chain."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import write_experiment

FORM = """
import json
from flows.serving.deployments import deployments

form = next(each for each in deployments() if each.flow_name == "experiment")
print(form._parameter_openapi_schema.model_dump_json())
"""


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
