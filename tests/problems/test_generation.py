"""Generation: rows, metrics by their definitions, and a tiny decoder that learns to continue."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from tasks.contract import Silent, StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.mistakes import InvalidExperimentError, check, validated
from tasks.experiment.problem import Downstream, FineTuning
from tasks.models.bodies import read_model
from tasks.models.predictions import answer_rows
from tasks.pages.evaluation.found import Found
from tasks.pages.evaluation_card import card
from tasks.problems import load
from tasks.problems.generation import model as writing
from tasks.problems.generation import rows as shape
from tasks.problems.generation import scores, served, simple
from tasks.problems.weighted import on_all_rows
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune
from tests.support.tiny_models import ENDS, write_body, write_data

KIND = load("generation")
TRAINING = FineTuning(epochs=8, batch_size=16, learning_rate=1e-2, max_length=48)


def parsed(values: dict[str, object], **columns: str) -> dict[str, object]:
    data = Downstream(name="next", problem="generation", columns=columns)
    return shape.parse(Row("", "", values, "line 1"), data, Notices())


def test_a_row_is_a_prompt_and_its_target() -> None:
    assert parsed({"prompt": " a b ", "target": "c\n"}) == {"prompt": "a b", "target": "c"}
    with pytest.raises(StageError, match="line 1: column 'target' must be text, found nothing"):
        parsed({"prompt": "a", "target": None})


def test_a_text_is_cut_in_half_where_one_column_is_both() -> None:
    both = {"prompt": "text", "target": "text"}
    assert parsed({"text": "a b c d e"}, **both) == {"prompt": "a b c", "target": "d e"}
    with pytest.raises(StageError, match="has one word, of which nothing is left to continue"):
        parsed({"text": "alone"}, **both)


def test_chrf_is_that_of_its_definition() -> None:
    # "abc" against "abd": pieces of 1: 2 of 3, of 2: 1 of 2, of 3: 0 of 1; no longer ones.
    sums = np.array(scores.piece_counts("ab c", "abd"))
    share = (2 / 3 + 1 / 2 + 0) / 3
    assert scores.chrf(sums) == pytest.approx(share)
    # Recall weighs twice as much: "ab" found where "abcd" is true. Of pieces of 1 and 2 all that
    # are found are right, and 2 of 4 and 1 of 3 are found.
    sums = np.array(scores.piece_counts("abcd", "ab"))
    recall = (2 / 4 + 1 / 3) / 2
    assert scores.chrf(sums) == pytest.approx(5 * recall / (4 + recall))
    assert scores.chrf(np.array(scores.piece_counts("same text", "same text"))) == 1
    assert scores.chrf(np.array(scores.piece_counts("a text", ""))) == 0


def test_rouge_l_is_that_of_its_definition() -> None:
    # Lin 2004, section 3.1: "police killed the gunman" and two candidates.
    true = "police killed the gunman"
    assert scores.rouge_l(true, "police kill the gunman") == pytest.approx(3 / 4)
    assert scores.rouge_l(true, "the gunman kill police") == pytest.approx(2 / 4)
    assert scores.rouge_l(true, "") == 0
    assert scores.rouge_l("...", "!") == 1
    assert scores.longest_common("abcbdab", "bdcaba") == 4


def test_metrics_of_all_rows_are_those_of_their_sums() -> None:
    gold = ["one two", "three"]
    predicted = [
        {"text": "one two", "bits": 8.0, "bytes": 8},
        {"text": "", "bits": 24.0, "bytes": 6},
    ]
    found = scores.score(gold, predicted, [])
    values = on_all_rows(found)
    assert values["bits_per_byte"] == 32 / 14
    assert values["rouge_l"] == 0.5
    twice = found.measure(np.array([[2.0, 1.0]]))
    assert twice["bits_per_byte"][0] == 40 / 22
    assert twice["rouge_l"][0] == pytest.approx(2 / 3)


def test_frequent_bytes_are_the_majority() -> None:
    train = pd.DataFrame({"target": ["aaaa", "aab"]})
    [found] = scores.majority(train, pd.DataFrame({"target": ["ab"]}))
    total = 257 + 9  # six a, one b, two ends, and each once more
    assert found["bits"] == pytest.approx(-math.log2(7 / total * 2 / total * 3 / total))
    assert (found["text"], found["bytes"]) == ("", 3)


def test_counted_bytes_are_probabilities_and_continue_what_they_know() -> None:
    counts = simple.Counts([simple.as_bytes("a", "bc"), simple.as_bytes("a", "bd")], 3)
    for before in ((), (97,), (97, 32), (1, 2)):
        total = sum(counts.probability(byte, before) for byte in range(257))
        assert total == pytest.approx(1)
    assert counts.probability(ord("b"), (97, 32)) > 0.6
    assert simple.written(counts, "a", 9) == "bc"  # of equal bytes the smallest


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A tiny GPT-2 that was fine-tuned to continue, its evaluation and its simple model."""
    folder = tmp_path_factory.mktemp("generation")
    data, body = write_data(folder / "data", "generation"), write_body(folder / "body", "gpt2")
    for name in ("model", "simple", "evaluation"):
        (folder / name).mkdir()
    monitor = Silent()
    tuned = finetune(
        "generation",
        TRAINING,
        0,
        data=data,
        body=body,
        architecture=body,
        out=folder / "model",
        monitor=monitor,
    )
    train_baseline("generation", 0, 0, data=data, out=folder / "simple", monitor=Silent())
    metrics = evaluate(
        "generation",
        200,
        0.95,
        0,
        data=data,
        model=folder / "model" / "model",
        from_scratch=None,
        simple=folder / "simple",
        out=folder / "evaluation",
        monitor=Silent(),
    )
    model = folder / "model" / "model"
    yield SimpleNamespace(
        folder=folder, data=data, body=body, model=model, tuned=tuned, **metrics_of(metrics)
    )


