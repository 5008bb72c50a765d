"""The flow of an experiment on images: what the Prefect UI, a schedule and `temper run` trigger."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.recipes.image_stages import ImageStageName
from flows.recipes.images import recipe
from flows.runs.images import title_of, work_of
from flows.runs.work import begin, perform, show_plan
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.host.digest_memo import Verification


def run_name() -> str:
    """The name of the flow run: the title of its experiment."""
    parameters: dict[str, Any] = flow_run.parameters
    return title_of(ImageExperiment.model_validate(parameters["experiment"]))


@flow(name="images", flow_run_name=run_name, persist_result=False)
def run_images(
    experiment: ImageExperiment,
    refresh: list[ImageStageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Prepare pictures, pre-train, fine-tune and evaluate, as cached tasks; compare in MLflow.

    Args:
        experiment: What to run.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check(experiment)
    begin(plan_only=plan_only)
    stages = partial(recipe, experiment)
    if plan_only:
        return show_plan(stages, refresh, verify)
    return perform(work_of(experiment), stages, refresh, verify).as_json()
