"""Estimating the time of a plan of an experiment on images."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.model import ImageModel
from tasks.machinery.execution.planner import PendingInput, Step
from tasks.machinery.naming.title import Title
from tasks.timing.planner import Expected, TimedPlanner

NOT_FITTED = "the model to start from is not fitted to its pictures yet"
LABELS = 10  # of pictures that are not read yet
NO_PICTURES = "its pictures are not prepared yet, so their number is unknown"


def expected_of_images(
    planner: TimedPlanner,
    experiment: ImageExperiment,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Expected]:
    """The estimated time of each stage that would run, by its title.

    Args:
        planner: that has walked the recipe.
        experiment: that is planned.
        say: receives which training is measured: each takes seconds.
    """
    found: dict[str, Expected] = {}
    costs: dict[tuple[str, str], Expected] = {}  # from scratch it costs the same, if tuned in full
    for step, arguments in planner.calls:
        if step.state == "cached":
            continue
        if step.name not in ("pretraining", "finetuning"):
            missing = "" if step.seconds else "never computed here"
            found[step.title] = Expected(step.seconds, missing=missing)
            continue
        same = step.name, ""
        if step.name == "finetuning":
            same = Title.parse(step.title).problem, arguments["training"].model_dump_json()
        if same not in costs:
            say(f"measuring some steps of {step.title} …")
            try:
                costs[same] = _measured(experiment, step, arguments)
            except StageError as error:
                costs[same] = Expected(None, missing=str(error))
        found[step.title] = costs[same]
    return found


def _measured(experiment: ImageExperiment, step: Step, arguments: Mapping[str, Any]) -> Expected:
    if step.name == "pretraining":
        return _of_pretraining(experiment, arguments, step.begun)
    return _of_finetuning(experiment, arguments)


def _of_pretraining(
    experiment: ImageExperiment, arguments: Mapping[str, Any], begun: int
) -> Expected:
    from tasks.objectives.images import load
    from tasks.timing.image_steps import probed_pictures, time_image_pretraining

    training, data = arguments["pretraining"], arguments["data"]
    labels, counts = _known(data)
    model = _of(arguments, "start", experiment)
    if model is None:
        return Expected(None, missing=NOT_FITTED)
    cost = time_image_pretraining(model, training, experiment.pixels, max(2, labels or LABELS))
    held_out = counts.get("validation", training.validation_pictures)
    has_labels = labels > 0 if counts else load(training.objective).LABELLED
    train = counts.get("train", training.batch_size * training.steps)
    probed = probed_pictures(train, held_out) if has_labels else 0
    missing = "" if counts else "its pictures are not prepared yet: assumes many, held out too"
    seconds = cost.of_pretraining(training, held_out, probed, begun)
    return Expected(seconds, not counts, missing, cost.parts)


def _of_finetuning(experiment: ImageExperiment, arguments: Mapping[str, Any]) -> Expected:
    from tasks.stages.images.finetuning import VALIDATION_ROWS
    from tasks.timing.image_steps import time_image_finetuning

    training = arguments["training"]
    labels, counts = _known(arguments["data"])
    if not counts and not training.train_examples:
        return Expected(None, missing=NO_PICTURES)
    examples = counts.get("train", training.train_examples)
    examples = min(examples, training.train_examples or examples)
    validation = min(counts.get("validation", examples), VALIDATION_ROWS)
    model = _of(arguments, "architecture", experiment)
    if model is None:
        return Expected(None, missing=NOT_FITTED)
    sized = training.model_copy(update={"batch_size": min(training.batch_size, examples)})
    cost = time_image_finetuning(
        arguments["problem"],
        model,
        sized,
        experiment.pixels,
        max(2, labels or LABELS),
        number=examples + validation,
    )
    missing = "" if counts else "its pictures are not prepared yet"
    return Expected(
        cost.of_finetuning(training, examples, validation), not counts, missing, cost.parts
    )


def _of(
    arguments: Mapping[str, Any], name: str, experiment: ImageExperiment
) -> ImageModel | Path | None:
    """The model of a training: the folder of the given one, or a family and size; None if unknown.

    Args:
        arguments: of the stage.
        name: of the argument with the folder, which may be missing.
        experiment: that is planned.
    """
    given = arguments.get(name)
    if given is not None and not isinstance(given, PendingInput):
        path: Path = given.path
        return path
    return None if experiment.start else experiment.model


def _known(data: Any) -> tuple[int, dict[str, int]]:
    """How many labels stored pictures have, and how many pictures each split; empty before."""
    import pyarrow.parquet as pq

    if isinstance(data, PendingInput):
        return 0, {}
    labels = json.loads((data.path / "labels.json").read_text(encoding="utf-8"))
    files = {split: data.path / f"{split}.parquet" for split in ("train", "validation")}
    return len(labels), {split: pq.read_metadata(file).num_rows for split, file in files.items()}
