"""The pre-training stage: what it writes, that it learns, and that it is the same every time."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys

import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoTokenizer,
    pipeline,
)

from tasks import objectives
from tasks.contract import Silent, StageError
from tasks.data.text.token_arrays import load_tokenizer
from tasks.data.text.vocabulary import Vocabulary
from tasks.data.text.word_boundaries import WordBoundaries
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.pages import pretraining_card
from tasks.stages.pretraining import pretrain, training_batches, validation_batches
from tests.conftest import ROOT
from tests.support.shown import shown
from tests.support.small_corpus import documents, encode

MODEL = {"layers": 1, "hidden_size": 32, "heads": 2, "max_positions": 32}
TRAINING = {
    "steps": 12,
    "batch_size": 8,
    "sequence_length": 24,
    "learning_rate": 1e-2,
    "precision": "fp32",
    "log_every": 4,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("bert") / "run", documents(120), documents(12))


@pytest.fixture(scope="module")
def bpe_corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta") / "run"
    return encode(folder, documents(120), documents(12), algorithm="bpe", vocab_size=400)


def run(corpus, out, family="bert", monitor=None, **settings):
    out.mkdir(exist_ok=True)
    monitor = monitor or Silent()
    metrics = pretrain(
        model=Model(**MODEL, family=family),
        pretraining=Pretraining(**(TRAINING | settings)),
        seed=1,
        tokens=corpus / "tokens",
        tokenizer=corpus / "tokenizer",
        out=out,
        monitor=monitor,
        checkpoints=Checkpoints(every_steps=1),
    )
    return metrics, monitor


def contents(folder):
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_model_loads_as_all_that_it_is(corpus, tmp_path):
    metrics, _ = run(corpus, tmp_path / "out")
    folder = tmp_path / "out" / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) == len(load_tokenizer(corpus / "tokenizer"))
    assert tokenizer.model_max_length == 32
    whole = AutoModelForPreTraining.from_pretrained(folder)
    assert type(whole).__name__ == "BertForPreTraining"
    assert whole.num_parameters() == metrics["parameters"]
    inputs = tokenizer("the matrix [MASK] values.", return_tensors="pt")
    for auto in (AutoModelForMaskedLM, AutoModel):
        model, report = auto.from_pretrained(folder, output_loading_info=True)
        assert not report["missing_keys"]
        model(**inputs)
    described = json.loads((tmp_path / "out" / "model.json").read_text())
    fill = pipeline(described["task"], model=str(folder))
    assert len(fill(described["example"][0])) == 5


def test_it_leaves_guessing_by_frequency_behind(corpus, tmp_path):
    metrics, _ = run(corpus, tmp_path / "out", steps=150)
    assert metrics["validation_loss"] < 0.6 * metrics["unigram_loss"]
    assert metrics["perplexity"] == pytest.approx(math.exp(metrics["validation_loss"]))
    assert metrics["masked_accuracy"] > 0.4
    assert 0 <= metrics["nsp_accuracy"] <= 1
    assert metrics["epochs"] > 1
    assert metrics["steps"] == 150


def test_it_begins_with_the_frequencies(corpus, tmp_path):
    metrics, _ = run(corpus, tmp_path / "out", steps=1, learning_rate=1e-9)
    assert metrics["validation_loss"] == pytest.approx(metrics["unigram_loss"], rel=0.1)


def test_the_curves_are_logged_and_shown(corpus, tmp_path):
    metrics, monitor = run(corpus, tmp_path / "out")
    steps = [step for step, _ in monitor.logged]
    assert steps == sorted(steps) and steps[-1] == 12
    logged = {name for _, found in monitor.logged for name in found}
    assert {"loss", "mlm_loss", "nsp_loss", "quick_validation_loss", "padding_share"} <= logged
    assert monitor.facts["parameters"] == metrics["parameters"]
    card = (shown(pretraining_card.show, tmp_path / "out") / "card.md").read_text()
    assert f"nats per masked token: {metrics['validation_loss']:.3f}" in card
    assert "\\[MASK\\]" in card
    assert (tmp_path / "out-show" / "loss.png").stat().st_size > 5000


def test_roberta_learns_from_windows(bpe_corpus, tmp_path):
    metrics, monitor = run(bpe_corpus, tmp_path / "out", family="roberta", objective="mlm")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out" / "model")
    assert type(model).__name__ == "RobertaForMaskedLM"
    assert model.config.max_position_embeddings == 32 + model.config.pad_token_id + 1
    assert "nsp_loss" not in metrics
    assert {m["padding_share"] for _, m in monitor.logged if "loss" in m} == {0}
    ids = torch.full((1, 32), 10)  # as long as the model can read
    assert model(ids).logits.shape == (1, 32, len(load_tokenizer(bpe_corpus / "tokenizer")))


def test_bert_learns_without_sentence_pairs(corpus, tmp_path):
    run(corpus, tmp_path / "out", objective="mlm", precision="bf16")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out" / "model")
    assert type(model).__name__ == "BertForMaskedLM"


def test_electra_learns_from_replaced_tokens(corpus, tmp_path):
    metrics, monitor = run(corpus, tmp_path / "out", family="electra", objective="rtd", steps=60)
    assert metrics["validation_loss"] < metrics["share_loss"] + 0.03  # 0.69 at first
    assert metrics["kept_accuracy"] > 0.9
    assert 0 < metrics["replaced_share"] < 0.15
    logged = {name for _, found in monitor.logged for name in found}
    assert {"loss", "generator_loss", "rtd_loss", "quick_validation_loss"} <= logged
    assert {m["padding_share"] for _, m in monitor.logged if "loss" in m} == {0}

    folder = tmp_path / "out" / "model"
    model, report = AutoModelForPreTraining.from_pretrained(folder, output_loading_info=True)
    assert type(model).__name__ == "ElectraForPreTraining"
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert model.num_parameters() == metrics["parameters"] == monitor.facts["parameters"]
    assert monitor.facts["trained_parameters"] > metrics["parameters"]
    described = json.loads((tmp_path / "out" / "model.json").read_text())
    extract = pipeline(described["task"], model=str(folder))
    assert len(extract(described["example"][0])[0][0]) == MODEL["hidden_size"]

    card = (shown(pretraining_card.show, tmp_path / "out") / "card.md").read_text()
    assert f"nats per token: {metrics['validation_loss']:.3f}" in card
    assert "most suspected" in card
    assert " → " in card


def test_training_on_with_replaced_tokens_has_a_new_generator(corpus, tmp_path):
    settings = {"objective": "rtd", "steps": 3}
    run(corpus, tmp_path / "out", family="electra", **settings)
    monitor = Silent()
    (tmp_path / "on").mkdir()
    metrics = pretrain(
        model=None,
        pretraining=Pretraining(**(TRAINING | settings)),
        seed=1,
        tokens=corpus / "tokens",
        tokenizer=corpus / "tokenizer",
        start=tmp_path / "out" / "model",
        out=tmp_path / "on",
        monitor=monitor,
    )
    assert "start_loss" not in metrics, "another generator would make it another task"
    assert any("lacks" in said and "generator." in said for said in monitor.said)


DECODERS = ("gpt2", "llama")


@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_learns_and_is_loaded_as_what_it_is(family, corpus, tmp_path):
    metrics, monitor = run(corpus, tmp_path / "out", family=family, objective="clm", steps=100)
    assert metrics["validation_loss"] < 0.6 * metrics["unigram_loss"]
    assert metrics["perplexity"] == pytest.approx(math.exp(metrics["validation_loss"]))
    assert metrics["next_token_accuracy"] > 0.4
    assert 0 < metrics["bits_per_byte"] < 2
    logged = {name for _, found in monitor.logged for name in found}
    assert {"loss", "clm_loss", "quick_validation_loss", "quick_next_token_accuracy"} <= logged
    assert {m["padding_share"] for _, m in monitor.logged if "loss" in m} == {0}

    folder = tmp_path / "out" / "model"
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert model.num_parameters() == metrics["parameters"]
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    separator = load_tokenizer(corpus / "tokenizer").sep_token_id
    assert (model.config.bos_token_id, model.config.eos_token_id) == (separator, separator)
    described = json.loads((tmp_path / "out" / "model.json").read_text())
    assert described["task"] == "text-generation"
    write = pipeline(described["task"], model=str(folder))
    [written] = write(described["example"][0], do_sample=False)
    assert written["generated_text"].startswith(described["example"][0])
    assert len(write.tokenizer(written["generated_text"])["input_ids"]) <= 32 + 1
    with pytest.raises(ValueError, match="`max_length` is set to 32"):
        write("the matrix " * 40)

    card = (shown(pretraining_card.show, tmp_path / "out") / "card.md").read_text()
    assert f"nats per token: {metrics['validation_loss']:.3f}" in card
    assert f"bits per byte of held-out text: {metrics['bits_per_byte']:.3f}" in card
    assert "the model continues" in card


RUN = """
import sys
from pathlib import Path
from tasks.contract import Silent
from tests.stages.test_pretraining import run
corpus, out, checkpoints = map(Path, sys.argv[1:4])
family, objective = sys.argv[5:]
class Killing(Silent):
    def progress(self, done, total, unit):
        if done == int(sys.argv[4]):
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
run(corpus, out, family, Killing(checkpoints), objective=objective, dropout=0.1)
"""


def in_child(corpus, out, checkpoints, what, kill_at=-1):
    arguments = [str(corpus), str(out), str(checkpoints), str(kill_at), *what]
    environment = os.environ | {"PYTHONHASHSEED": str(kill_at + 5)}
    command = [sys.executable, "-c", RUN, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "objective"),
    [
        ("bert", "mlm+nsp"),
        pytest.param("gpt2", "clm", marks=pytest.mark.long),
        pytest.param("llama", "clm", marks=pytest.mark.long),
        pytest.param("electra", "rtd", marks=pytest.mark.long),
    ],
)
def test_processes_write_the_same_bytes_also_when_killed_on_the_way(
    family, objective, corpus, tmp_path
):
    what = family, objective
    run(corpus, tmp_path / "here", family, objective=objective, dropout=0.1)
    there, kept = tmp_path / "there", tmp_path / "kept"
    assert in_child(corpus, there, kept, what, 5).returncode == -signal.SIGKILL
    resumed = in_child(corpus, there, kept, what)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def drawn(corpus, words=None, **settings):
    settings = Pretraining(**(TRAINING | settings))
    vocabulary = Vocabulary.of(load_tokenizer(corpus / "tokenizer"))
    objective = objectives.load(settings.objective)
    return (
        training_batches(objective, corpus / "tokens", vocabulary, settings, 1, words),
        validation_batches(objective, corpus / "tokens", vocabulary, settings, 1),
    )


@pytest.mark.parametrize("objective", ["clm", "mlm", "mlm+nsp", "rtd"])
def test_a_batch_is_a_function_of_its_step(corpus, objective):
    first, second = (drawn(corpus, objective=objective, steps=200)[0] for _ in range(2))
    forward = [first[step] for step in (0, 1, 150)]
    backward = [second[step] for step in (150, 1, 0)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(forward[0]["input_ids"], forward[1]["input_ids"])


def test_an_epoch_shows_every_example_once(corpus):
    batches, _ = drawn(corpus, batch_size=7)
    asked = []

    class Recorder:
        def __len__(self):
            return len(batches.examples)

        def draw(self, indices, epochs):
            asked.extend(zip(epochs.tolist(), indices.tolist(), strict=True))
            return {"input_ids": indices}

    size = len(batches.examples)
    recorded = type(batches)(Recorder(), steps=0, batch_size=7, seed=1)
    for step in range(2 * size // 7 + 1):
        recorded[step]
    for epoch in (0, 1):
        assert sorted(index for e, index in asked if e == epoch) == list(range(size))
    assert asked[:size] != [(0, index) for _, index in asked[size : 2 * size]]


def test_validation_is_the_same_whatever_the_training_masks(corpus):
    _, usual = drawn(corpus)
    _, other = drawn(corpus, masking_share=0.4, batch_size=3, learning_rate=1e-4)
    assert len(usual) == len(other)
    for one, two in zip(usual, other, strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)
    hidden = sum(len(batch["positions"]) for batch in usual)
    seen = sum(int((batch["attention_mask"].sum(1) - 3).sum()) for batch in usual)
    assert hidden / seen == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("objective", ["mlm", "mlm+bow", "mlm+nsp", "rtd"])
def test_whole_words_are_hidden_in_training_alone(objective, tmp_path):
    corpus = encode(tmp_path / "pieces", documents(120), documents(12), vocab_size=100)
    _, expected = drawn(corpus, objective=objective)
    words = WordBoundaries.of(load_tokenizer(corpus / "tokenizer"))
    settings = {"masking": "words", "objective": objective, "masking_share": 0.3}
    whole, held_out = drawn(corpus, words=words, **settings)
    single, _ = drawn(corpus, **(settings | {"masking": "tokens"}))
    for one, two in zip(held_out, expected, strict=True):
        assert torch.equal(one["targets"], two["targets"])
    parts, counts = [0, 0], [0, 0]
    for step in range(12):
        for number, batch in enumerate((single[step], whole[step])):
            hidden = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
            hidden.view(-1)[batch["positions"]] = True
            read = batch["input_ids"].clone()
            read.view(-1)[batch["positions"]] = batch["targets"]
            inside = torch.from_numpy(~words.begins(read.numpy()))[:, 1:]
            parts[number] += int((inside & (hidden[:, 1:] != hidden[:, :-1])).sum())
            counts[number] += int(hidden.sum())
    assert parts[0] > 0 and parts[1] == 0
    assert counts[1] == pytest.approx(counts[0], rel=0.15)  # few words, some long


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_it_learns_from_whole_words(family, corpus, bpe_corpus, tmp_path):
    made = {"bert": corpus, "roberta": bpe_corpus}[family]
    settings = {"family": family, "objective": "mlm", "masking": "words", "steps": 4}
    plain, _ = run(made, tmp_path / "plain", **(settings | {"masking": "tokens"}))
    words, _ = run(made, tmp_path / "words", **settings)
    again, _ = run(made, tmp_path / "again", **settings)
    assert words == again
    assert words["validation_loss"] != plain["validation_loss"]


def test_validation_takes_no_more_than_asked_for(corpus):
    _, batches = drawn(corpus, validation_sequences=5)
    assert sum(len(batch["input_ids"]) for batch in batches) == 5


def test_a_corpus_smaller_than_a_batch_is_refused(corpus, tmp_path):
    with pytest.raises(StageError, match=r"fewer than one batch \(5000\): add text"):
        run(corpus, tmp_path / "out", batch_size=5000)


def test_held_out_text_without_pairs_names_the_way_out(tmp_path):
    corpus = encode(tmp_path / "run", documents(60), ["The matrix holds values."])
    with pytest.raises(
        StageError, match=r"validation: no sentence pairs.*corpus.sentences: line.*validation_share"
    ):
        run(corpus, tmp_path / "out")


def test_the_architecture_is_as_asked_for(corpus, tmp_path):
    run(corpus, tmp_path / "out", dropout=0.1)
    config = AutoModel.from_pretrained(tmp_path / "out" / "model").config
    assert (config.hidden_size, config.intermediate_size) == (32, 128)
    assert (config.num_hidden_layers, config.num_attention_heads) == (1, 2)
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == 0.1
    assert config.vocab_size == len(load_tokenizer(corpus / "tokenizer"))
