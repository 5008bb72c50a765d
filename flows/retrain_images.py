"""The flow that retrains on images: as `flows/retrain.py`, with the form of images."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.retrain import USUAL
from flows.runs.retraining_flow import perform_retraining
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.retraining import Rule
from tasks.machinery.host.digest_memo import Verification


def run_name() -> str:
    """The name of the flow run: `retrain digits · images: kinds`."""
    given: dict[str, Any] = flow_run.parameters
    name = ImageExperiment.model_validate(given["experiment"]).name
    return f"retrain {given['model']} · {name}: {given['problem']}"


@flow(name="retrain-images", flow_run_name=run_name, persist_result=False)
def retrain_images(
    experiment: ImageExperiment,
    problem: str,
    model: str,
    rule: Rule = USUAL,
    verify: Verification = "quick",
) -> State[dict[str, Any]]:
    """Run the experiment if anything is new, and promote its model if it beats the champion.

    Args:
        experiment: what to run.
        problem: name of the downstream problem whose fine-tuned model is the challenger.
        model: name of the registered model in MLflow, created if missing.
        rule: the rule for a promotion.
        verify: how to check cached files: by size and cached digests, or by reading every byte.
    """
    check(experiment)
    return perform_retraining(experiment, problem, model, rule, verify)
