"""Muon for the matrices of the layers, AdamW for the rest: which, how far, and to the same bits."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers.pytorch_utils import Conv1D

from tasks.contract import Silent
from tasks.machinery.store.checkpoints import newest_checkpoint
from tasks.training.optimization import MuonWithAdamW, matrices_of_layers
from tests.support.shapes import KINDS, case
from tests.training.test_loop import RECIPE, Counting, assert_same, new_model, run, text, weights
from tests.training.test_microbatches import in_parts
from tests.training.test_resumption import EVERY_STEP

MUON = replace(RECIPE, optimizer="muon")
RATE = 1e-2


def names_of(model):
    chosen = {id(matrix) for matrix in matrices_of_layers(model)}
    return {name for name, part in model.named_parameters() if id(part) in chosen}


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrices_are_those_of_layers_and_of_nothing_else(kind):
    model = case(kind).model
    found = {id(matrix) for matrix in matrices_of_layers(model)}
    encoders = [model.base_model]
    if kind == "electra rtd":
        encoders.append(model.generator.base_model)
    products = [
        module.weight
        for encoder in encoders
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and not name.startswith("pooler")
    ]
    assert found == {id(weight) for weight in products}
    embedded = [module.weight for module in model.modules() if isinstance(module, nn.Embedding)]
    assert not found & {id(weight) for weight in embedded}


def test_those_of_a_generator_are_too():
    found = names_of(case("electra rtd").model)
    for prefix in ("electra", "generator.electra"):
        assert f"{prefix}.encoder.layer.1.attention.self.query.weight" in found
    assert not {name for name in found if "embeddings." in name or "predictions" in name}


def test_weights_that_are_not_trained_are_left_out():
    model = new_model()
    before = names_of(model)
    model.bert.encoder.layer[0].attention.self.query.weight.requires_grad_(False)
    assert len(names_of(model)) == len(before) - 1


def optimizers(model):
    """AdamW as Trainer makes it, and the two together, for equal models."""
    decayed = [part for part in model.parameters() if part.ndim == 2]
    others = [part for part in model.parameters() if part.ndim != 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=RATE, fused=True)


def with_gradients(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for part in model.parameters():
        part.grad = torch.randn(part.shape, generator=generator)
    return model


def test_the_update_of_a_matrix_is_orthogonal_and_as_large_as_that_of_adamw():
    model = with_gradients(new_model())
    optimizer = MuonWithAdamW(optimizers(model), matrices_of_layers(model))
    before = weights(model)
    optimizer.step()
    for name in names_of(model):
        old, new = before[name], model.get_parameter(name).detach()
        update = (old * (1 - RATE * 0.1) - new) / RATE
        values = torch.linalg.svdvals(update / (0.2 * max(update.shape) ** 0.5))
        assert values.min() > 0.5 and values.max() < 1.5, name
        assert 0.1 < update.square().mean().sqrt() < 0.3, name  # AdamW's are 0.2 to 0.4


def test_all_other_weights_are_updated_by_adamw():
    plain, model = with_gradients(new_model()), with_gradients(new_model())
    optimizer = MuonWithAdamW(optimizers(model), matrices_of_layers(model))
    alone = optimizers(plain)
    for seed in range(3):
        for one, how in ((plain, alone), (model, optimizer)):
            with_gradients(one, seed)
            how.step()
    matrices = names_of(model)
    expected, found = weights(plain), weights(model)
    for name, _ in model.named_parameters():
        assert torch.equal(expected[name], found[name]) == (name not in matrices), name


def test_the_products_of_a_step_are_counted_as_torch_counts_them():
    model = with_gradients(new_model())
    optimizer = MuonWithAdamW(optimizers(model), matrices_of_layers(model))
    with FlopCounterMode(display=False) as counter:
        optimizer.step()
    assert optimizer.flops() == counter.get_total_flops() > 0


def test_they_are_in_the_operations_of_a_training():
    found = {}
    for name, recipe in (("adamw", RECIPE), ("muon", MUON)):
        monitor = Silent()
        run(recipe, monitor, Counting(steps=4), computation=text(flops=lambda _: 1e6))
        [(_, logged)] = monitor.logged
        spent = logged["flops_per_second"] / logged["tokens_per_second"]  # operations of a token
        found[name] = spent * 35
    model = new_model()
    extra = MuonWithAdamW(optimizers(model), matrices_of_layers(model)).flops()
    assert found["adamw"] == pytest.approx(1e6)
    assert found["muon"] == pytest.approx(1e6 + extra)


def test_it_learns_and_otherwise_than_adamw():
    model, history, _ = run(MUON, batches=Counting(steps=60))
    _, losses = history.curve("loss")
    assert losses[-1] < losses[0] - 0.5
    plain, _, _ = run(RECIPE, batches=Counting(steps=60))
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(weights(model)[name], weights(plain)[name])


def test_the_learning_rate_is_that_of_the_schedule_for_both():
    recipe = replace(MUON, log_every=1)
    _, history, _ = run(recipe, batches=Counting(steps=10))
    _, rates = history.curve("learning_rate")
    assert rates == pytest.approx([0, 5e-3, *(1e-2 * (8 - n) / 8 for n in range(8))])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_training_gives_the_same_weights(precision):
    recipe = replace(MUON, precision=precision)
    first, _, _ = run(recipe)
    torch.rand(100)
    second, _, _ = run(recipe)
    assert_same(weights(first), weights(second))


class Broken(Counting):
    """Batches of which one does not come."""

    def __getitem__(self, step):
        if step == 10:
            raise KeyboardInterrupt
        return super().__getitem__(step)


def test_a_training_that_was_stopped_ends_with_the_same_bits(tmp_path):
    whole, expected, _ = run(MUON)
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(MUON, batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP)
    state = torch.load(newest_checkpoint(tmp_path) / "trainer" / "optimizer.pt", weights_only=True)[
        "state"
    ]
    kinds = [frozenset(each) for each in state.values()]
    assert kinds.count(frozenset({"momentum_buffer"})) == len(matrices_of_layers(new_model()))
    assert frozenset({"step", "exp_avg", "exp_avg_sq"}) in kinds
    resumed, found, _ = run(MUON, monitor=monitor)
    assert found.curve("loss") == expected.curve("loss")
    assert_same(weights(resumed), weights(whole))


def test_a_training_in_parts_learns_the_same():
    _, expected, _ = run(MUON, model=new_model(dropout=0.0))
    _, found, _ = run(MUON, model=new_model(dropout=0.0), computation=in_parts(1))
    assert found.curve("loss")[1] == pytest.approx(expected.curve("loss")[1], rel=1e-2)


def test_a_step_with_a_closure_gives_its_loss():
    model = with_gradients(new_model())
    optimizer = MuonWithAdamW(optimizers(model), matrices_of_layers(model))
    assert optimizer.step(lambda: 3.0) == 3.0


RATES = {"bert.encoder.layer.0.attention.self.query.weight": 0.25}


def test_layers_have_rates_of_their_own_and_the_peak_is_logged():
    recipe = replace(MUON, log_every=1)
    _, plain, _ = run(recipe)
    model, found, _ = run(recipe, rates=RATES)
    assert found.curve("learning_rate") == plain.curve("learning_rate")
    assert found.curve("loss") != plain.curve("loss")
    again, _, _ = run(recipe, rates=RATES)
    assert_same(weights(model), weights(again))


def test_with_rates_a_training_that_was_stopped_ends_with_the_same_bits(tmp_path):
    whole, _, _ = run(MUON, rates=RATES)
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(MUON, batches=Broken(), monitor=monitor, checkpoints=EVERY_STEP, rates=RATES)
    resumed, _, _ = run(MUON, monitor=monitor, rates=RATES)
    assert_same(weights(resumed), weights(whole))
