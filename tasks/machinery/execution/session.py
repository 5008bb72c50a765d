"""One run of a recipe: what opens it, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import Run
from tasks.machinery.store.fingerprint import digest, flatten
from tasks.machinery.tracking.links import run_page
from tasks.machinery.tracking.tags import EXPERIMENT, STAGE
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking


@dataclass(frozen=True)
class Work:
    """What a flow run is to do.

    Attributes:
        kind: what it is, as tag STAGE of its run in MLflow: experiment, pretrain, ….
        name: its experiment in MLflow.
        title: name of its run.
        values: its parameters: all that was asked for, without what changes no result.
        recipe: the stages.
    """

    kind: str
    name: str
    title: str
    values: Mapping[str, Any]
    recipe: Callable[[Run], Artifact]

    @property
    def identity(self) -> str:
        """The same for a run that goes on with an interrupted one."""
        same = {k: v for k, v in self.values.items() if k not in ("variant", "checkpoints")}
        return digest(same if self.kind == "experiment" else same | {"kind": self.kind})

    @property
    def parameters(self) -> dict[str, Any]:
        """MLflow's parameters: the leaves, listed parts by their name."""
        aside = ("name", "variant", "checkpoints")
        values = {k: v for k, v in self.values.items() if k not in aside}
        for name, value in values.items():
            if isinstance(value, list) and value and isinstance(value[0], Mapping):
                values[name] = {
                    part["name"]: {k: v for k, v in part.items() if k != "name"} for part in value
                }
        return {name: value for name, value in flatten(values).items() if value not in ({}, [])}


def open_parent(tracking: Tracking, work: Work, tags: dict[str, str]) -> TrackedRun:
    """The run of the whole: the one in which the same was interrupted, or a new one."""
    run = tracking.interrupted(work.title, EXPERIMENT, work.identity)
    if run is None:
        own = {EXPERIMENT: work.identity, STAGE: work.kind}
        return tracking.open(work.title, tags | own)
    run.tags(tags)
    return run


def run_address(tracking: Tracking, run: TrackedRun) -> str:
    """Where a server of MLflow shows a run; empty without one."""
    return run_page(tracking.address, run.experiment_id, run.run_id)
