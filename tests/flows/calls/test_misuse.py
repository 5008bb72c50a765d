"""What the functions of Python say of arguments that are of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flows
from flows.calls.experiments import settings_of
from flows.calls.inputs import in_memory
from tasks.comparison.past_run import UnknownRunError
from tasks.contract import StageError
from tasks.experiment.mistakes import InvalidExperimentError


@pytest.mark.parametrize("rows", [None, 5, {"text": ["a"]}, {"a", "b"}])
def test_what_has_no_rows_in_an_order_is_refused(rows: Any) -> None:
    with pytest.raises(StageError, match=r"rows: found .*; accepted: the path of a file"):
        list(in_memory(rows, "text", words=False))


@pytest.mark.parametrize("settings", [None, 5, [("seed", 1)], {"seed": object()}, {"x": {1}}])
def test_what_is_no_change_is_refused(settings: Any) -> None:
    with pytest.raises(InvalidExperimentError, match=r"settings: found .*; accepted: "):
        settings_of(settings)


def test_numbers_of_numpy_are_numbers() -> None:
    changes = {"seed": np.int64(3), "x": np.array([0.5, 1.0]), "y": [Path("a b")]}
    assert settings_of(changes) == ["seed=3", "x=[0.5, 1.0]", 'y=["a b"]']


@pytest.mark.usefixtures("home")
def test_options_of_a_plan_are_checked() -> None:
    with pytest.raises(InvalidExperimentError, match="verify: found 'ful'; did you mean full"):
        flows.plan("demo", verify="ful")  # type: ignore[arg-type]
    with pytest.raises(InvalidExperimentError, match=r"--refresh corps: .* did you mean corpus"):
        flows.plan("demo", refresh="corps")


@pytest.mark.usefixtures("home")
def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(UnknownRunError, match="found None; accepted: results of `run`"):
        flows.compare(None, "a")  # type: ignore[arg-type]
