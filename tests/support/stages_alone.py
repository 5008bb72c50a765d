"""Runs a recipe in this process, with a store and without Prefect and MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.contract import Silent, Stage
from tasks.machinery.store import fingerprint
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import inputs_of, key_of, paths_of
from tasks.machinery.store.store import Store


@dataclass(frozen=True)
class StagesAlone:
    """How a recipe asks for a stage: computed here, or loaded from the store."""

    store: Store

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """The artifact."""
        key = key_of(stage, arguments)
        digest = fingerprint.digest(key)
        found = self.store.load(stage.name, digest)
        if found is not None:
            return found
        reads = {name: given.artifact.name for name, given in inputs_of(arguments).items()}
        with self.store.locked(stage.name, digest) as folder:
            monitor = Silent(folder / "checkpoints")
            out = self.store.begin(folder)
            metrics = stage.load()(**paths_of(arguments), out=out, monitor=monitor)
            return self.store.complete(folder, key, metrics, monitor.facts, 1.0, reads=reads)