def metrics_of(metrics: dict[str, float]) -> dict[str, object]:
    return {"metrics": metrics}


def test_a_decoder_learns_to_continue_and_is_compared(place: SimpleNamespace) -> None:
    found = place.metrics
    assert found["bits_per_byte"] < 0.5 < 2 < found["majority/bits_per_byte"]
    assert found["bits_per_byte/low"] <= found["bits_per_byte"] <= found["bits_per_byte/high"]
    assert found["rouge_l"] > 0.6
    assert found["chrf"] > 0.6
    assert found["over_simple"] == found["simple/bits_per_byte"] - found["bits_per_byte"]
    assert found["simple/bits_per_byte"] < found["majority/bits_per_byte"]
    assert place.tuned["validation_bits_per_byte"] == pytest.approx(found["bits_per_byte"], abs=0.5)


def test_samples_are_on_the_page(place: SimpleNamespace) -> None:
    page = card(Found.read(place.folder / "evaluation"))
    assert "## Samples" in page
    assert "bits per byte of the target (lower is better)" in page
    assert any(end in page for end in ENDS.values())


def test_new_prompts_are_continued_as_in_the_evaluation(place: SimpleNamespace) -> None:
    table = pd.read_parquet(place.folder / "evaluation" / "predictions.parquet")
    [answers] = answer_rows("generation", place.model, list(table["prompt"]))
    assert list(answers.columns) == ["prompt", "predicted"]
    assert list(answers["predicted"]) == [each["text"] for each in table["predicted"]]


def test_the_served_model_continues_in_the_same_way(place: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "model").symlink_to(place.model)
    (tmp_path / "components" / "tokenizer").symlink_to(place.model)
    table = pd.read_parquet(place.folder / "evaluation" / "predictions.parquet").head(9)
    writer = served._load_pyfunc(str(tmp_path))
    wanted = [each["text"] for each in table["predicted"]]
    for given in (list(table["prompt"]), pd.DataFrame({"x": table["prompt"]}), table):
        assert list(writer.predict(given)["continuation"]) == wanted
    assert writer.predict([]).empty
    assert json.loads((place.folder / "model" / "model.json").read_text())["task"] == (
        "text-generation"
    )


