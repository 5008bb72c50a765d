"""The training loop: what a step sees, what is logged, and that nothing changes the weights."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from tasks.contract import Silent, StageError
from tasks.data.text import batches as text_batches
from tasks.experiment.pretraining import Checkpoints
from tasks.machinery.host.interruption import Interruption
from tasks.training import step_trainer
from tasks.training.computation import Computation
from tasks.training.loop import Optimization, autocast, resolve_precision, train, training_arguments

RECIPE = Optimization(learning_rate=1e-2, warmup_share=0.2, log_every=4, precision="fp32", seed=3)
CONFIG = BertConfig(
    vocab_size=64,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=16,
)


class Counting:
    """Batches to learn counting from: each token is the one before plus one."""

    def __init__(self, steps=20, kill_at=None):
        self.steps, self.kill_at, self.asked = steps, kill_at, []

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked.append(step)
        first = torch.arange(4)[:, None] * 7 + step
        tokens = (first + torch.arange(10)) % 64
        mask = torch.ones_like(tokens)
        mask[0, 5:] = 0
        return {"input_ids": tokens, "attention_mask": mask, "labels": (tokens + 1) % 64}


def loss_of(model, batch):
    return model(**batch).loss


def new_model(dropout=0.1):
    torch.manual_seed(0)
    config = BertConfig(**CONFIG.to_dict())
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    return BertForMaskedLM(config)


def weights(model):
    return {name: part.detach().clone() for name, part in model.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, part in first.items():
        assert torch.equal(part, second[name]), name


def text(**more):
    """What the loop is told of batches of text."""
    return Computation(
        rows=text_batches.rows,
        slots=text_batches.slots,
        filled=text_batches.filled,
        unit=text_batches.UNIT,
        plain_attention=True,
        **more,
    )


TEXT = text()


def run(recipe=RECIPE, monitor=None, batches=None, loss=loss_of, model=None, **options):
    model, monitor = model or new_model(), monitor or Silent()
    options = {"computation": TEXT} | options
    history = train(model, batches or Counting(), recipe, loss, monitor, **options)
    return model, history, monitor


def test_every_step_is_asked_for_once_and_in_order():
    batches = Counting(steps=11)
    run(batches=batches)
    assert batches.asked == list(range(11))


def test_dropout_draws_quickly_while_it_trains():
    model, seen = new_model(), set()

    def loss(*arguments):
        seen.update("forward" in vars(m) for m in model.modules() if type(m) is nn.Dropout)
        return loss_of(*arguments)

    run(model=model, loss=loss)
    assert seen == {True}
    assert not any("forward" in vars(module) for module in model.modules())


def test_it_learns():
    _, history, _ = run(batches=Counting(steps=60))
    _, losses = history.curve("loss")
    assert losses[-1] < losses[0] - 0.5


def test_what_is_logged_is_what_comes_back():
    _, history, monitor = run(batches=Counting(steps=10))
    assert [step for step, _ in monitor.logged] == [4, 8, 10]
    assert history.points == [{"step": step, **metrics} for step, metrics in monitor.logged]
    assert monitor.last == (10, 10, "steps")
    assert history.seen == 10 * 35
    for _, metrics in monitor.logged:
        assert metrics["padding_share"] == pytest.approx(5 / 40)
        assert metrics["tokens_per_second"] > 0
        assert metrics["gradient_norm"] > 0


def test_named_losses_are_averaged_over_the_steps_logged():
    values = iter(range(1, 9))

    def loss(model, batch):
        return {"loss": loss_of(model, batch), "counter": torch.tensor(float(next(values)))}

    _, history, _ = run(batches=Counting(steps=8), loss=loss)
    assert history.curve("counter") == ([4, 8], [2.5, 6.5])


def test_the_learning_rate_rises_and_falls_to_zero():
    recipe = replace(RECIPE, log_every=1)
    _, history, _ = run(recipe, batches=Counting(steps=10))
    _, rates = history.curve("learning_rate")
    assert rates == pytest.approx([0, 5e-3, *(1e-2 * (8 - n) / 8 for n in range(8))])


def test_biases_and_normalization_do_not_decay():
    model, seen = new_model(), {}
    trainer = step_trainer.StepTrainer(
        model=model,
        args=training_arguments(RECIPE, 2, "unused"),
        batches=Counting(),
        loss=loss_of,
        monitor=Silent(),
        validate=None,
        interruption=Interruption(),
        intervals=Checkpoints(),
        precision="fp32",
        computation=TEXT,
    )
    names = {id(part): name for name, part in model.named_parameters()}
    for group in trainer.create_optimizer().param_groups:
        for part in group["params"]:
            seen[names[id(part)]] = group["weight_decay"]
    assert seen.keys() == dict(model.named_parameters()).keys()
    for name, decay in seen.items():
        assert (decay == 0) == ("bias" in name or "LayerNorm" in name), name


def test_validation_is_asked_for_when_due_and_after_the_last_step():
    model = new_model()
    modes = []

    def validate():
        modes.append((model.training, torch.is_grad_enabled()))
        return {"validation_loss": 1.0}

    _, history, _ = run(
        batches=Counting(steps=10), model=model, validate=validate, validate_every=4
    )
    assert history.curve("validation_loss")[0] == [4, 8, 10]
    assert modes == [(False, False)] * 3


def test_validation_changes_no_weight():
    plain, _, _ = run()
    validated, _, _ = run(validate=lambda: {"validation_loss": 1.0}, validate_every=3)
    assert_same(weights(plain), weights(validated))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_training_gives_the_same_weights(precision):
    recipe = replace(RECIPE, precision=precision)
    first, _, _ = run(recipe)
    torch.rand(100)  # what the global generator did before does not matter
    second, _, _ = run(recipe)
    assert_same(weights(first), weights(second))


def test_how_often_is_logged_changes_no_weight():
    assert_same(weights(run()[0]), weights(run(replace(RECIPE, log_every=1))[0]))


@pytest.mark.parametrize("environment", ["no", "bf16"])
def test_bf16_is_used_inside_and_gone_afterwards(environment, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", environment)  # as `accelerate launch` does
    dtypes = set()

    def loss(model, batch):
        output = model.bert.encoder.layer[0].intermediate
        with output.register_forward_hook(lambda _m, _i, out: dtypes.add(out.dtype)):
            found = model(**batch)
        dtypes.add(found.logits.dtype)  # accelerate would have copied it to fp32
        return found.loss.float()

    model, _, monitor = run(replace(RECIPE, precision="bf16"), loss=loss)
    assert dtypes == {torch.bfloat16}
    assert "forward" not in vars(model)
    assert monitor.facts["precision"] == "bf16"
    assert {part.dtype for part in model.parameters()} == {torch.float32}
    with torch.no_grad():
        assert model(torch.tensor([[1, 2]])).logits.dtype == torch.float32
        with autocast("fp32"):
            assert model.bert(torch.tensor([[1, 2]]))[0].dtype == torch.float32


def test_fp32_is_fp32_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    dtypes = set()

    def loss(model, batch):
        found = model(**batch)
        dtypes.add(model.bert(batch["input_ids"])[0].dtype)
        return found.loss

    model, _, _ = run(RECIPE, loss=loss)
    assert dtypes == {torch.float32}
    assert "forward" not in vars(model)


def test_a_model_comes_back_as_it_was_from_a_training_that_fails():
    model = new_model()

    def loss(_model, _batch):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(replace(RECIPE, precision="bf16"), model=model, loss=loss)
    assert "forward" not in vars(model)


def test_precision_is_resolved_by_what_the_hardware_can_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    machines = {"avx512_bf16": "bf16", "amx_bf16": "bf16", "avx2": "fp32"}
    for flag, expected in machines.items():
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda flag=flag: {flag: True})
        assert resolve_precision("auto") == expected
        assert resolve_precision("fp32") == "fp32"
        assert resolve_precision("bf16") == "bf16"


def test_a_loss_that_is_not_finite_stops_at_its_step():
    batches = Counting()

    def loss(model, batch):
        found = loss_of(model, batch)
        return found * float("nan") if len(batches.asked) == 7 else found

    said = r"loss of step 7 of 20 is nan .*checkpoint does not exist yet\. Lower learning_rate"
    with pytest.raises(StageError, match=said):
        run(batches=batches, loss=loss)
    assert batches.asked[-1] == 6
