"""Training on a processor in bf16 uses the plain products, and leaves the model as it was."""

import inspect
from contextlib import nullcontext
from importlib import import_module

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel
from transformers.models.bert.modeling_bert import eager_attention_forward

from tasks.attention import ATTENDING, LONGEST, NAME, attend, quick_attention


def model(positions=64):
    torch.manual_seed(0)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=positions,
        )
    ).eval()


def gpt2():
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2, n_positions=64)
    ).eval()


@pytest.mark.parametrize(
    ("precision", "device", "positions", "used"),
    [
        ("bf16", "cpu", 64, NAME),
        ("fp32", "cpu", 64, "sdpa"),
        ("bf16", "cuda", 64, "sdpa"),
        ("bf16", "cpu", LONGEST + 1, "sdpa"),
    ],
)
def test_which_attention_is_used(precision, device, positions, used):
    body = model(positions)
    with quick_attention(body, precision, device):
        assert body.config._attn_implementation == used
    assert body.config._attn_implementation == "sdpa"


def test_it_computes_the_same_with_padding():
    body = model()
    ids = torch.randint(5, 50, (3, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 12:] = 0
    with torch.no_grad():
        expected = body(input_ids=ids, attention_mask=mask).logits
        with quick_attention(body, "bf16", "cpu"):
            found = body(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(found[mask == 1], expected[mask == 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", sorted(ATTENDING))
def test_whose_attention_it_takes_the_place_of_has_that_of_bert_word_for_word(family):
    def plain(name):
        code = import_module(f"transformers.models.{name}.modeling_{name}")
        return inspect.getsource(code.eager_attention_forward)

    assert plain(family.replace("-", "_")) == plain("bert")


@pytest.mark.parametrize("masked", [True, False])
def test_attention_and_its_gradients_are_those_of_bert(masked):
    draw = torch.Generator().manual_seed(0)
    one, other = (
        [
            torch.randn(3, 2, 7, 8, generator=draw.manual_seed(n), requires_grad=True)
            for n in (1, 2, 3)
        ]
        for _ in range(2)
    )
    mask = torch.zeros(3, 1, 7, 7)
    mask[1, :, :, 4:] = torch.finfo(torch.float32).min
    weight = torch.randn(3, 7, 2, 8, generator=draw)
    for given, function in ((one, attend), (other, eager_attention_forward)):
        found, _ = function(nn.Identity(), *given, mask if masked else None, scaling=0.3)
        (found * weight).sum().backward()
        given.append(found)
    torch.testing.assert_close(one[-1], other[-1])
    for mine, theirs in zip(one[:3], other[:3], strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_a_row_in_which_all_is_masked_spoils_nothing():
    body = model()
    ids = torch.randint(5, 50, (3, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1] = 0
    with quick_attention(body, "bf16", "cpu"), torch.autocast("cpu", torch.bfloat16):
        found = body(input_ids=ids, attention_mask=mask, labels=ids)
        found.loss.backward()
    assert found.logits.isfinite().all()
    assert all(part.grad.isfinite().all() for part in body.parameters() if part.grad is not None)


def test_weights_are_dropped_in_training_alone():
    value = torch.eye(64).expand(8, 2, 64, 64)
    query = torch.zeros(8, 2, 64, 4)
    module = nn.Identity().train()
    weights, _ = attend(module, query, query, value, None, dropout=0.25)
    dropped = weights == 0
    assert 0.22 < dropped.float().mean() < 0.28
    torch.testing.assert_close(weights[~dropped], torch.full_like(weights[~dropped], 1 / 48))
    whole, _ = attend(module.eval(), query, query, value, None, dropout=0.25)
    torch.testing.assert_close(whole, torch.full_like(whole, 1 / 64))


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_a_step_in_bf16_is_that_of_the_models_own_plain_attention(family):
    """Or nearly: the sum of three gradients, and masked scores, are rounded to bf16 here."""
    gradients = {}
    for ours in (False, True):
        body = model() if family == "bert" else gpt2()
        ids = torch.randint(5, 50, (4, 20), generator=torch.Generator().manual_seed(0))
        mask = torch.ones_like(ids)
        mask[1, 12:] = 0
        body.set_attn_implementation("eager")
        context = quick_attention(body, "bf16", "cpu") if ours else nullcontext()
        with context, torch.autocast("cpu", torch.bfloat16):
            body(input_ids=ids, attention_mask=mask, labels=ids).loss.backward()
        gradients[ours] = torch.cat([part.grad.flatten() for part in body.parameters()])
        assert not any(module._forward_pre_hooks for module in body.modules())
    alike = torch.cosine_similarity(gradients[True], gradients[False], dim=0)
    assert alike > 0.9995
    if family == "gpt2":  # keeps its own
        torch.testing.assert_close(gradients[True], gradients[False], rtol=0, atol=0)
