"""Registering a pre-trained encoder as a version of a registered model, with its lineage."""

from __future__ import annotations

from flows.runs.retraining import require_recorded
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.summary import RunSummary
from tasks.machinery.host.home import store_folder
from tasks.machinery.naming.title import Title
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.registry import Registry
from tasks.machinery.tracking.tags import (
    ARTIFACT,
    COMMIT,
    DATA_OF,
    EXPERIMENT,
    FINGERPRINT,
    GIT_COMMIT,
    KIND,
    MODEL_DIGEST,
    RUN_ID,
)
from tasks.machinery.tracking.tracking import Tracking


def register_body(name: str, model: str, summary: RunSummary, *, read: str = "corpus") -> str:
    """The version of the registered model with this encoder: an existing one, or a new one.

    Args:
        name: of the experiment.
        model: the registered model.
        summary: of the run that trained the encoder.
        read: the stage of what it was trained on.

    Raises:
        StageError: MLflow was unreachable when the encoder was trained.
    """
    tracking, store = Tracking(name, current_display().say), Store(store_folder())
    body = summary.stage(Title("pretraining")).artifact(store)
    corpus = summary.stage(Title(read)).artifact(store)
    require_recorded(body, tracking)
    registry, digest = Registry(tracking.client, model), (body / "model").digest
    with registry.alone():
        version = registry.tagged(MODEL_DIGEST, digest)
        if version:
            return version
        tags = {
            ARTIFACT: body.name,
            MODEL_DIGEST: digest,
            KIND: "pretraining",
            FINGERPRINT: body.fingerprint,
            EXPERIMENT: name,
            RUN_ID: summary.mlflow.run_id,
            f"{DATA_OF}{read}": corpus.whole.digest[:16],
        }
        commit = code_version().get(GIT_COMMIT)
        tags |= {COMMIT: commit} if commit else {}
        return registry.register(body.record["model_id"], body.record["run_id"], tags)
