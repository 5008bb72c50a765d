"""Fine-tuning: learns, is the same when repeated, and never loses an encoder silently."""

import hashlib
import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, pipeline

from tasks.contract import Silent, StageError
from tasks.experiment.problem import FineTuning
from tasks.models.bodies import INITIALIZER_RANGE, load_encoder, new_classifier
from tasks.models.class_loss import ClassLoss
from tasks.models.depths import Depths
from tasks.models.inference import predict
from tasks.models.learning.tuning import loss_of, order_of
from tasks.pages import finetuning_card
from tasks.problems import load
from tasks.stages.finetuning import finetune
from tests.support.shown import shown
from tests.support.tiny_models import LABELS, TAGS, labelled_texts, write_body, write_data

TRAINING = FineTuning(epochs=20, batch_size=16, learning_rate=5e-3, max_length=32, dropout=0.1)
PROBLEMS = ("text-classification", "token-classification")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Data and an encoder for both problems."""
    folder = tmp_path_factory.mktemp("world")
    for problem in PROBLEMS:
        write_data(folder / problem, problem)
    write_body(folder / "body")
    return folder


def run(world, out, problem="text-classification", *, training=TRAINING, scratch=False, seed=0):
    out.mkdir()
    monitor = Silent()
    metrics = finetune(
        problem,
        training,
        seed,
        data=world / problem,
        body=None if scratch else world / "body",
        architecture=world / "body",
        out=out,
        monitor=monitor,
    )
    return metrics, monitor


def digests(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module", params=PROBLEMS)
def trained(request, world, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / request.param
    metrics, monitor = run(world, out, request.param)
    return request.param, out, metrics, monitor


def test_it_learns_what_the_words_tell(trained):
    problem, _, metrics, _ = trained
    assert metrics["examples"] == 160
    assert metrics["steps"] == 200
    assert metrics[f"validation_{load(problem).HEADLINE}"] > 0.9
    assert metrics["validation_loss"] < 0.3


def test_the_training_is_told_to_the_monitor(trained):
    problem, _, metrics, monitor = trained
    logged = [point for _, point in monitor.logged]
    losses = [point for point in logged if "loss" in point]
    assert {"learning_rate", "gradient_norm", "padding_share"} <= losses[0].keys()
    assert losses[0]["loss"] > 2 * losses[-1]["loss"]
    validations = [point for point in logged if "validation_loss" in point]
    assert len(validations) == 10
    assert validations[-1]["validation_loss"] == metrics["validation_loss"]
    assert monitor.facts[load(problem).CUT] == 0


@pytest.mark.parametrize("problem", PROBLEMS)
def test_examples_that_are_cut_are_told_once(problem, world, tmp_path):
    short = TRAINING.model_copy(update={"epochs": 1, "max_length": 8})
    _, monitor = run(world, tmp_path / "short", problem, training=short)
    longer = {"text-classification": 123, "token-classification": 111}[problem]
    assert monitor.said == [f"{longer} of 160 examples are truncated at max_length (8 tokens)"]
    _, monitor = run(world, tmp_path / "scratch", problem, training=short, scratch=True)
    assert monitor.said == []


def test_the_same_again_gives_the_same_bytes(trained, world, tmp_path):
    problem, out, metrics, _ = trained
    again, _ = run(world, tmp_path / "again", problem)
    assert again == metrics
    assert digests(tmp_path / "again") == digests(out)


def test_another_seed_gives_other_weights(world, tmp_path):
    one = TRAINING.model_copy(update={"epochs": 1})
    run(world, tmp_path / "a", training=one, seed=0)
    run(world, tmp_path / "b", training=one, seed=1)
    weights = "model/model.safetensors"
    assert digests(tmp_path / "a")[weights] != digests(tmp_path / "b")[weights]


def test_the_model_answers_in_a_pipeline(trained):
    problem, out, _, _ = trained
    say = pipeline(problem, str(out / "model"))
    assert say.tokenizer.model_max_length == 32
    said = say("the old cat runs by the new it")
    if problem == "text-classification":
        assert said[0]["label"] == "animal"
    else:
        assert [(entity["word"], entity["entity"]) for entity in said] == [("cat", "B-animal")]
    facts = json.loads((out / "model.json").read_text())
    assert facts["task"] == problem
    assert len(say(facts["example"])) == 3


def test_nothing_of_this_machine_is_written(trained, world):
    _, out, _, _ = trained
    for file in out.rglob("*.json"):
        assert str(world) not in file.read_text()
        assert str(out) not in file.read_text()


def make(kind, architecture, **changes):
    labels = {"text": LABELS, "token": TAGS}[kind]
    training = TRAINING.model_copy(update=changes)
    return new_classifier(load(f"{kind}-classification"), architecture, labels, training, seed=3)


@pytest.mark.parametrize("kind", ["text", "token"])
@pytest.mark.parametrize("body", ["bert", "bert-mlm", "roberta", "gpt2", "llama"])
def test_all_of_the_encoder_comes_from_the_body(kind, body, tmp_path):
    folder = write_body(tmp_path / "body", body, layers=2)
    given = load_file(folder / "model.safetensors")
    model = make(kind, folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    load_encoder(model, folder)
    after = model.state_dict()
    own = [name for name in after if name not in given]
    assert all(torch.equal(after[name], given[name]) for name in after if name in given)
    assert all(torch.equal(after[name], before[name]) for name in own)
    heads = ("classifier.", "score.", *(("bert.pooler.",) if body == "bert-mlm" else ()))
    assert all(name.startswith(heads) for name in own)


def spoil(folder, change):
    file = folder / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def rename_encoder(weights):
    for name in [name for name in weights if ".layer.1." in name]:
        weights[name.replace("bert.", "body.", 1)] = weights.pop(name)


def drop_part_of_the_pooler(weights):
    del weights["bert.pooler.dense.bias"]


@pytest.mark.parametrize(
    "change, said",
    [
        (rename_encoder, r"16 missing \(bert.encoder.layer.1."),
        (drop_part_of_the_pooler, r"1 missing \(bert.pooler.dense.bias"),
        (lambda w: w.update({"bert.extra": torch.ones(1)}), r"1 not expected \(bert.extra"),
        (
            lambda w: w.update({"bert.embeddings.LayerNorm.bias": torch.ones(3)}),
            r"1 of another shape \(bert.embeddings.LayerNorm.bias",
        ),
        (dict.clear, r"of 37 tensors: 37 missing"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(change, said, tmp_path):
    folder = write_body(tmp_path / "body", layers=2)
    model = make("text", folder)
    spoil(folder, change)
    with pytest.raises(StageError, match=said):
        load_encoder(model, folder)


def as_in_2018(weights):
    for name in list(weights):
        new = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        weights[new.replace("LayerNorm.bias", "LayerNorm.beta")] = weights.pop(name)
    weights["bert.embeddings.position_ids"] = torch.arange(64)


def encoder_alone(weights):
    for name in list(weights):
        tensor = weights.pop(name)
        if name.startswith("bert."):
            weights[name.removeprefix("bert.")] = tensor


@pytest.mark.parametrize("change", [as_in_2018, encoder_alone])
def test_a_published_body_is_read_by_the_names_it_has(change, tmp_path):
    folder = write_body(tmp_path / "body", layers=2)
    expected, model = make("text", folder), make("text", folder)
    load_encoder(expected, folder)
    spoil(folder, change)
    load_encoder(model, folder)
    found = model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.state_dict().items())


def as_gpt2_was_published(weights):
    """Without a prefix, and with the causal mask of each layer."""
    for name in list(weights):
        weights[name.removeprefix("transformer.")] = weights.pop(name)
    for layer in range(2):
        weights[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
        weights[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)


def as_llama_was_published(weights):
    """With an output of its own, and the rotary frequencies of each layer."""
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"] + 1
    for layer in range(2):
        weights[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(8)


@pytest.mark.parametrize("kind", ["text", "token"])
@pytest.mark.parametrize(
    ("body", "change"), [("gpt2", as_gpt2_was_published), ("llama", as_llama_was_published)]
)
def test_a_published_decoder_is_read_by_the_names_it_has(body, change, kind, tmp_path):
    folder = write_body(tmp_path / "body", body, layers=2)
    expected, model = make(kind, folder), make(kind, folder)
    load_encoder(expected, folder)
    spoil(folder, change)
    load_encoder(model, folder)
    found = model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.state_dict().items())


def rewrite(folder, **fields):
    """Other fields in a configuration; None removes one."""
    file = folder / "config.json"
    changed = json.loads(file.read_text()) | fields
    file.write_text(json.dumps({name: v for name, v in changed.items() if v is not None}))


DECODERS = ("gpt2", "llama")


@pytest.mark.parametrize("ends", [3, [3, 2]])
@pytest.mark.parametrize("body", DECODERS)
def test_a_decoder_without_a_padding_token_is_padded_with_the_end(body, ends, tmp_path):
    folder = write_body(tmp_path / "body", body)
    rewrite(folder, pad_token_id=None, eos_token_id=ends)
    assert make("text", folder).config.pad_token_id == 3
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    with pytest.raises(StageError, match="neither pad_token_id nor eos_token_id"):
        make("text", folder)


@pytest.mark.parametrize("body", DECODERS)
def test_weights_are_in_fp32_whatever_is_published(body, tmp_path):
    folder = write_body(tmp_path / "body", body)
    rewrite(folder, dtype="bfloat16")
    model = make("text", folder)
    assert {part.dtype for part in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("body", DECODERS)
def test_the_dropout_of_a_decoder_is_that_of_the_experiment(body, tmp_path):
    folder = write_body(tmp_path / "body", body)
    rewrite(folder, classifier_dropout=None)  # published ones do not name it
    for kind in ("text", "token"):
        model = make(kind, folder, dropout=0.25)
        found = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
        assert found <= {0.25}
        assert found or (body, kind) == ("llama", "text")
    assert model.config.classifier_dropout == 0.25


@pytest.mark.parametrize("body", DECODERS)
def test_what_a_decoder_answers_does_not_depend_on_the_padding_beside_it(body, tmp_path):
    folder = write_body(tmp_path / "body", body)
    model, tokenizer = make("text", folder).eval(), AutoTokenizer.from_pretrained(folder)
    kind, rows = load("text-classification"), labelled_texts(20, seed=5)
    examples = kind.encode(rows, tokenizer, LABELS)
    together = predict(kind, model, rows, examples, LABELS)
    for i in range(len(rows)):
        alone = predict(kind, model, rows[i : i + 1], examples[i : i + 1], LABELS)
        assert alone["predicted"].item() == together["predicted"][i]
        assert alone["probability"].item() == pytest.approx(together["probability"][i], rel=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("body", DECODERS)
def test_a_decoder_learns_and_answers_in_a_pipeline(body, problem, world, tmp_path):
    folder = write_body(tmp_path / "body", body)
    rewrite(folder, pad_token_id=None)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    del tokenizer["pad_token"]  # as published ones
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    out = tmp_path / "out"
    out.mkdir()
    metrics = finetune(
        problem,
        TRAINING.model_copy(update={"epochs": 10}),
        0,
        data=world / problem,
        body=folder,
        architecture=folder,
        out=out,
        monitor=Silent(),
    )
    assert metrics[f"validation_{load(problem).HEADLINE}"] > 0.9
    say = pipeline(problem, str(out / "model"))
    assert say.tokenizer.pad_token_id == say.model.config.pad_token_id == 3
    said = say("the old cat runs by the new it")
    found = [answer.get("label", answer.get("entity")) for answer in said]
    assert found == (["animal"] if problem == "text-classification" else ["B-animal"])


def test_with_and_without_pre_training_the_head_is_the_same(tmp_path):
    folder = write_body(tmp_path / "body")
    pretrained, scratch = make("text", folder), make("text", folder)
    load_encoder(pretrained, folder)
    assert torch.equal(pretrained.classifier.weight, scratch.classifier.weight)
    words = "embeddings.word_embeddings.weight"
    assert not torch.equal(pretrained.bert.get_parameter(words), scratch.bert.get_parameter(words))


def test_new_weights_leave_the_global_generator_alone(tmp_path):
    folder = write_body(tmp_path / "body")
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    make("text", folder)
    assert torch.equal(torch.rand(3), expected)


def test_random_weights_do_not_have_the_deviation_of_pre_training(tmp_path):
    folder = write_body(tmp_path / "body")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"initializer_range": 0.5}))
    weights = make("text", folder).bert.encoder.layer[0].intermediate.dense.weight
    assert float(weights.detach().std()) == pytest.approx(INITIALIZER_RANGE, rel=0.1)


def test_a_body_that_is_to_give_its_attention_can_be_saved_when_it_is_fine_tuned(tmp_path):
    folder = write_body(tmp_path / "body")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"output_attentions": True}))
    make("text", folder).save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").exists()


def test_dropout_is_that_of_the_experiment(tmp_path):
    config = make("text", write_body(tmp_path / "body"), dropout=0.25).config
    assert config.hidden_dropout_prob == 0.25
    assert config.attention_probs_dropout_prob == 0.25
    assert config.classifier_dropout == 0.25


@pytest.mark.parametrize("body, longest", [("bert", 64), ("roberta", 63)])
def test_an_input_longer_than_the_model_reads_is_refused(body, longest, tmp_path):
    folder = write_body(tmp_path / "body", body)
    model = make("token", folder, max_length=longest)
    assert model(torch.full((1, longest), 5)).logits.shape == (1, longest, len(TAGS))
    with pytest.raises(StageError, match=f"max_length is {longest + 1}.*at most {longest}"):
        make("token", folder, max_length=longest + 1)


TUNED = {
    "layer_decay": 0.8,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "early_stopping": 4,
    "averaging": 0.9,
}


@pytest.mark.slow
@pytest.mark.parametrize("problem", PROBLEMS)
def test_with_every_way_of_tuning_it_learns_and_is_the_same_again(problem, world, tmp_path):
    training = TRAINING.model_copy(update=TUNED)
    metrics, _ = run(world, tmp_path / "one", problem, training=training)
    assert metrics[f"validation_{load(problem).HEADLINE}"] > 0.9
    assert run(world, tmp_path / "two", problem, training=training)[0] == metrics
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    say = pipeline(problem, str(tmp_path / "one" / "model"))
    assert say("the old cat runs by the new it")


@pytest.mark.parametrize("frozen", ["embeddings", "encoder"])
def test_what_is_frozen_is_that_of_the_body(frozen, world, tmp_path):
    training = TRAINING.model_copy(update={"epochs": 2, "freeze": frozen})
    run(world, tmp_path / "out", training=training)
    given = load_file(world / "body" / "model.safetensors")
    found = load_file(tmp_path / "out" / "model" / "model.safetensors")
    depths = Depths.of(make("text", world / "body"))
    layers = [name for layer in depths.layers for name in layer]
    kept = [*depths.embeddings, *(layers if frozen == "encoder" else [])]
    assert all(torch.equal(found[name], given[name]) for name in kept)
    learnt = [name for name in found if name not in kept]
    assert not [name for name in learnt if name in given and torch.equal(found[name], given[name])]
    assert {"classifier.weight", "bert.pooler.dense.weight"} <= {*learnt}


def test_the_best_validation_is_what_is_used_and_told(world, tmp_path):
    few = {"train_examples": 24, "epochs": 40, "early_stopping": 2}
    training = TRAINING.model_copy(update=few)
    metrics, monitor = run(world, tmp_path / "out", training=training)
    assert metrics["steps"] < 80
    told = json.loads((tmp_path / "out" / "curves.json").read_text())
    curve = dict(map(tuple, told["curves"]["validation_accuracy"]))
    losses = dict(map(tuple, told["curves"]["validation_loss"]))
    best = max(curve, key=lambda step: (curve[step], -losses[step]))
    assert told["kept"] == best
    assert metrics["validation_accuracy"] == curve[best]
    assert metrics["validation_loss"] == losses[best]
    assert len([step for step in curve if step > best]) == 2
    assert monitor.said[-1].startswith(f"stopped after step {metrics['steps']:.0f} of 80: 2 ")
    assert (shown(finetuning_card.show, tmp_path / "out") / "loss.png").exists()
    say = pipeline("text-classification", str(tmp_path / "out" / "model"))
    rows = pd.read_parquet(world / "text-classification" / "validation.parquet")
    right = [a["label"] == b for a, b in zip(say(list(rows["text"])), rows["label"], strict=True)]
    assert sum(right) / len(right) == pytest.approx(metrics["validation_accuracy"], abs=0.03)


def test_validations_are_ranked_by_the_headline_metric_then_by_the_loss():
    accuracy = order_of(load("text-classification"))
    told = [{"validation_accuracy": a, "validation_loss": b} for a, b in ((0.5, 2), (0.5, 1))]
    assert accuracy(told[0]) < accuracy(told[1])
    assert accuracy({"validation_accuracy": 0.6, "validation_loss": 9}) > accuracy(told[1])


def test_a_loss_of_ones_own_is_computed_only_where_it_is_asked_for():
    kind = load("text-classification")
    assert loss_of(kind, TRAINING, [], 3) is kind.loss
    smooth = loss_of(kind, TRAINING.model_copy(update={"label_smoothing": 0.1}), [], 3)
    assert smooth == ClassLoss("single_label_classification", 0.1)
