"""Mistakes that involve several fields, found before anything is computed. Imports are light."""

from __future__ import annotations

from collections import Counter

from tasks.experiment import choices, variants
from tasks.experiment.experiment import Experiment

Mistake = tuple[str, str]


def mistakes(experiment: Experiment) -> list[Mistake]:
    """All inconsistencies, as the path of a field and a message."""
    return [
        *variants.mistakes(experiment),
        *_objective(experiment),
        *_lengths(experiment),
        *_names(experiment),
        *_missing(experiment),
        *_pairs(experiment),
    ]


def _objective(experiment: Experiment) -> list[Mistake]:
    family, objective = experiment.model.family, experiment.pretraining.objective
    lacking = [head for head in _heads_for(objective) if head not in _heads_of(family)]
    if not lacking:
        return []
    fitting = [
        name for name in choices.names("objectives") if {*_heads_for(name)} <= {*_heads_of(family)}
    ]
    return [
        (
            "pretraining.objective",
            f"{objective} needs a head for {' and '.join(lacking)}, which model.family {family} "
            f"does not have; accepted with it: {', '.join(fitting) or 'no objective'}",
        )
    ]


def _heads_for(objective: str) -> tuple[str, ...]:
    return choices.words_of("objectives", objective, "HEADS")


def _heads_of(family: str) -> tuple[str, ...]:
    return choices.words_of("families", family, "HEADS")


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


def _missing(experiment: Experiment) -> list[Mistake]:
    """Words for a missing value that are to be classes, of problems without classes."""
    classes = choices.those_with("problems", "ROLES", "label")
    return [
        (
            f"downstream.{problem.name}.missing_labels",
            f"found 'keep', but {problem.problem} has no classes; accepted with it: error, drop",
        )
        for problem in experiment.downstream
        if problem.missing_labels == "keep" and problem.problem not in classes
    ]


def _pairs(experiment: Experiment) -> list[Mistake]:
    """Pairs of a text with itself."""
    return [
        (
            f"downstream.{problem.name}.columns.second_text",
            f"found {problem.columns.text!r}, which is columns.text too; accepted: another column, "
            "or nothing where each row is one text",
        )
        for problem in experiment.downstream
        if problem.columns.second_text == problem.columns.text
    ]
