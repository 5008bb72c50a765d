"""Adding an objective is adding one file: the last tokens of windows, in a copy of the code."""

from pathlib import Path

import pytest

from tests.support.chain import (
    choices_in_the_form,
    copy_with,
    require_the_same_keys,
    require_the_whole_chain,
)


@pytest.fixture
def copy(tmp_path: Path):
    return copy_with(tmp_path, "objectives", "ends")


def test_no_key_of_another_objective_changes(copy, tmp_path: Path) -> None:
    require_the_same_keys(copy, tmp_path)


@pytest.mark.slow
def test_it_is_planned_trained_evaluated_reported_and_offered(
    copy, tmp_path: Path, prefect_server: str
) -> None:
    page, plan = require_the_whole_chain(
        copy, tmp_path, prefect_server, "pretraining.objective=ends"
    )
    assert "loss of the last tokens, nats a token" in page
    assert "last tokens predicted" in page
    assert "stages are cached: nothing to compute" in plan
    assert "ends" in choices_in_the_form(copy, "Pretraining", "objective")
