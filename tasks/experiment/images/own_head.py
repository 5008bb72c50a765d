"""What an experiment asks for that a published model with a head of its own does not have."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.experiment import choices
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.training import Layers, recomputing_mistakes

PACKAGE = "families/published"


def own_head_mistakes(
    experiment: ImageExperiment, family: str, layers: Layers
) -> list[tuple[str, str]]:
    """The mistakes, as the path of a field and a message.

    Args:
        experiment: the experiment.
        family: of the model to start from.
        layers: its name, and what is known of its layers.
    """
    (solved,) = choices.words_of(PACKAGE, family, "SOLVES")
    name, steps = layers.name, experiment.pretraining.steps
    found = []
    if steps:
        message = f"found {steps:,}, but {name} brings a head of its own, which is fine-tuned as"
        found.append(("pretraining.steps", f"{message} it is; accepted with it: 0"))
    for problem in experiment.downstream:
        path = f"downstream.{problem.name}"
        if problem.kind != solved:
            message = f"found {problem.kind}, but the head of {name} is for {solved}"
            found.append((f"{path}.problem", f"{message}; accepted with it: {solved}"))
        found += [
            (
                f"{path}.{field}",
                f"found {value!r}, but {name} brings a head and a loss of its own; accepted with "
                f"it: {accepted!r}",
            )
            for field, value, accepted in _fields(problem, family)
            if value != accepted
        ]
        found += recomputing_mistakes(path, layers, asked=problem.gradient_checkpointing)
    return found


def _fields(problem: ImageDownstream, family: str) -> Iterator[tuple[str, object, object]]:
    """The fields that suit heads of ours alone: name, value, and the value that is accepted."""
    yield "tuning.method", problem.tuning.method, "full"
    yield "freeze", problem.freeze, "none"
    yield "layer_decay", problem.layer_decay, 1.0
    yield "optimizer", problem.optimizer, "adamw"
    yield "label_smoothing", problem.label_smoothing, 0.0
    yield "class_weights", problem.class_weights, "none"
    if "micro_batch_size" not in choices.words_of(PACKAGE, family, "FIELDS"):
        yield "micro_batch_size", problem.micro_batch_size, 0
