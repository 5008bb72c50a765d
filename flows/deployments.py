"""What the Prefect UI offers: one deployment of each thing that a person may want to start."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from flows.experiment import run_experiment
from flows.loading import load_experiment, presets, summary_of

TRAINING = "training"  # the tag of what uses the machine for long: queued, a few at a time


def deployments() -> list[RunnerDeployment]:
    """All that is served, each with a description, tags, a form with defaults, and a version."""
    offered = [
        _experiment(
            name,
            f"{summary_of(file)}.\n\nThe form has the values of the preset `{name}`: change what "
            "you like. What is cached is reused; what was interrupted goes on.",
            {"experiment": load_experiment(name).model_dump(mode="json")},
            ["preset"],
        )
        for name, file in presets().items()
    ]
    blank = "An experiment of your own: name it, and say where its text comes from."
    return [*offered, _experiment("blank", blank, {}, [])]


def _experiment(
    name: str, description: str, parameters: dict[str, Any], tags: list[str]
) -> RunnerDeployment:
    made: Any = run_experiment.to_deployment(
        name,
        description=description,
        parameters=parameters,
        tags=[TRAINING, *tags],
        version=importlib.metadata.version("temper"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return made  # and not a coroutine, which it is inside an event loop only
