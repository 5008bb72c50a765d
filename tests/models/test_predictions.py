"""Answers to new rows by a model that somebody else published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification

from tasks.contract import StageError
from tasks.models.predictions import answer_rows
from tests.support.tiny_models import write_body


def test_two_labels_without_names_have_those_of_transformers(tmp_path: Path) -> None:
    folder = write_body(tmp_path / "body")
    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(folder)
    assert "id2label" not in json.loads((folder / "config.json").read_text())
    [table] = answer_rows("text-classification", folder, ["a cat", "a dog"])
    assert {*table["predicted"]} <= {"LABEL_0", "LABEL_1"}


def test_a_model_without_its_head_answers_nothing(tmp_path: Path) -> None:
    folder = write_body(tmp_path / "body")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    weights = {name: t for name, t in model.state_dict().items() if "classifier" not in name}
    model.save_pretrained(folder, state_dict=weights)
    with pytest.raises(StageError, match=r"lacks 2 weights of Bert.*, such as classifier\.bias"):
        answer_rows("text-classification", folder, ["a cat"])
