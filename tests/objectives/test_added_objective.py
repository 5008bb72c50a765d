"""Adding an objective is adding one file: the last tokens of windows, in a copy of the code."""

from pathlib import Path

import pytest

from tests.support.added import file_of
from tests.support.added_parts import AddedParts
from tests.support.chain import choices_in_the_form, require_the_whole_chain


@pytest.fixture
def copy(tmp_path: Path):
    return AddedParts(tmp_path / "copy", file_of("ends"))


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
