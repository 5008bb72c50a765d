"""What learns with each method, in every family; and the plain model that it ends with."""

import json
from types import SimpleNamespace

import pytest
import torch
from peft import PeftModel
from torch.nn.utils.rnn import pad_sequence

from tasks import families
from tasks.contract import Silent, StageError
from tasks.experiment.images.model import ImageModel
from tasks.experiment.model import Model
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.families import images as image_families
from tasks.models.depths import Depths
from tasks.models.images.building import new_model
from tasks.problems import load
from tasks.tuning import begin
from tasks.tuning._adapters import digest_of
from tasks.tuning._features import Features
from tests.support.shapes import DECODERS, KINDS, case

ADAPTERS = ("lora", "dora", "ia3")
SIZE = 16  # of pictures


def tuning(method, **fields):
    return FineTuning(tuning=TuningMethod(method=method, **fields))


def text(family, task="text-classification"):
    given = case(f"{family} {task}")
    return given.model, {name: t for name, t in given.batch.items() if name != "labels"}


def pictures(family):
    config = image_families.load(family).configure(ImageModel(family=family), SIZE, 0.0)
    config.num_labels = 3
    model = new_model(load("image-classification").AUTO_MODEL, config, seed=1)
    generator = torch.Generator().manual_seed(0)
    return model, {"pixel_values": torch.randn(3, 3, SIZE, SIZE, generator=generator)}


EVERY = dict.fromkeys(families.names(), text)
EVERY |= dict.fromkeys(image_families.names(), pictures)


def learning(model):
    return {name for name, part in model.named_parameters() if part.requires_grad}


@torch.no_grad()
def moved(model):
    """Change all that learns, as a training would."""
    generator = torch.Generator().manual_seed(2)
    for part in model.parameters():
        if part.requires_grad:
            part.add_(0.05 * torch.randn(part.shape, generator=generator))


@torch.no_grad()
def answer(model, batch):
    return model.eval()(**batch).logits.clone()


