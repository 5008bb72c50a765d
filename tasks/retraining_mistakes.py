"""What is wrong with what is asked of a retraining, said before anything is computed."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from tasks.mistakes import InvalidExperimentError
from tasks.rule import Rule
from tasks.spec import Downstream, Experiment
from tasks.spelling import nearest

NAME = r"[^/:'\"\\]{1,100}"
ACCEPTED_NAME = "a name of 1 to 100 characters without / : \\ and quotes"


def problem_of(experiment: Experiment, name: str) -> Downstream:
    """A problem of an experiment by its name.

    Raises:
        InvalidExperimentError: the experiment has no such problem.
    """
    problems = {problem.name: problem for problem in experiment.downstream}
    if name not in problems:
        listed = f"Accepted: {', '.join(problems)}" if problems else "It has no downstream problem"
        raise InvalidExperimentError(
            [f"problem: {experiment.name} has no {name!r}{nearest(name, problems)}. {listed}"]
        )
    return problems[name]


def require_name(model: str) -> None:
    """Check the name of a registered model.

    Raises:
        InvalidExperimentError: MLflow would not take it.
    """
    if not re.fullmatch(NAME, model) or model != model.strip():
        raise InvalidExperimentError([f"model: found {model!r}; accepted: {ACCEPTED_NAME}"])


def rule_of(**values: Any) -> Rule:
    """The rule of these values.

    Raises:
        InvalidExperimentError: with a line for each value that is out of bounds.
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
