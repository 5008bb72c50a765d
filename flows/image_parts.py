"""The flows of the parts of an experiment on images: pre-train, evaluate any model."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.recipes.image_parts import evaluation_recipe, pretraining_recipe
from flows.recipes.image_stages import ImageStageName
from flows.runs.experiment import varied
from flows.runs.images import title_of
from flows.runs.registering import register_body
from flows.runs.work import begin, perform, show_plan
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.jobs import LONGEST_NAME, REGISTERED, require_steps
from tasks.experiment.retraining import problem_of
from tasks.experiment.variants import asked
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.session import Work
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.naming.secrets import redacting
from tasks.references.given_model import find_model

RegisteredName = Annotated[str, Field(pattern=REGISTERED, max_length=LONGEST_NAME)]


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
    register_as: RegisteredName = "",
    refresh: list[ImageStageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Pre-train a model on pictures, without those of its problems' test splits.

    Args:
        experiment: What to pre-train, on what, and how.
        register_as: Registered model in MLflow that gets it as a new version; empty: none.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    require_steps(experiment.pretraining.steps)
    check(experiment)
    begin(plan_only=plan_only)
    recipe = partial(pretraining_recipe, experiment)
    if plan_only:
        return show_plan(recipe, refresh, verify)
    work = Work("pretrain", experiment.name, pretraining_title(), asked(experiment))
    summary = perform(work, recipe, refresh, verify)
    if register_as:
        version = register_body(experiment.name, register_as, summary, read="images")
        summary = summary.model_copy(update={"version": version})
    return summary.as_json()


@flow(name="evaluate-images", flow_run_name=evaluation_title, persist_result=False)
def evaluate(
    experiment: ImageExperiment,
    model: str,
    problem: str,
    *,
    refresh: list[ImageStageName] = [],  # noqa: B006
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Evaluate a fine-tuned model on the test split of labelled pictures.

    Args:
        experiment: The labelled pictures, under Downstream, and how the results are measured.
        model: The fine-tuned model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`,
            `runs:/ID/STAGE`, a folder, or `hf:NAME`.
        problem: Name of the problem under Downstream on whose test split it is measured.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check(experiment)
    chosen = problem_of(experiment, problem)
    begin(plan_only=plan_only)
    with redacting():
        found = find_model(model, "model", experiment.name, current_display().say)
    values = asked(experiment) | {"model_digest": found.model.digest[:16]}
    recipe = partial(evaluation_recipe, experiment, chosen, found)
    if plan_only:
        return show_plan(recipe, refresh, verify)
    work = Work("evaluate", experiment.name, evaluation_title(), values)
    return perform(work, recipe, refresh, verify).as_json()
