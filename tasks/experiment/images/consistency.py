"""Mistakes in an experiment on images that involve several fields. Imports are light."""

from __future__ import annotations

from collections import Counter

from tasks.experiment import choices, variants
from tasks.experiment.consistency import explanation_mistakes, start_mistakes
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.model import ImageModel
from tasks.experiment.mistakes import refuse
from tasks.experiment.training import (
    Layers,
    layer_mistakes,
    optimizer_mistakes,
    recomputing_mistakes,
    without_matrices,
)

Mistake = tuple[str, str]


def check(experiment: ImageExperiment) -> None:
    """Check that the parts fit together.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    refuse(mistakes(experiment))


def mistakes(experiment: ImageExperiment) -> list[Mistake]:
    """All inconsistencies, as the path of a field and a message."""
    return [
        *variants.mistakes(experiment),
        *start_mistakes(experiment),
        *_names(experiment),
        *optimizer_mistakes(experiment.downstream),
        *([] if experiment.start else _new_model(experiment)),
    ]


def _new_model(experiment: ImageExperiment) -> list[Mistake]:
    family = experiment.model.family
    words = choices.words_of("families/images", family, "_LAYERS")
    sizes = choices.table_of("families/images", family, "_DEPTHS")
    count, width = sizes.get(experiment.model.size, (0, 0))
    return [
        *_patches(experiment),
        *_multiples(experiment),
        *model_mistakes(experiment, family, Layers(f"model.family {family}", words, count, width)),
    ]


def model_mistakes(experiment: ImageExperiment, family: str, layers: Layers) -> list[Mistake]:
    """What an experiment asks for that a model does not have, given or new.

    Args:
        experiment: the experiment.
        family: of the model.
        layers: what is known of its layers.
    """
    found = _heads(experiment.pretraining.objective, family) if experiment.pretraining.steps else []
    found += layer_mistakes(experiment.downstream, layers)
    found += recomputing_mistakes(
        "pretraining", layers, asked=experiment.pretraining.gradient_checkpointing
    )
    if experiment.pretraining.optimizer == "muon" and "no matrices" in layers.words:
        found.append(("pretraining.optimizer", without_matrices(layers.name)))
    attends = not {"no attention", "windows"} & {*layers.words}
    return found + explanation_mistakes(
        experiment.evaluation, experiment.downstream, attends=attends
    )


def patch_of(model: ImageModel, size: int) -> int:
    """The side of a patch of a picture of this size, in pixels."""
    return model.patch_size or min(16, max(4, size // 8))


def _names(experiment: ImageExperiment) -> list[Mistake]:
    counts = Counter(problem.name for problem in experiment.downstream)
    return [
        (
            f"downstream.{number}.name",
            f"{problem.name} is the name of {counts[problem.name]} problems; each needs its own",
        )
        for number, problem in enumerate(experiment.downstream)
        if counts[problem.name] > 1
    ]


def _heads(objective: str, family: str) -> list[Mistake]:
    """An objective that needs a head which the family does not have."""
    has = choices.words_of("families/images", family, "HEADS")
    lacking = [head for head in _needed(objective) if head not in has]
    if not lacking:
        return []
    fitting = [name for name in choices.names("objectives/images") if {*_needed(name)} <= {*has}]
    return [
        (
            "pretraining.objective",
            f"{objective} needs a head for {' and '.join(lacking)}, which the family {family} does "
            f"not have; accepted with it: {', '.join(fitting)}",
        )
    ]


def _needed(objective: str) -> tuple[str, ...]:
    return choices.words_of("objectives/images", objective, "HEADS")


def _multiples(experiment: ImageExperiment) -> list[Mistake]:
    """A picture that the stages of the family do not halve without a rest."""
    model, size = experiment.model, experiment.pixels.size
    of_sizes = choices.table_of("families/images", model.family, "_MULTIPLES")
    (multiple,) = of_sizes.get(model.size, (1,))
    if size % multiple == 0:
        return []
    below = size - size % multiple
    near = [str(each) for each in (below, below + multiple) if each]
    message = f"found {size}; accepted with model.family {model.family}, size {model.size}"
    return [("pixels.size", f"{message}: multiples of {multiple}, such as {' or '.join(near)}")]


def _patches(experiment: ImageExperiment) -> list[Mistake]:
    model, size = experiment.model, experiment.pixels.size
    if "patch_size" not in choices.words_of("families/images", model.family, "FIELDS"):
        return []
    patch = patch_of(model, size)
    if size % patch == 0 and patch < size:
        return []
    fitting = [str(n) for n in range(2, min(size, 65)) if size % n == 0]
    return [
        (
            "model.patch_size",
            f"a picture of {size} pixels is not cut into patches of {patch}; accepted with "
            f"pixels.size {size}: {', '.join(fitting) or 'none'}",
        )
    ]
