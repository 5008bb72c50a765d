"""The flow of an experiment: what the Prefect UI, a schedule and `temper run` trigger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows import work
from flows.recipe import recipe
from flows.work import Work, begin, perform
from tasks.machinery.digest_memo import Verification
from tasks.mistakes import check
from tasks.spec import Experiment
from tasks.stages import StageName


def title_of(experiment: Experiment) -> str:
    """`demo · bert 2×128 · 2,500 steps · seed=1`; where time is bounded, `… steps or 30 min`."""
    model, pretraining = experiment.model, experiment.pretraining
    size = f"{model.family} {model.layers}×{model.hidden_size}"
    time = f" or {pretraining.minutes:g} min" if pretraining.minutes else ""
    title = f"{experiment.name} · {size} · {pretraining.steps:,} steps{time}"
    return varied(title, experiment.variant)


def varied(title: str, variant: str) -> str:
    """The title of a run, and what sets it apart if that is said."""
    return f"{title} · {variant}" if variant else title


def run_name() -> str:
    """How the run reads in a list: by the title of its experiment."""
    parameters: dict[str, Any] = flow_run.parameters
    return title_of(Experiment.model_validate(parameters["experiment"]))


@flow(name="experiment", flow_run_name=run_name, persist_result=False)
def run_experiment(
    experiment: Experiment,
    refresh: list[StageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Prepare, tokenize, pre-train, fine-tune and evaluate, as cached tasks; compare in MLflow.

    Args:
        experiment: What to run.
        refresh: Stages to compute although they are cached.
        verify: How cached files are checked: by size and a memo of their digests, or every byte.
        plan_only: Tell what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check(experiment)
    begin(plan_only=plan_only)
    return perform(work_of(experiment), refresh, verify, plan_only=plan_only)


def run_stages(
    experiment: Experiment, refresh: Sequence[StageName], verify: Verification
) -> dict[str, Any]:
    """The stages of an experiment, in the flow run that this is called in."""
    return work.run_stages(work_of(experiment), refresh, verify)


def work_of(experiment: Experiment) -> Work:
    """The whole chain."""
    title, values = title_of(experiment), experiment.model_dump()
    return Work("experiment", experiment.name, title, values, partial(recipe, experiment))
