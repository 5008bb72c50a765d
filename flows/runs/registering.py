"""Makes a pre-trained body a version of a registered model in MLflow, with its lineage."""

from __future__ import annotations

from typing import Any

from flows.runs.retraining import MODEL, require_recorded
from tasks.contract import StageError
from tasks.experiment.jobs import PretrainJob
from tasks.machinery.execution.display import current_display
from tasks.machinery.host.code_version import code_version
from tasks.machinery.host.home import store_folder
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.registry import Registry
from tasks.machinery.tracking.tracking import Tracking
from tasks.references.resolving import ARTIFACT


def register_body(job: PretrainJob, result: dict[str, Any]) -> str:
    """The version of the registered model that has this body: that of before, or a new one.

    Raises:
        StageError: MLflow was out of reach when the body was made.
    """
    tracking, store = Tracking(job.name, current_display().say), Store(store_folder())
    made = {stage["name"]: _artifact(store, stage) for stage in result["stages"]}
    body = made["pretraining"]
    require_recorded(body, tracking)
    registry, digest = Registry(tracking.client, job.register_as), (body / "model").digest
    with registry.alone():
        version = registry.tagged(MODEL, digest)
        if version:
            return version
        tags = {
            ARTIFACT: body.name,
            MODEL: digest,
            "temper.kind": "pretraining",
            "temper.fingerprint": body.fingerprint,
            "temper.experiment": job.name,
            "temper.run_id": result["mlflow"]["run_id"],
            "temper.data.corpus": made["corpus"].whole.digest[:16],
        }
        commit = code_version().get("mlflow.source.git.commit")
        tags |= {"temper.commit": commit} if commit else {}
        return registry.register(body.record["model_id"], body.record["run_id"], tags)


def _artifact(store: Store, stage: dict[str, Any]) -> Artifact:
    found = store.load(stage["name"].partition(" ")[0], stage["fingerprint"])
    if found is None:
        raise StageError(f"{stage['name']} was removed from the store meanwhile: run it again")
    return found
