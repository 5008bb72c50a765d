"""What a run in a copy with added files left behind, and what the copy's forms offer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.added_parts import AddedParts

FORM = """
import sys
from flows.serving.deployments import deployments

form = next(each for each in deployments() if each.flow_name == sys.argv[1])
print(form._parameter_openapi_schema.model_dump_json())
"""


@dataclass(frozen=True)
class Left:
    """The stages of a run, as `--output` writes them."""

    stages: dict[str, Path]

    @classmethod
    def of(cls, result: dict[str, Any]) -> Left:
        """Those of a run, by title."""
        return cls({stage["name"]: Path(stage["path"]) for stage in result["stages"]})

    def page(self) -> str:
        """The report."""
        return next(self.stages["report"].parent.rglob("report.md")).read_text()

    def card(self, title: str) -> str:
        """The page of a stage."""
        return next(self.stages[title].parent.rglob("card.md")).read_text()

    def configuration(self, title: str) -> dict[str, Any]:
        """That of the model of a stage."""
        file = next(self.stages[title].rglob("model/config.json"))
        return dict(json.loads(file.read_text()))

    def manifests(self, beginning: str) -> list[dict[str, Any]]:
        """Those of the stages whose titles begin so."""
        return [
            json.loads((path.parent / "manifest.json").read_text())
            for title, path in self.stages.items()
            if title.startswith(beginning)
        ]


def form(copy: AddedParts, flow: str) -> str:
    """The JSON of the form of a deployment."""
    return copy.code(FORM, flow)


def offered(copy: AddedParts, flow: str) -> set[str]:
    """Everything that a form offers for any field."""
    definitions: dict[str, Any] = json.loads(form(copy, flow))["definitions"]
    fields = [field for part in definitions.values() for field in part["properties"].values()]
    return {
        str(choice)
        for field in fields
        for choice in (*field.get("enum", []), *field.get("items", {}).get("enum", []))
    }
