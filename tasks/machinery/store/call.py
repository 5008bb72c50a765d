"""One call of a stage: its arguments, its key, and how a recipe makes it.

A recipe calls `run(STAGE, label, **arguments)` for each stage. The runner (`runner.py`) turns that
into a Prefect task, a folder in the store and a run in MLflow; the planner (`planner.py`) turns the
same call into a line of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tasks.contract import Stage
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.fingerprint import code_digests, flatten, key_part, library_versions
from tasks.machinery.store.rebuilding import readable

Arguments = Mapping[str, Any]


class StageCaller(Protocol):
    """How a recipe calls a stage: the runner computes or reuses it, the planner predicts it."""

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """The artifact of the stage for these arguments."""


def inputs_of(arguments: Arguments) -> dict[str, Input]:
    """The artifacts among the arguments, those in lists by number."""
    found: dict[str, Input] = {}
    for name, value in arguments.items():
        if isinstance(value, Input):
            found[name] = value
        elif isinstance(value, list) and value and all(isinstance(item, Input) for item in value):
            found |= {f"{name}.{number}": item for number, item in enumerate(value)}
    return found


def _is_input(value: Any) -> bool:
    return isinstance(value, Input) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], Input)
    )


def key_of(stage: Stage, arguments: Arguments) -> dict[str, Any]:
    """The key of a stage for its arguments: see `fingerprint.py`."""
    part = {k: key_part(v, (arguments,)) for k, v in arguments.items() if not _is_input(v)}
    return {
        "stage": stage.name,
        "part": flatten(part),
        "inputs": {name: given.digest for name, given in inputs_of(arguments).items()},
        "code": code_digests((stage.module, *stage.code)),
        "libraries": library_versions(stage.libraries),
    }


def paths_of(arguments: Arguments) -> dict[str, Any]:
    """The arguments as the pure function takes them: artifacts become paths."""

    def path(value: Any) -> Any:
        if isinstance(value, list):
            return [path(item) for item in value]
        return readable(value).path if isinstance(value, Input) else value

    return {name: path(value) for name, value in arguments.items()}
