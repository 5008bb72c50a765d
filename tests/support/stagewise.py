"""Runs a recipe stage by stage, each in a process that has imported nothing of it yet.

    python -m tests.support.stagewise EXPERIMENT.yaml STORE

prints a JSON object: for each stage its title, the modules of its key, its own module, and the
modules of `tasks` that it imported while it ran. Libraries are imported once, before the processes
part: that is what takes the time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from flows.presets.loading import load_any
from flows.recipes import experiment, images
from tasks.contract import Silent, Stage
from tasks.experiment.experiment import Experiment
from tasks.machinery.naming.title import Title
from tasks.machinery.store import fingerprint
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import inputs_of, key_of, paths_of
from tasks.machinery.store.store import Store

LIBRARIES = (  # also what they import only when it is used: each process would import it again
    "accelerate",
    "captum.attr",
    "datasets",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "matplotlib.pyplot",
    "pandas",
    "peft",
    "PIL.Image",
    "pyarrow.parquet",
    "pycocotools.cocoeval",
    "scipy.optimize",
    "scipy.stats",
    "seqeval.metrics",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.multiclass",
    "torch",
    "torch._dynamo",
    "torch.nn.utils.parametrize",
    "transformers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.resnet.modeling_resnet",
    "transformers.trainer",
    "transformers.trainer_callback",
)


def left_out(module: str) -> bool:
    """Whether a module is outside every key."""
    names = fingerprint.LEFT_OUT
    return any(module == name or module.startswith(f"{name}.") for name in names)


class Stagewise:
    """How a recipe asks for a stage: computed in a process of its own, and kept in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.imported: dict[str, dict[str, list[str]]] = {}

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """The artifact, and a note of what was imported for it."""
        key = key_of(stage, arguments)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(theirs, json.dumps(self._compute(stage, key, arguments)).encode())
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            names = pipe.read()
        _, status = os.waitpid(child, 0)
        assert status == 0, f"{stage.name} failed"
        found = {
            "own": [stage.module],
            "key": sorted(key["code"]),
            "imported": json.loads(names),
        }
        self.imported[str(Title(stage.name, label))] = found
        artifact = self.store.load(stage.name, fingerprint.digest(key))
        assert artifact is not None
        return artifact

    def _compute(self, stage: Stage, key: dict[str, Any], arguments: dict[str, Any]) -> list[str]:
        for name in [n for n in sys.modules if n.split(".")[0] == "tasks" and not left_out(n)]:
            if name != "tasks":
                del sys.modules[name]
        before = set(sys.modules)
        reads = {name: given.artifact.name for name, given in inputs_of(arguments).items()}
        with self.store.locked(stage.name, fingerprint.digest(key)) as folder:
            monitor = Silent(folder / "checkpoints")
            out = self.store.begin(folder)
            metrics = stage.load()(**paths_of(arguments), out=out, monitor=monitor)
            self.store.complete(folder, key, metrics, monitor.facts, 1.0, reads=reads)
        new = {n for n in set(sys.modules) - before if n.split(".")[0] == "tasks"}
        return sorted(n for n in new if not left_out(n))


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    runner = Stagewise(Store(Path(sys.argv[2])))
    loaded = load_any(sys.argv[1])
    (experiment if isinstance(loaded, Experiment) else images).recipe(loaded, runner)
    print(json.dumps(runner.imported))
