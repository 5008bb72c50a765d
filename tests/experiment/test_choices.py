"""Choices come from the folders, and what a variant states is read without importing it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tasks import families, objectives, problems
from tasks.experiment import choices
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check


def test_forms_offer_what_is_in_the_folders() -> None:
    definitions = Experiment.model_json_schema()["$defs"]
    offered = [
        definitions[part]["properties"][field]["enum"]
        for part, field in (
            ("Model", "family"),
            ("Pretraining", "objective"),
            ("Downstream", "problem"),
        )
    ]
    assert offered == [list(each.names()) for each in (families, objectives, problems)]


def test_another_value_is_refused() -> None:
    with pytest.raises(ValidationError):
        Experiment.model_validate({"model": {"family": "brt"}})


def test_the_words_of_a_variant_are_those_of_its_module() -> None:
    for name in choices.names("objectives"):
        module = objectives.load(name)
        assert choices.words_of("objectives", name, "HEADS") == module.HEADS
        assert choices.words_of("objectives", name, "FIELDS") == module.FIELDS
    for name in choices.names("families"):
        assert choices.words_of("families", name, "HEADS") == families.load(name).HEADS


def test_a_role_counts_with_the_problems_that_state_it() -> None:
    assert choices.those_with("problems", "ROLES", "tags") == ("token-classification",)
    with_text = choices.only_with("problem", "problems", "ROLES", "text")["problem"]
    assert "text-classification" in with_text
    assert "token-classification" not in with_text
    masking = choices.only_with("objective", "objectives", "FIELDS", "masking_share")
    assert masking == {"objective": ("mlm", "mlm+bow", "mlm+nsp", "rtd")}


def test_a_family_without_the_head_of_an_objective_is_refused() -> None:
    roberta = {"model": {"family": "roberta"}, "pretraining": {"objective": "mlm+nsp"}}
    with pytest.raises(InvalidExperimentError, match="needs a head for sentence pairs"):
        check(Experiment.model_validate(roberta))


@pytest.mark.parametrize(
    ("family", "objective", "said"),
    [
        (
            "gpt2",
            "mlm",
            r"head for masked tokens, .*family gpt2 does not have; .* with it: clm, clm\+apart$",
        ),
        (
            "llama",
            "mlm+nsp",
            r"masked tokens and sentence pairs, .* accepted with it: clm, clm\+apart$",
        ),
        ("bert", "clm", r"head for next tokens, .* with it: mlm, mlm\+bow, mlm\+nsp$"),
        ("roberta", "clm", r"head for next tokens, .* with it: mlm, mlm\+bow$"),
        ("bert", "rtd", r"head for replaced tokens, .* with it: mlm, mlm\+bow, mlm\+nsp$"),
        ("electra", "clm", r"head for next tokens, .* with it: mlm, mlm\+bow, rtd$"),
    ],
)
def test_a_decoder_predicts_next_tokens_and_an_encoder_masked_ones(family, objective, said) -> None:
    asked = {"model": {"family": family}, "pretraining": {"objective": objective}}
    with pytest.raises(InvalidExperimentError, match=said):
        check(Experiment.model_validate(asked))


def test_a_field_of_masked_tokens_does_not_count_with_next_tokens() -> None:
    asked = {
        "model": {"family": "gpt2"},
        "pretraining": {"objective": "clm", "masking_share": 0.3},
    }
    with pytest.raises(
        InvalidExperimentError, match=r"masking_share: found 0\.3, but objective is"
    ):
        check(Experiment.model_validate(asked))