def test_bits_are_those_of_the_tokens_of_the_target_alone(place: SimpleNamespace) -> None:
    model, tokenizer = read_model(KIND.AUTO_MODEL, place.model)
    rows = pd.read_parquet(place.data / "test.parquet").head(3)
    examples = KIND.encode(rows, tokenizer, [])
    batch = KIND.collate(examples, model.config.pad_token_id)
    nats, counts = writing.target_nats(model, {k: v for k, v in batch.items() if k != "labels"})
    for row, example in enumerate(examples):
        ids = torch.tensor([list(example.input_ids)])
        with torch.no_grad():
            logs = model(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        places = range(example.begin - 1, len(example.input_ids) - 1)
        expected = -sum(float(logs[p, ids[0, p + 1]]) for p in places)
        assert float(nats[row]) == pytest.approx(expected, rel=1e-4)
        assert int(counts[row]) == len(places)
    loss = float(KIND.loss(model, batch).detach())
    assert loss == pytest.approx(float(nats.sum() / counts.sum()), rel=1e-4)


def test_long_prompts_lose_their_beginning_and_long_targets_their_end(
    place: SimpleNamespace,
) -> None:
    _, tokenizer = read_model(KIND.AUTO_MODEL, place.model)
    room = served.room_of(tokenizer)
    rows = pd.DataFrame(
        {"prompt": ["cat " * 100 + "dog", "cat"], "target": ["runs", "old " * 60], "document": "d"}
    )
    long_prompt, long_target = KIND.encode(rows, tokenizer, [])
    assert len(long_prompt.input_ids) <= tokenizer.model_max_length
    assert long_prompt.input_ids[0] == tokenizer.bos_token_id
    kept = tokenizer.decode(long_prompt.input_ids[: long_prompt.begin], skip_special_tokens=True)
    assert kept.endswith("dog")
    assert (long_prompt.cut, long_target.cut) == (1, 1)
    assert len(long_target.input_ids) - long_target.begin == room
    assert long_target.size == len(("old " * room).strip())


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_prompts_of_several_lengths_are_continued_as_alone(family: str, tmp_path: Path) -> None:
    model, tokenizer = read_model(KIND.AUTO_MODEL, write_body(tmp_path, family))
    tokenizer.model_max_length = 64
    prompts, _ = served.read_prompts(tokenizer, ["cat", "the old oak is near it", "a flint"])
    together = served.write_on(model, prompts, 6)
    assert together == [served.write_on(model, [each], 6)[0] for each in prompts]
    rows = pd.DataFrame({"prompt": ["cat", "a flint is"], "target": ["runs", "old"]})
    examples = KIND.encode(rows.assign(document="d"), tokenizer, [])
    batch = KIND.collate(examples, model.config.pad_token_id)
    apart = [KIND.collate([each], model.config.pad_token_id) for each in examples]
    nats, _ = writing.target_nats(model, batch)
    for row, one in enumerate(apart):
        assert float(nats[row]) == pytest.approx(
            float(writing.target_nats(model, one)[0]), rel=1e-4
        )


def test_it_needs_a_decoder_that_learns() -> None:
    problem = {"name": "next", "problem": "generation", "source": "x"}
    with pytest.raises(InvalidExperimentError) as caught:
        check(validated({"downstream": [problem]}))
    assert caught.value.lines == [
        "downstream.next.problem: found generation, but model.family is bert, which reads only; "
        "accepted with it: gpt2, llama"
    ]
    decoder = {"model": {"family": "gpt2"}, "pretraining": {"objective": "clm"}}
    check(validated({**decoder, "downstream": [problem]}))
    with pytest.raises(InvalidExperimentError, match="nothing else learns; accepted: none"):
        check(validated({**decoder, "downstream": [{**problem, "freeze": "encoder"}]}))


def test_an_output_with_weights_of_its_own_is_refused(place: SimpleNamespace) -> None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(place.body, tie_word_embeddings=False)
    with pytest.raises(StageError, match="tie_word_embeddings is false"):
        KIND.AUTO_MODEL.from_config(config)
