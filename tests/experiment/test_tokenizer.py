"""The tokenizer that is chosen for a family; what is stated is kept."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.experiment import choices
from tasks.experiment.experiment import Experiment
from tasks.experiment.tokenizer import Tokenizer, TokenizerChoice
from tasks.experiment.variants import asked
from tasks.machinery.store.fingerprint import key_part

DECODERS = {"gpt2", "llama"}


def settled(family: str, **given: Any) -> Tokenizer:
    return TokenizerChoice.model_validate(given).settled(family)


@pytest.mark.parametrize("family", choices.names("families"))
def test_decoders_have_byte_level_bpe_with_case_and_the_others_uncased_wordpiece(
    family: str,
) -> None:
    found = settled(family)
    expected = ("bpe", False) if family in DECODERS else ("wordpiece", True)
    assert (found.algorithm, found.lowercase) == expected
    assert found.strip_accents is expected[1]


def test_the_key_of_a_masked_family_is_what_it_was_before_there_was_a_choice() -> None:
    assert key_part(settled("roberta", vocab_size=99)) == {
        "algorithm": "wordpiece",
        "vocab_size": 99,
        "lowercase": True,
        "min_frequency": 2,
    }
    assert key_part(settled("gpt2", published="a")) == {"lowercase": True}


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_what_is_stated_is_kept(family: str) -> None:
    found = settled(family, algorithm="wordpiece", lowercase=True)
    assert (found.algorithm, found.lowercase) == ("wordpiece", True)
    found = settled(family, algorithm="bpe", lowercase=False, accents="strip", min_frequency=7)
    assert (found.algorithm, found.lowercase) == ("bpe", False)
    assert (found.strip_accents, found.min_frequency) == (True, 7)


def test_the_parameters_of_a_run_name_what_was_chosen() -> None:
    experiment = Experiment.model_validate({"model": {"family": "llama", "size": "tiny"}})
    assert asked(experiment)["tokenizer"]["algorithm"] == "auto"
    shown = asked(experiment.settled)["tokenizer"]
    assert (shown["algorithm"], shown["lowercase"]) == ("bpe", False)


def test_unigram_needs_room_for_all_bytes_and_has_no_least_frequency() -> None:
    with pytest.raises(ValidationError, match="accepted with algorithm unigram: at least 300"):
        TokenizerChoice(algorithm="unigram", vocab_size=200)
    part = key_part(settled("bert", algorithm="unigram"))
    assert part == {"algorithm": "unigram", "vocab_size": 8192, "lowercase": True}
