"""The model of a registered version, as another stage reads it.

Where the artifact that it was logged from is still in the store, it is that one: the same bytes, so
what was computed of them is found again. Else the model is downloaded from MLflow into the store,
as an artifact of a stage `registered` that nobody computes.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from tasks.machinery.artifact import Artifact, Input
from tasks.machinery.fingerprint import digest
from tasks.machinery.stage import StageError
from tasks.machinery.store import Store
from tasks.machinery.tracking import Tracking

ARTIFACT = "temper.artifact"


def registered_model(version: Any, tracking: Tracking, store: Store) -> Input:
    """The folder of a version's model, with its tokenizer.

    Args:
        version: the model version, as MLflow gives it.
        tracking: the MLflow that has it.
        store: where its artifact is, or will be.

    Raises:
        StageError: it is neither in the store nor in MLflow, or not a model of transformers.
    """
    artifact = store.named(version.tags.get(ARTIFACT, ""))
    if artifact is not None and artifact.damage() is None:
        return artifact / "model"
    return _downloaded(version, tracking, store) / "model"


def _downloaded(version: Any, tracking: Tracking, store: Store) -> Artifact:
    key: dict[str, Any] = {
        "stage": "registered",
        "part": {"source": str(version.source), "tracking_uri": tracking.uri},
        "inputs": {},
        "code": {},
        "libraries": {},
    }
    fingerprint, begun = digest(key), time.monotonic()
    with store.locked(key["stage"], fingerprint, experiment=version.name) as folder:
        found = store.load(key["stage"], fingerprint)
        if found is not None and found.damage() is None:
            return found
        with TemporaryDirectory(dir=store.root) as place:
            _arrange(_download(version, Path(place)), store.begin(folder) / "model", version)
        artifact = store.complete(folder, key, {}, {}, time.monotonic() - begun)
        model_id = str(version.source).removeprefix("models:/")
        record = {"run_id": version.run_id or "", "tracking_uri": tracking.uri}
        artifact.write_record(record | ({"model_id": model_id} if model_id[:2] == "m-" else {}))
        return artifact


def _download(version: Any, place: Path) -> Path:
    """Everything that MLflow has of a version."""
    try:
        found = mlflow.artifacts.download_artifacts(
            artifact_uri=f"models:/{version.name}/{version.version}", dst_path=str(place)
        )
    except (OSError, MlflowException) as error:
        raise StageError(
            f"{version.name} version {version.version}: its model is not in the store any more, "
            f"and cannot be downloaded from {version.source}: {error}"
        ) from None
    return Path(found)


def _arrange(found: Path, out: Path, version: Any) -> None:
    """From MLflow's layout to that of transformers: model and tokenizer in one folder."""
    parts = [found / "model", found / "components" / "tokenizer"]
    if not all(part.is_dir() for part in parts) or not list(parts[0].glob("*.safetensors")):
        names = ", ".join(sorted(entry.name for entry in found.iterdir()))
        raise StageError(
            f"{version.name} version {version.version} is not a model of MLflow's transformers "
            f"flavour with its tokenizer and safetensors: found {names}"
        )
    for part in parts:
        shutil.copytree(part, out, dirs_exist_ok=True)
