"""What is read of a model that somebody gives, and what is said of what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.contract import StageError
from tasks.experiment.problem import Downstream
from tasks.models.files import (
    configuration_of,
    files_of,
    problem_of,
    require_head,
    require_labels,
    require_room,
)
from tests.support.tiny_models import write_body


def test_only_configuration_weights_and_tokenizer_are_taken(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    (body / "modeling.py").write_text("raise SystemExit")
    (body / "training_args.bin").write_bytes(b"pickle")
    names = files_of(body, "body")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(names)
    assert not {"modeling.py", "training_args.bin"} & set(names)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    (body / "model.safetensors").rename(body / "pytorch_model.bin")
    with pytest.raises(StageError, match=r"no weights.*pytorch_model.bin may contain code"):
        files_of(body, "mine")


@pytest.mark.parametrize(("text", "said"), [("{", "not valid JSON"), ("{}", "no model_type")])
def test_a_configuration_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(StageError, match=said):
        configuration_of(tmp_path, "mine")


def configured(**changes: Any) -> dict[str, Any]:
    values = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "max_position_embeddings": 64,
        "id2label": {"0": "good", "1": "bad"},
    }
    return json.loads(json.dumps(values | changes))


def test_what_a_model_states_it_was_tuned_for_counts_with_the_head_of_that_alone() -> None:
    head = {"problem_type": "regression", "id2label": {"0": "LABEL_0"}}
    assert problem_of(configured(**head, temper_problem="regression")) == "regression"
    assert problem_of(configured(temper_problem="regression")) == "text-classification"
    assert problem_of(configured(temper_problem=["odd"])) == "text-classification"


def test_a_problem_with_longer_inputs_than_the_body_reads_is_told() -> None:
    require_room([Downstream(max_length=64)], configured(), "x")
    with pytest.raises(StageError, match=r"downstream.library.max_length: 65 is more than the 64"):
        require_room([Downstream(max_length=65)], configured(), "x")
    roberta = configured(model_type="roberta", pad_token_id=1)  # two positions are not for tokens
    with pytest.raises(StageError, match="63 is more than the 62"):
        require_room([Downstream(max_length=63)], roberta, "x")


def test_a_model_for_another_problem_is_told_with_the_right_one() -> None:
    require_head("text-classification", configured(), "x")
    with pytest.raises(StageError, match=r"accepted with it: problem: .*text-classification"):
        require_head("token-classification", configured(), "x")
    with pytest.raises(StageError, match=r"temper finetune"):
        require_head("text-classification", configured(architectures=["BertForMaskedLM"]), "x")


def test_labels_that_the_model_does_not_know_are_told() -> None:
    require_labels(["bad", "good"], configured(), "x")
    require_labels(["bad"], configured(), "x")
    with pytest.raises(StageError, match=r"1 of 2 labels.*: ugly\. Its labels: good, bad"):
        require_labels(["good", "ugly"], configured(), "x")


def test_weights_that_are_cut_off_are_said_before_anything_is_computed(tmp_path) -> None:
    body = write_body(tmp_path / "body")
    [weights] = body.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(StageError, match=r"model\.safetensors is truncated"):
        files_of(body, "mine")


def test_a_body_of_another_family_is_refused() -> None:
    with pytest.raises(StageError, match=r"of the family t5; accepted: albert, bert, .*roberta"):
        require_room([], {"model_type": "t5"}, "mine")
