"""The rule by which a challenger replaces the champion.

The metric is the headline metric of the problem. Imports are light: forms and commands read it.
"""

from __future__ import annotations

import re
from typing import Any, overload

from pydantic import ValidationError

from tasks.experiment.experiment import Experiment
from tasks.experiment.fields import Part, field
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.problem import Downstream
from tasks.machinery.naming.registered_names import ACCEPTED_NAME, NAME
from tasks.machinery.naming.spelling import nearest


class Rule(Part):
    """What a challenger must show on the current test split to replace the champion.

    It must be better by at least `minimum_gain`, with the interval of the difference above zero,
    and lose no more than allowed on any class and any slice.
    """

    minimum_gain: float = field(
        0.0,
        "Least gain",
        "Smallest gain of the headline metric for a promotion, in its unit: of a share, 0.01 is "
        "one percentage point; the gain must also be significant",
        ge=0,
    )
    confidence: float = field(0.95, "Confidence", "Coverage of the intervals", ge=0.5, lt=1)
    bootstrap_samples: int = field(
        2000,
        "Bootstrap samples",
        "Resamples of the test documents behind each interval",
        ge=100,
        le=1_000_000,
    )
    worst_class_loss: float = field(
        0.05,
        "Worst loss of a class",
        "Largest loss on any class, in the unit of its metric (F1 is a share); a significant loss "
        "of more than this keeps the champion; 1 allows any loss of a share",
        ge=0,
    )
    worst_slice_loss: float = field(
        0.05,
        "Worst loss of a slice",
        "Largest loss of the headline metric on any quarter of the test rows by length (of "
        "pictures by brightness), in its unit; tested like the loss of a class; 1 allows any loss "
        "of a share",
        ge=0,
    )


@overload
def problem_of(experiment: Experiment, name: str) -> Downstream: ...


@overload
def problem_of(experiment: ImageExperiment, name: str) -> ImageDownstream: ...


def problem_of(experiment: Experiment | ImageExperiment, name: str) -> Downstream | ImageDownstream:
    """A problem of an experiment by its name.

    Raises:
        InvalidExperimentError: the experiment has no such problem.
    """
    problems: dict[str, Downstream | ImageDownstream] = {
        problem.name: problem for problem in experiment.downstream
    }
    if name not in problems:
        listed = f"Accepted: {', '.join(problems)}" if problems else "It has no downstream problem"
        raise InvalidExperimentError(
            [f"problem: {experiment.name} has no {name!r}{nearest(name, problems)}. {listed}"]
        )
    return problems[name]


def require_name(model: str) -> None:
    """Check the name of a registered model.

    Raises:
        InvalidExperimentError: MLflow would not accept it.
    """
    if not re.fullmatch(NAME, model) or model != model.strip():
        raise InvalidExperimentError([f"model: found {model!r}; accepted: {ACCEPTED_NAME}"])


def rule_of(**values: Any) -> Rule:
    """The rule of these values.

    Raises:
        InvalidExperimentError: with one line per value out of bounds.
    """
    try:
        return Rule(**values)
    except ValidationError as error:
        lines = [
            f"rule.{problem['loc'][0]}: found {problem['input']!r}; accepted: "
            f"{problem['msg'].removeprefix('Input should be ')}"
            for problem in error.errors()
        ]
        raise InvalidExperimentError(lines) from None
