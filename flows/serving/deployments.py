"""What the Prefect UI offers: one deployment for each kind of run that a person can start."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

from prefect import Flow
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.comparison import compare_runs
from flows.experiment import run_experiment
from flows.free import free_space
from flows.image_parts import evaluate as evaluate_on_images
from flows.image_parts import pretrain as pretrain_on_images
from flows.images import run_images
from flows.parts import evaluate, finetune, pretrain
from flows.presets.loading import load_any, of_images, offered, summary_of
from flows.retrain import retrain
from flows.retrain_images import retrain_images
from flows.serving.retrain_settings import handed_over
from tasks.experiment.images.experiment import ImageExperiment

# What deployments were called before: their schedules go over to the new ones.
EARLIER_NAMES = {
    "pretrain/pretrain-encoder": "pretrain/body",
    "finetune/finetune-encoder": "finetune/any-body",
    "evaluate/evaluate-model": "evaluate/any-model",
    "retrain/retrain-and-promote": "retrain/by-hand",
    "compare/compare-runs": "compare/runs",
    "gc/delete-unused-artifacts": "gc/store",
}
# The titles in forms of what is not named in words by its parameter.
TITLES = {
    "job": "What to do",
    "refresh": "Stages to recompute",
    "verify": "How cached files are checked",
    "plan_only": "Show the plan only",
    "last": "How many of the last runs",
    "mlflow_filter": "Filter of MLflow",
    "examples": "Rows to show",
    "watts": "Watts at full load",
    "older_than_days": "Days without use",
    "keep": "Size to keep",
    "unreferenced": "Also what no run refers to",
    "dry_run": "Only list them",
}
TRAINING = "training"  # the tag of long runs, which are queued and run a few at a time


def deployments() -> list[RunnerDeployment]:
    """All deployments, each with a description, tags, a form with defaults, and a version."""
    retrained = handed_over()
    return [
        *_experiments(),
        *_parts(),
        *_parts_on_images(),
        _offer(
            retrain,
            "retrain-and-promote",
            "Run an experiment if anything is new, and make its model the champion of a registered "
            "model if it beats the current champion by the rule. `temper up --retrain` offers a "
            "deployment with its form filled in, and a schedule.",
            [TRAINING, "retrain"],
        ),
        _offer(
            retrain_images,
            "retrain-and-promote",
            "The same on images: run an experiment if anything is new, and make its model the "
            "champion if it beats the current one by the rule.",
            [TRAINING, "retrain"],
        ),
        *([legible(retrained.deployment([TRAINING]))] if retrained else []),
        _offer(
            compare_runs,
            "compare-runs",
            "Compare past runs: what differs, the results with intervals, whether they differ "
            "significantly, and the cost.",
            ["compare"],
        ),
        _offer(
            free_space,
            "delete-unused-artifacts",
            "Delete artifacts from the store that were not used for long. Its weekly schedule is "
            "off until you turn it on.",
            ["gc"],
            schedules=[Cron("0 4 * * 0", active=False)],
        ),
    ]


def _experiments() -> list[RunnerDeployment]:
    shipped = [
        _offer(
            run_images if of_images(file) else run_experiment,
            name,
            f"{summary_of(file)}.\n\nThe form has the values of the preset `{name}`; change any of "
            "them. Cached stages are reused; interrupted trainings resume.",
            [TRAINING, "preset"],
            parameters={"experiment": load_any(name).model_dump(mode="json")},
        )
        for name, file in offered().items()
    ]
    blank = (
        "An experiment of your own. Fill in its name and, in Corpus, the source of the text to "
        "pre-train on; with labelled data, add a problem under Downstream and its source."
    )
    of_pictures = (
        "An experiment on images of your own. Fill in its name and, in Images, the source of the "
        "pictures to pre-train on; with labelled pictures, add a problem under Downstream."
    )
    return [
        *shipped,
        _offer(run_experiment, "blank", blank, [TRAINING]),
        _offer(run_images, "blank", of_pictures, [TRAINING]),
    ]


def _parts() -> list[RunnerDeployment]:
    own = "Cached stages are reused, also those of whole experiments."
    return [
        _offer(
            pretrain,
            "pretrain-encoder",
            "Pre-train an encoder on text alone; it is logged in MLflow as a model that `finetune` "
            f"can start from.\n\n{own}",
            [TRAINING, "part"],
        ),
        _offer(
            finetune,
            "finetune-encoder",
            "Fine-tune a pre-trained model (from MLflow, a folder, or the Hugging Face Hub) on "
            f"problems with labels, and evaluate it.\n\n{own}",
            [TRAINING, "part"],
        ),
        _offer(
            evaluate,
            "evaluate-model",
            "Evaluate a fine-tuned model (from MLflow, a folder, or the Hugging Face Hub) on the "
            f"test split of labelled data.\n\n{own}",
            [TRAINING, "part"],
        ),
    ]


def _parts_on_images() -> list[RunnerDeployment]:
    own = "Cached stages are reused, also those of whole experiments."
    tuned = ImageExperiment.model_validate({"name": "finetuning", "pretraining": {"steps": 0}})
    return [
        _offer(
            pretrain_on_images,
            "pretrain-model",
            "Pre-train a model on pictures alone; it is logged in MLflow as a model that "
            f"fine-tuning can start from.\n\n{own}",
            [TRAINING, "part"],
        ),
        _offer(
            run_images,
            "finetune-model",
            "Fine-tune a pre-trained model (from MLflow, a folder, or the Hugging Face Hub) on "
            "pictures with labels, and evaluate it. Fill in Start, the model, and add a problem "
            f"under Downstream.\n\n{own}",
            [TRAINING, "part"],
            parameters={"experiment": tuned.model_dump(mode="json")},
        ),
        _offer(
            evaluate_on_images,
            "evaluate-model",
            "Evaluate a fine-tuned model (from MLflow, a folder, or the Hugging Face Hub) on the "
            "test split of labelled pictures: add them under Downstream, and name the problem.\n\n"
            f"{own}",
            [TRAINING, "part"],
        ),
    ]


def _offer(
    flow: Flow[..., Any],
    name: str,
    description: str,
    tags: list[str],
    *,
    parameters: dict[str, Any] | None = None,
    schedules: Sequence[Schedule] = (),
) -> RunnerDeployment:
    made: Any = flow.to_deployment(
        name,
        description=description,
        parameters=parameters or {},
        tags=tags,
        schedules=list(schedules) or None,
        version=importlib.metadata.version("temper"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return legible(made)  # `made` is a coroutine only inside an event loop


def legible(made: RunnerDeployment) -> RunnerDeployment:
    """The deployment with readable titles in its form instead of parameter names."""
    for name, asked in made._parameter_openapi_schema.properties.items():
        asked["title"] = TITLES.get(name) or name.replace("_", " ").capitalize()
        asked["description"] = " ".join(asked.get("description", "").split())
    return made
