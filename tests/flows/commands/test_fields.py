"""`temper fields` tells what an experiment accepts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from flows.commands.fields import paths
from flows.commands.main import app
from tests.test_keys import FIELDS, OF_A_GIVEN_MODEL


def told(*words: str) -> Result:
    """What the command answers."""
    return CliRunner().invoke(app, ["fields", *words])


def test_every_field_is_listed() -> None:
    assert {".".join(path) for path in paths(())} == set(FIELDS) | OF_A_GIVEN_MODEL


def test_a_field_is_told_with_its_default_its_bounds_and_what_it_is() -> None:
    [_, line] = told("model.layers").stdout.splitlines()
    assert line.split()[:2] == ["model.layers", "0"]
    assert "a whole number, at least 0, at most" in line
    assert "Transformer layers" in line


@pytest.mark.parametrize("problem", ["", "library.", "0."])
def test_the_field_of_a_problem_is_found_as_settings_name_it(problem: str) -> None:
    [_, line] = told(f"downstream.{problem}epochs").stdout.splitlines()
    assert line.split()[:2] == ["downstream.epochs", "3"]


def test_a_part_has_its_fields_alone() -> None:
    lines = told("evaluation").stdout.splitlines()[1:]
    assert any(line.split()[:2] == ["evaluation.from_scratch", "true"] for line in lines)
    assert all(line.startswith(("evaluation.", " ")) for line in lines)


@pytest.mark.parametrize("asked, meant", [("modle", "model"), ("model.layer", "model.layers")])
def test_what_is_none_is_told_with_the_nearest(asked: str, meant: str) -> None:
    done = told(asked)
    assert done.exit_code == 2
    assert f"no part or field '{asked}'; did you mean {meant}. Accepted: name, " in done.stderr
