"""An experiment on images as work for a flow run: its name in lists."""

from __future__ import annotations

from flows.runs.experiment import short, varied
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.variants import asked
from tasks.machinery.execution.session import Work


def title_of(experiment: ImageExperiment) -> str:
    """`seed=1 · cells · resnet tiny, 64 px · classification, 500 steps`.

    With a model to start from, `cells · from hf:microsoft/resnet-50, 64 px · no pre-training`.
    """
    model, pretraining = experiment.model, experiment.pretraining
    time = f" or {pretraining.minutes:g} min" if pretraining.minutes else ""
    network = (
        f"from {short(experiment.start)}" if experiment.start else f"{model.family} {model.size}"
    )
    size = f"{network}, {experiment.pixels.size} px"
    length = f"{pretraining.objective}, {pretraining.steps:,} steps{time}"
    length = length if pretraining.steps else "no pre-training"
    return varied(f"{experiment.name} · {size} · {length}", experiment.variant)


def work_of(experiment: ImageExperiment) -> Work:
    """The whole chain."""
    title, values = title_of(experiment), asked(experiment)
    return Work("experiment", experiment.name, title, values, is_named=bool(experiment.variant))
