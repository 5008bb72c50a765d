"""`temper fields` tells what an experiment accepts."""

from __future__ import annotations

from typer.testing import CliRunner

from flows.cli import app
from flows.fields import paths
from tests.test_keys import FIELDS


def test_every_field_is_listed() -> None:
    listed = {".".join(path) for path in paths(())}
    assert listed == {name.replace("downstream.mood.", "downstream.") for name in FIELDS}


def test_a_field_is_told_with_its_default_its_bounds_and_what_it_is() -> None:
    done = CliRunner().invoke(app, ["fields", "model.layers"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.stderr
    [_, line] = done.stdout.splitlines()
    assert line.split()[:2] == ["model.layers", "4"]
    assert "a whole number, at least 1, at most" in line


def test_a_part_that_is_none_is_told_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["fields", "modle"])
    assert done.exit_code == 2
    assert "no part or field 'modle'; did you mean model. Accepted: name, " in done.stderr
