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
        *_rotary(experiment),
        *_lengths(experiment),
        *_names(experiment),
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


def _rotary(experiment: Experiment) -> list[Mistake]:
    """Rotary positions turn pairs of numbers."""
    family, heads, width = (
        getattr(experiment.model, n) for n in ("family", "heads", "hidden_size")
    )
    if "rotary" not in choices.words_of("families", family, "POSITIONS") or width // heads % 2 == 0:
        return []
    fitting = [str(n) for n in range(1, width + 1) if width % n == 0 and width // n % 2 == 0]
    return [
        (
            "model.heads",
            f"{heads} heads of a hidden size of {width} are {width // heads} wide, but the rotary "
            f"positions of model.family {family} need heads of an even width; accepted: "
            f"{', '.join(fitting) or 'none with this hidden size'}",
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
