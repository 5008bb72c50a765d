"""The experiment is a form that a person can fill in."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.experiment.experiment import Experiment

SCHEMA = Experiment.model_json_schema()
MODELS = {"Experiment": SCHEMA, **SCHEMA["$defs"]}
FIELDS = [
    (model, name, schema)
    for model, definition in MODELS.items()
    for name, schema in definition["properties"].items()
]


@pytest.mark.parametrize(("model", "name", "schema"), FIELDS)
def test_every_field_has_a_title_a_description_and_a_default(
    model: str, name: str, schema: dict[str, Any]
) -> None:
    refers = MODELS.get(schema.get("$ref", "").rpartition("/")[2], {})
    assert schema.get("title") or refers["title"]
    assert schema["description"]
    assert "default" in schema


@pytest.mark.parametrize(("model", "name", "schema"), FIELDS)
def test_no_field_falls_back_to_a_box_of_json(
    model: str, name: str, schema: dict[str, Any]
) -> None:
    assert not {"anyOf", "oneOf", "allOf"} & schema.keys()
    assert "additionalProperties" not in schema
    assert schema.get("type") or "$ref" in schema
    assert len(schema.get("enum", ["two", "or more"])) >= 2


@pytest.mark.parametrize(("model", "name", "schema"), FIELDS)
def test_every_number_has_bounds(model: str, name: str, schema: dict[str, Any]) -> None:
    if schema.get("type") in ("integer", "number"):
        assert {"minimum", "exclusiveMinimum"} & schema.keys()
        assert {"maximum", "exclusiveMaximum"} & schema.keys()


@pytest.mark.parametrize("model", MODELS)
def test_fields_come_in_the_order_they_are_written_in(model: str) -> None:
    positions = [field["position"] for field in MODELS[model]["properties"].values()]
    assert positions == list(range(len(positions)))
    assert MODELS[model]["additionalProperties"] is False


def test_a_further_test_has_the_columns_of_its_problem_unless_it_gives_them() -> None:
    columns = {"text": "body", "label": "mood", "split": "part"}
    further = [{"name": "a"}, {"name": "b", "columns": {"text": "text"}}]
    problem = {"name": "x", "source": "a.csv", "columns": columns, "evaluate_also": further}
    found = Experiment.model_validate({"downstream": [problem]})
    for _ in range(2):  # also when it is written and read again
        read = [each.columns for each in found.downstream[0].evaluate_also]
        assert [(each.text, each.label, each.split) for each in read] == [
            ("body", "mood", ""),
            ("text", "mood", ""),
        ]
        found = Experiment.model_validate(found.model_dump())
