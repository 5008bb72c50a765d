"""The forms of the deployments, as the Prefect UI makes them from their schemas.

`forms.json` beside this file is what they are. After a change that is meant, look at its
difference in Git, once it is written anew by:

    python -m tests.flows.serving.test_forms
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from flows.serving.deployments import deployments
from tasks.experiment import choices
from tasks.experiment.choices import summaries_of_problems
from tasks.experiment.model import sizes_of

FILE = Path(__file__).with_name("forms.json")
SIMPLE = {"string", "integer", "number", "boolean"}

Field = tuple[str, dict[str, Any]]


def forms() -> dict[str, Any]:
    """The schema of each deployment; definitions that they share once, beside them."""
    found: dict[str, Any] = {"definitions": {}, "forms": {}}
    for made in deployments():
        schema = json.loads(made._parameter_openapi_schema.model_dump_json())
        for name, definition in schema.pop("definitions").items():
            assert found["definitions"].setdefault(name, definition) == definition
        found["forms"][f"{made.flow_name}/{made.name}"] = schema
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return forms()


def groups(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each form, and each group of fields in a form, with its fields."""
    yield from ((name, each["properties"]) for name, each in found["forms"].items())
    yield from ((name, each["properties"]) for name, each in found["definitions"].items())


def fields(found: dict[str, Any]) -> Iterator[Field]:
    for name, properties in groups(found):
        yield from ((f"{name}.{field}", asked) for field, asked in properties.items())


def variants() -> set[str]:
    """The names that folders define: a form offers what is there."""
    packages = get_args(choices.Package)
    named = {name for package in packages for name in choices.names(package)}
    sizes = {size for family in choices.names("families") for size in sizes_of(family)}
    return named | sizes | {*choices.of_pictures(), ""}


def without_variants(value: Any, named: set[str], key: str = "") -> Any:
    """A part of the forms without the names of variants, so that adding one does not change it."""
    if isinstance(value, dict):
        return {name: without_variants(each, named, name) for name, each in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(each, str) for each in value) and named.issuperset(value):
            return "variants"
        return [without_variants(each, named) for each in value]
    if key == "description":
        value = value.replace(summaries_of_problems(), "…")
        text, _, last = value.rpartition(" (")
        if named.issuperset(re.split("[,;] ", last.removesuffix(")"))):
            return text
    return value


def test_the_forms_are_what_they_were(made) -> None:
    found = without_variants(made, variants())
    assert found == json.loads(FILE.read_text(encoding="utf-8")), __doc__


def test_no_field_is_a_box_of_json(made) -> None:
    boxes = [name for name, asked in fields(made) if not is_rendered(asked, made["definitions"])]
    assert boxes == []


def is_rendered(asked: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether the UI has an input for a field; it shows a box of JSON for all else."""
    if "$ref" in asked:
        group = definitions[asked["$ref"].rpartition("/")[2]]
        return group["type"] == "object" and bool(group["properties"])
    kinds = [kind for kind in asked.get("anyOf", [asked]) if kind.get("type") != "null"]
    if len(kinds) != 1 or "oneOf" in asked or "allOf" in asked:
        return False
    if kinds[0].get("type") == "array":
        return is_rendered(kinds[0]["items"], definitions)
    return kinds[0].get("type") in SIMPLE


def test_every_choice_is_one(made) -> None:
    few = [name for name, asked in fields(made) if len(asked.get("enum", "ab")) < 2]
    assert few == []
    assert not [name for name, asked in fields(made) if "const" in asked]


def test_every_field_has_a_title_and_a_description(made) -> None:
    def title(asked: dict[str, Any]) -> str:
        group = made["definitions"].get(asked.get("$ref", "").rpartition("/")[2], {})
        return asked.get("title") or group.get("title", "")

    bare = [name for name, asked in fields(made) if not (title(asked) and asked.get("description"))]
    assert bare == []
    assert not [name for name, asked in fields(made) if title(asked)[0].islower()]


def test_what_must_be_filled_in_is_not_called_optional(made) -> None:
    """The Prefect UI writes "(Optional)" beside each field that its group does not require."""
    required = {name: set(each.get("required", [])) for name, each in made["definitions"].items()}
    for name in ("Downstream", "ImageDownstream", "FurtherTest", "Images", "LabelledData"):
        assert "source" in required[name], name
    assert not required["Corpus"], "a run that starts from a model may have none"


def test_titles_are_words(made) -> None:
    titles = [asked.get("title", "") for _, asked in fields(made)]
    titles += [each["title"] for each in made["definitions"].values()]
    assert not [title for title in titles if re.search("_|[a-z][A-Z]", title)]
    assert "Mlflow filter" not in titles


def test_fields_keep_their_order(made) -> None:
    for name, properties in groups(made):
        places = {field: asked["position"] for field, asked in properties.items()}
        assert sorted(places.values()) == list(range(len(places))), name
    job = made["definitions"]["FinetuneJob"]["properties"]
    assert sorted(job, key=lambda field: job[field]["position"])[:2] == ["body", "name"]


def test_every_deployment_says_what_it_is() -> None:
    for each in deployments():
        assert each.description and each.tags and each.version, each.name


if __name__ == "__main__":
    frozen = without_variants(forms(), variants())
    FILE.write_text(json.dumps(frozen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