@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize("method", ADAPTERS)
def test_merged_the_model_answers_as_before_and_peft_reads_the_adapter(method, family, tmp_path):
    model, batch = EVERY[family](family)
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    (tmp_path / "body").mkdir()
    (tmp_path / "body" / "config.json").write_text("{}")
    tuned, before = begin(model, tuning(method), seed=0), answer(model, batch)
    moved(model)
    unmerged = answer(model, batch)
    tuned.finish(tmp_path, tmp_path / "body")
    merged = answer(model, batch)
    assert not torch.allclose(before, merged, atol=1e-3)
    assert torch.allclose(unmerged, merged, atol=1e-5, rtol=1e-5)
    assert model.state_dict().keys() == plain.keys()
    assert not hasattr(model, "peft_config")
    told = json.loads((tmp_path / "adapter" / "body.json").read_text())
    assert told == {"body": digest_of(tmp_path / "body")}
    again, _ = EVERY[family](family)
    again.load_state_dict(plain)
    read = PeftModel.from_pretrained(again, tmp_path / "adapter")
    assert torch.allclose(answer(read, batch), merged, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize("method", ADAPTERS)
def test_beside_an_adapter_the_head_alone_learns(method, family):
    model, _ = EVERY[family](family)
    names, head = {name for name, _ in model.named_parameters()}, Depths.of(model).head
    begin(model, tuning(method), seed=0)
    assert learning(model) & names == head
    added = learning(model) - names
    assert added
    heads = {name.rpartition(".")[0] for name in head}
    assert not [
        name
        for name in added
        if "embedding" in name or any(name.startswith(f"{module}.") for module in heads)
    ]


@pytest.mark.parametrize("method", ADAPTERS)
def test_decay_pulls_new_weights_to_where_they_change_nothing(method, tmp_path):
    model, batch = text("bert")
    tuned, head = begin(model, tuning(method), seed=0), Depths.of(model).head
    body = model.eval().base_model
    before = body(**batch)[0].detach().clone()
    new = [p for n, p in model.named_parameters() if p.requires_grad and n not in head]
    optimizer = torch.optim.AdamW(new, lr=0.1, weight_decay=0.5)
    for _ in range(20):
        for part in new:
            part.grad = torch.zeros_like(part)
        optimizer.step()
    assert torch.allclose(body(**batch)[0], before, atol=1e-6)
    tuned.finish(tmp_path, None)
    assert torch.allclose(body(**batch)[0], before, atol=1e-5)


def test_the_adapter_of_many_layers_lists_its_targets_in_an_order(tmp_path):
    model = case("bert text-classification", size=Model(layers=4, hidden_size=16, heads=2)).model
    begin(model, tuning("lora"), seed=0).finish(tmp_path, None)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert len(config["target_modules"]) > 2
    assert config["target_modules"] == sorted(config["target_modules"])


FROZEN = {
    "gradual": tuning("gradual", layers=1),
    "bias": tuning("bias"),
    "lora": tuning("lora"),
    "frozen": FineTuning(freeze="encoder"),
}


@pytest.mark.parametrize("how", FROZEN)
def test_batch_norms_whose_scales_are_frozen_keep_their_statistics(how, tmp_path):
    model, batch = pictures("resnet")
    tuned = begin(model, FROZEN[how], seed=0)
    before = {name: value.clone() for name, value in model.named_buffers()}
    model.train()(**batch)
    moved = {
        name
        for name, value in model.named_buffers()
        if name.endswith("running_mean") and not torch.equal(value, before[name])
    }
    assert bool(moved) == (how == "gradual")
    assert all(".stages.3." in name for name in moved)
    tuned.finish(tmp_path, None)
    assert all(module.training for module in model.train().modules())


def test_two_adapters_of_a_seed_are_equal_and_the_global_generator_is_left_alone():
    found = []
    for seed in (0, 0, 1):
        model, _ = text("bert")
        torch.manual_seed(1)
        expected = torch.rand(1)
        torch.manual_seed(1)
        begin(model, tuning("lora"), seed)
        assert torch.equal(torch.rand(1), expected)
        found.append([p.clone() for n, p in model.named_parameters() if "lora_A" in n])
    assert all(torch.equal(*pair) for pair in zip(*found[:2], strict=True))
    assert not torch.equal(found[0][0], found[2][0])


@pytest.mark.parametrize("family", DECODERS)
def test_the_output_of_a_decoder_that_is_its_embeddings_gets_no_adapter(family, tmp_path):
    model, batch = text(family, "clm")
    words = model.get_input_embeddings().weight.clone()
    tuned = begin(model, tuning("lora"), seed=0)
    assert not [name for name in learning(model) if "lm_head" in name or "embed" in name]
    moved(model)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask") if name in batch}
    unmerged = answer(model, inputs)
    tuned.finish(tmp_path, None)
    assert torch.equal(model.get_input_embeddings().weight, words)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert torch.allclose(answer(model, inputs), unmerged, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", EVERY)
def test_a_probe_learns_the_head_and_its_body_gives_always_the_same(family, tmp_path):
    model, batch = EVERY[family](family)
    tuned = begin(model, tuning("probe"), seed=0)
    assert learning(model) == Depths.of(model).head
    model.train()
    assert not model.base_model.training
    first, second = (model.base_model(**batch)[0].clone() for _ in range(2))
    assert torch.equal(first, second)
    tuned.finish(tmp_path, None)
    assert model.train().base_model.training
    assert not list(tmp_path.iterdir())


class Example:
    """A row of a batch that is made already."""

    def __init__(self, batch, number):
        rows = {name: tensor[number : number + 1] for name, tensor in batch.items()}
        mask = rows.get("attention_mask")
        size = int(mask.sum()) if mask is not None else 0
        self.rows = {
            n: t[:, :size] if mask is not None and t.ndim == 2 else t for n, t in rows.items()
        }
        self.input_ids, self.places, self.labels = [0] * size, max(size, 16), [0]


def collated(examples, _pad):
    batch = {}
    for name in examples[0].rows:
        parts = [example.rows[name][0] for example in examples]
        same = len({part.shape for part in parts}) == 1
        batch[name] = torch.stack(parts) if same else pad_sequence(parts, batch_first=True)
    return batch | {"labels": torch.zeros(len(examples), dtype=torch.long)}


TASKS = ("text-classification", "token-classification", "question-answering", "regression")


@pytest.mark.parametrize(
    ("family", "task"),
    [tuple(kind.split()) for kind in KINDS if kind.split()[1] in TASKS]
    + [(name, "image-classification") for name in image_families.names()],
)
def test_the_head_answers_features_as_it_answers_the_inputs(family, task):
    made = pictures(family) if family in image_families.names() else text(family, task)
    model, batch = made
    examples = [Example(batch, number) for number in range(len(next(iter(batch.values()))))]
    kind = SimpleNamespace(**vars(load(task)) | {"collate": collated})
    begin(model, tuning("probe"), seed=0)
    model.eval()

    def answers_of(some):
        inputs = {n: t for n, t in some.items() if n != "labels"}
        with torch.no_grad():
            return kind.logits(model, inputs)

    expected = answers_of(collated(examples[:3], 0))
    features = Features(model, kind, "fp32")
    monitor = Silent()
    assert features.read(examples, monitor)
    assert monitor.last == (len(examples), len(examples), "examples")
    found = answers_of(features.problem().collate(examples[:3], 0))
    real = slice(None) if found.ndim == 2 else slice(0, min(len(e.input_ids) for e in examples[:3]))
    assert torch.allclose(found[:, real], expected[:, real], atol=1e-5)
    assert torch.allclose(answers_of(collated(examples[:3], 0)), expected)
    features.end()
    if task == "text-classification" and family == "bert":
        assert features.kept == "first"
    if family in ("resnet", "convnext"):
        assert features.kept == "pooled"


@pytest.mark.parametrize("task", ["token-classification", "question-answering"])
def test_the_loss_of_features_is_that_of_the_inputs_as_the_problem_collates_them(task):
    model, kind = text("bert", task)[0], load(task)
    examples = [kind.made_up(length) for length in (9, 4, 12, 7)]
    for number, example in enumerate(examples):
        example.input_ids[:] = [
            4 + (number + place) % 80 for place in range(len(example.input_ids))
        ]
    begin(model, tuning("probe"), seed=0)
    model.eval()
    expected = kind.loss(model, kind.collate(examples[:3], 0))
    features = Features(model, kind, "fp32")
    assert features.read(examples, Silent())
    found = kind.loss(model, features.problem().collate(examples[:3], 0))
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


def test_features_that_take_too_much_memory_are_not_kept_and_that_is_said(monkeypatch):
    model, batch = text("bert")
    kind = SimpleNamespace(**vars(load("text-classification")) | {"collate": collated})
    tuned = begin(model, tuning("probe"), seed=0)
    monkeypatch.setattr("tasks.tuning._features.host_memory", lambda: 100)
    monitor = Silent()
    examples = [Example(batch, number) for number in range(10)]
    assert tuned.solving(kind, examples, "fp32", monitor, number=12) is None
    assert tuned.computes
    [said] = monitor.said
    assert "the features of 12 examples take" in said
    assert "forward" not in model.base_model.__dict__


@pytest.mark.parametrize("family", EVERY)
def test_with_biases_all_of_them_and_the_head_learn(family):
    model, _ = EVERY[family](family)
    names = {name for name, _ in model.named_parameters()}
    if family in ("llama", "modernbert"):
        with pytest.raises(StageError, match=f"the layers of a {family} have no biases"):
            begin(model, tuning("bias"), seed=0)
        return
    begin(model, tuning("bias"), seed=0)
    biases = {name for name in names if name.endswith("bias")}
    assert learning(model) == biases | Depths.of(model).head


def test_of_the_top_layers_each_has_the_rate_of_its_depth():
    model, _ = text("bert")
    depths = Depths.of(model)
    tuned = begin(model, tuning("gradual", layers=1, decay=0.5), seed=0)
    assert learning(model) == depths.layers[1] | depths.head | depths.above
    assert {tuned.rates[name] for name in depths.layers[0]} == {0.5}
    model, _ = text("bert")
    tuned = begin(model, tuning("gradual", decay=0.5), seed=0)
    assert learning(model) == {name for name, _ in model.named_parameters()}
    assert {tuned.rates[name] for name in depths.embeddings} == {0.25}
    with pytest.raises(StageError, match=r"tuning.layers is 3, but the model has 2 layers"):
        begin(model, tuning("gradual", layers=3), seed=0)


def test_in_full_all_learns_but_what_is_frozen():
    model, _ = text("bert")
    tuned = begin(model, FineTuning(layer_decay=0.5), seed=0)
    assert learning(model) == {name for name, _ in model.named_parameters()}
    assert tuned.rates["bert.encoder.layer.0.output.dense.weight"] == 0.5
    begin(model, FineTuning(freeze="encoder"), seed=0)
    assert learning(model) == Depths.of(model).head
