"""A field that counts with one variant only: where it counts, and what becomes of it elsewhere."""

from __future__ import annotations

import pytest
from pydantic import Field

from tasks.contract import Stage
from tasks.experiment.fields import Part, field
from tasks.experiment.variants import asked, mistakes
from tasks.machinery.store.call import key_of
from tasks.machinery.store.fingerprint import key_part


class Roles(Part):
    """A section inside of the part with the choice."""

    text: str = field("text", "Text", "Column of the text")
    tags: str = field("tags", "Tags", "Column of the tags", only_with={"problem": ("tagging",)})


class Rows(Part):
    """A part with a choice, and a section whose fields count with it."""

    problem: str = field("reading", "Problem", "What is predicted")
    columns: Roles = Field(Roles(), title="Columns", description="Where the values are")


class Tuning(Part):
    """A part whose field counts with a choice in a part beside it."""

    patches: int = field(8, "Patches", "Patches", only_with={"model.family": ("vit", "deit")})
    vocabulary: int = field(9, "Vocabulary", "Entries", only_with={"published": ("",)})
    rank: int = field(0, "Rank", "Rank of the update", absent=0)


class Model(Part):
    """A part with a choice."""

    family: str = field("bert", "Family", "Architecture")


class Whole(Part):
    """Parts beside each other."""

    model: Model = Field(Model(), title="Model", description="Model")
    tuning: Tuning = Field(Tuning(), title="Tuning", description="Tuning")
    rows: list[Rows] = Field([Rows()], title="Rows", description="Rows")


VIT, BERT = Model(family="vit"), Model()
TAGGED = Rows(problem="tagging", columns=Roles(tags="bio"))


def test_a_field_is_in_the_key_where_it_counts_alone() -> None:
    assert key_part(Rows()) == {"problem": "reading", "columns": {"text": "text"}}
    assert key_part(TAGGED)["columns"] == {"text": "text", "tags": "bio"}
    assert "patches" in key_part(Whole(model=VIT))["tuning"]
    assert "patches" not in key_part(Whole(model=BERT))["tuning"]


def test_the_arguments_of_a_stage_are_the_parts_around_its_parts() -> None:
    stage = Stage("tuning", "tasks.contract:nothing")
    parts = [key_of(stage, {"model": model, "tuning": Tuning()})["part"] for model in (VIT, BERT)]
    assert ["tuning.patches" in part for part in parts] == [True, False]


def test_without_the_choice_around_it_a_field_counts() -> None:
    assert key_part(Roles()) == {"text": "text", "tags": "tags"}


def test_a_field_at_its_absent_value_is_in_no_key_and_another_value_is() -> None:
    assert "rank" not in key_part(Tuning())
    assert key_part(Tuning(rank=8))["rank"] == 8


def test_what_was_asked_for_has_the_fields_that_count() -> None:
    found = asked(Whole(rows=[TAGGED, Rows()]))
    assert found["tuning"] == {"vocabulary": 9, "rank": 0}
    assert [row["columns"] for row in found["rows"]] == [
        {"text": "text", "tags": "bio"},
        {"text": "text"},
    ]


@pytest.mark.parametrize(
    ("whole", "path", "said"),
    [
        (
            Whole(rows=[Rows(columns=Roles(tags="bio"))]),
            "rows.0.columns.tags",
            "found 'bio', but problem is 'reading'; the field counts only with tagging "
            "(accepted here: 'tags')",
        ),
        (
            Whole(tuning=Tuning(patches=16)),
            "tuning.patches",
            "found 16, but model.family is 'bert'; the field counts only with vit, deit "
            "(accepted here: 8)",
        ),
    ],
)
def test_a_value_that_does_not_count_is_refused(whole: Whole, path: str, said: str) -> None:
    assert list(mistakes(whole)) == [(path, said)]


def test_defaults_and_values_that_count_are_no_mistakes() -> None:
    assert not list(mistakes(Whole(model=VIT, tuning=Tuning(patches=16), rows=[TAGGED, Rows()])))


def test_the_description_says_with_what_a_field_counts() -> None:
    described = {name: info.description for name, info in Tuning.model_fields.items()}
    assert described == {
        "patches": "Patches (vit, deit)",
        "vocabulary": "Entries (without published)",
        "rank": "Rank of the update",
    }
