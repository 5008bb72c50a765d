"""Mistakes in an experiment that no single field has: found before anything is computed. Light."""

from __future__ import annotations

from collections import Counter

from tasks.experiment import variants
from tasks.experiment.experiment import Experiment

Mistake = tuple[str, str]


def mistakes(experiment: Experiment) -> list[Mistake]:
    """What does not fit together, as the path of a field and what is wrong with it."""
    return [
        *variants.mistakes(experiment),
        *_objective(experiment),
        *_lengths(experiment),
        *_names(experiment),
    ]


def _objective(experiment: Experiment) -> list[Mistake]:
    if experiment.model.family == "roberta" and "nsp" in experiment.pretraining.objective:
        return [
            (
                "pretraining.objective",
                f"{experiment.pretraining.objective} needs a head for sentence pairs, which "
                "model.family roberta does not have; accepted with it: mlm",
            )
        ]
    return []


def _lengths(experiment: Experiment) -> list[Mistake]:
    longest = experiment.model.max_positions
    lengths = {"pretraining.sequence_length": experiment.pretraining.sequence_length}
    for problem in experiment.downstream:
        lengths[f"downstream.{problem.name}.max_length"] = problem.max_length
    return [
        (path, f"{length} is more than model.max_positions ({longest}); accepted: at most that")
        for path, length in lengths.items()
        if length > longest
    ]


def _names(experiment: Experiment) -> list[Mistake]:
    counts = Counter(problem.name for problem in experiment.downstream)
    return [
        (
            f"downstream.{number}.name",
            f"{problem.name} is the name of {counts[problem.name]} problems; each needs its own",
        )
        for number, problem in enumerate(experiment.downstream)
        if counts[problem.name] > 1
    ]
