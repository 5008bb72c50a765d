"""Adding a family is adding one file: CamemBERT goes through the whole chain in a copy."""

import json
from pathlib import Path

import pytest

from tests.support.added import file_of
from tests.support.added_parts import AddedParts
from tests.support.chain import choices_in_the_form, require_the_whole_chain


@pytest.fixture
def copy(tmp_path: Path):
    return AddedParts(tmp_path / "copy", file_of("camembert"))


@pytest.mark.slow
def test_it_is_planned_trained_evaluated_reported_and_offered(
    copy, tmp_path: Path, prefect_server: str
) -> None:
    settings = ("model.family=camembert", "pretraining.objective=mlm")
    page, plan = require_the_whole_chain(copy, tmp_path, prefect_server, *settings)
    assert "accuracy on masked tokens" in page
    assert "mood" in page
    assert "stages are cached: nothing to compute" in plan
    built = {
        json.loads(file.read_text())["architectures"][0]
        for file in (tmp_path / "home" / "store").rglob("output/model/config.json")
    }
    assert built == {
        "CamembertForMaskedLM",
        "CamembertForSequenceClassification",
        "CamembertForTokenClassification",
    }
    assert "camembert" in choices_in_the_form(copy, "Model", "family")
