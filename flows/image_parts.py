"""The flows of the parts of an experiment on images: pre-train, evaluate any model."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.recipes.image_parts import evaluation_recipe, pretraining_recipe
from flows.recipes.image_stages import ImageStageName
from flows.runs.experiment import varied
from flows.runs.images import title_of
from flows.runs.registering import register_body
from flows.runs.work import begin, perform
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.retraining import problem_of
from tasks.experiment.variants import asked
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.session import Work
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.naming.secrets import redacting
from tasks.references.given_model import find_model


def pretraining_title() -> str:
    """`pre-train cells · resnet tiny, 64 px · classification, 500 steps`."""
    given: dict[str, Any] = flow_run.parameters
    return f"pre-train {title_of(ImageExperiment.model_validate(given['experiment']))}"


def evaluation_title() -> str:
    """`evaluate models:/kinds@champion · kinds`, after its variant."""
    given: dict[str, Any] = flow_run.parameters
    variant = ImageExperiment.model_validate(given["experiment"]).variant
    return varied(f"evaluate {given['model']} · {given['problem']}", variant)


@flow(name="pretrain-images", flow_run_name=pretraining_title, persist_result=False)
def pretrain(
    experiment: ImageExperiment,
    register_as: str = "",
    refresh: list[ImageStageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
) -> dict[str, Any]:
    """Pre-train a model on pictures, without those of its problems' test splits.

    Args:
        experiment: What to pre-train, on what, and how.
        register_as: Registered model in MLflow that gets it as a new version; empty: none.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
    """
    check(experiment)
    begin(plan_only=False)
    work = Work("pretrain", experiment.name, pretraining_title(), asked(experiment))
    summary = perform(work, partial(pretraining_recipe, experiment), refresh, verify)
    if register_as:
        version = register_body(experiment.name, register_as, summary, read="images")
        summary = summary.model_copy(update={"version": version})
    return summary.as_json()


@flow(name="evaluate-images", flow_run_name=evaluation_title, persist_result=False)
def evaluate(
    experiment: ImageExperiment,
    model: str,
    problem: str,
    refresh: list[ImageStageName] = [],  # noqa: B006
    verify: Verification = "quick",
) -> dict[str, Any]:
    """Evaluate a fine-tuned model on the test split of labelled pictures.

    Args:
        experiment: Whose problem it is.
        model: The fine-tuned model.
        problem: Name of the problem.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
    """
    check(experiment)
    chosen = problem_of(experiment, problem)
    begin(plan_only=False)
    with redacting():
        found = find_model(model, "model", experiment.name, current_display().say)
    values = asked(experiment) | {"model_digest": found.model.digest[:16]}
    work = Work("evaluate", experiment.name, evaluation_title(), values)
    recipe = partial(evaluation_recipe, experiment, chosen, found)
    return perform(work, recipe, refresh, verify).as_json()
