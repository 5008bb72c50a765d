"""The flows of the parts on their own: pre-train, fine-tune any encoder, evaluate any model."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.recipes.parts import evaluation_recipe, finetuning_recipe, pretraining_recipe
from flows.recipes.stages import StageName
from flows.runs.experiment import title_of, varied
from flows.runs.registering import register_body
from flows.runs.work import begin, perform, show_plan
from tasks.experiment.jobs import (
    EvaluateJob,
    FinetuneJob,
    PretrainJob,
    check_evaluation,
    check_finetuning,
    check_pretraining,
)
from tasks.experiment.variants import asked
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.session import Work
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.naming.secrets import redacting
from tasks.references.given_model import find_model


def _asked() -> Any:
    return flow_run.parameters["job"]


def pretraining_title() -> str:
    """`pre-train demo · bert 2×128 · 2,500 steps`."""
    return f"pre-train {title_of(PretrainJob.model_validate(_asked()).experiment)}"


def finetuning_title() -> str:
    """`fine-tune models:/body@best · library, code`, after its variant."""
    job = FinetuneJob.model_validate(_asked())
    problems = ", ".join(problem.name for problem in job.downstream)
    return varied(f"fine-tune {job.body} · {problems}", job.variant)


def evaluation_title() -> str:
    """`evaluate models:/topics@champion · library`, after its variant."""
    job = EvaluateJob.model_validate(_asked())
    return varied(f"evaluate {job.model} · {job.data.name}", job.variant)


@flow(name="pretrain", flow_run_name=pretraining_title, persist_result=False)
def pretrain(
    job: PretrainJob,
    refresh: list[StageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Pre-train an encoder, and log it in MLflow as a model.

    Args:
        job: What to pre-train, on what, and how.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check_pretraining(job)
    begin(plan_only=plan_only)
    recipe = partial(pretraining_recipe, job)
    if plan_only:
        return show_plan(recipe, refresh, verify)
    settled = job.model_copy(update={"tokenizer": job.experiment.settled_tokenizer})
    work = Work("pretrain", job.name, pretraining_title(), asked(settled))
    summary = perform(work, recipe, refresh, verify)
    if job.register_as:
        summary = summary.model_copy(
            update={"version": register_body(job.name, job.register_as, summary)}
        )
    return summary.as_json()


@flow(name="finetune", flow_run_name=finetuning_title, persist_result=False)
def finetune(
    job: FinetuneJob,
    refresh: list[StageName] = [],  # noqa: B006
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Fine-tune a pre-trained model on problems with labels, and evaluate it.

    Args:
        job: Which model to fine-tune, on what, and how.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check_finetuning(job)
    begin(plan_only=plan_only)
    with redacting():
        body = find_model(job.body, "body", job.name, current_display().say)
    recipe = partial(finetuning_recipe, job, body)
    values = asked(job) | {"body_digest": body.model.digest[:16]}
    if plan_only:
        return show_plan(recipe, refresh, verify)
    work = Work("finetune", job.name, finetuning_title(), values)
    return perform(work, recipe, refresh, verify).as_json()


@flow(name="evaluate", flow_run_name=evaluation_title, persist_result=False)
def evaluate(
    job: EvaluateJob,
    refresh: list[StageName] = [],  # noqa: B006
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Evaluate a fine-tuned model on the test split of labelled data.

    Args:
        job: Which model to evaluate, and on what.
        refresh: Stages to recompute although they are cached.
        verify: How to check cached files: by size and cached digests, or by reading every byte.
        plan_only: Show what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check_evaluation(job)
    begin(plan_only=plan_only)
    with redacting():
        model = find_model(job.model, "model", job.name, current_display().say)
    recipe = partial(evaluation_recipe, job, model)
    values = asked(job) | {"model_digest": model.model.digest[:16]}
    if plan_only:
        return show_plan(recipe, refresh, verify)
    work = Work("evaluate", job.name, evaluation_title(), values)
    return perform(work, recipe, refresh, verify).as_json()
