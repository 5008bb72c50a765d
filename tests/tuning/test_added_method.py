"""Adding a way of tuning is adding one file: the norms alone learn, in a copy of the code."""

import json
from pathlib import Path

import pytest

from tests.support.added import file_of
from tests.support.added_parts import AddedParts
from tests.support.chain import choices_in_the_form, require_the_whole_chain


@pytest.fixture
def copy(tmp_path: Path):
    return AddedParts(tmp_path / "copy", file_of("norms"))


@pytest.mark.slow
def test_it_is_planned_trained_evaluated_reported_and_offered(
    copy, tmp_path: Path, prefect_server: str
) -> None:
    settings = ("downstream.mood.tuning.method=norms", "downstream.mood.tuning.learning_rate=0.01")
    page, plan = require_the_whole_chain(copy, tmp_path, prefect_server, *settings)
    assert "mood" in page
    assert "stages are cached: nothing to compute" in plan
    assert "norms" in choices_in_the_form(copy, "TuningMethod", "method")
    manifests = [
        json.loads(file.read_text())
        for file in (tmp_path / "home" / "store" / "finetuning").rglob("manifest.json")
    ]
    shares = [manifest["metrics"]["trained_share"] for manifest in manifests]
    assert min(shares) < 0.2, "the norms and the head"
    assert shares.count(1.0) == 3, "from scratch, and the other problem"
