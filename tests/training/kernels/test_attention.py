"""Training on a processor in bf16 uses the plain products, and leaves the model as it was."""

import inspect
from contextlib import nullcontext
from importlib import import_module

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM
from transformers.models.bert.modeling_bert import eager_attention_forward

from tasks import families
from tasks.training.kernels.attention import LONGEST, NAME, attend, quick_attention


def model(positions=64, family="bert", **fields):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family,
        **fields,
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
    )
    if hasattr(config, "embedding_size"):  # of a family with a projection: then there is none
        config.embedding_size = config.hidden_size
    return AutoModelForMaskedLM.from_config(config).eval()


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


@pytest.mark.parametrize(
    "family", [name for name in families.names() if families.load(name).PLAIN_ATTENTION]
)
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


@pytest.mark.parametrize(
    "family", [name for name in families.names() if families.load(name).PLAIN_ATTENTION]
)
def test_a_step_in_bf16_is_that_of_the_models_own_plain_attention(family):
    """Or nearly: masked scores, and the sum of three gradients, are rounded to bf16 here."""
    ids = torch.randint(5, 50, (4, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 12:] = 0
    gradients = []
    for context in (nullcontext(), None):
        # Attention that is far from uniform, or else what it does would hardly matter.
        body = model(family=family, initializer_range=0.3)
        body.set_attn_implementation("eager")
        labels = ids.masked_fill(mask == 0, -100)
        attending = context or quick_attention(body, "bf16", "cpu")
        with attending, torch.autocast("cpu", torch.bfloat16):
            body(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        gradients.append(torch.cat([part.grad.flatten() for part in body.parameters()]))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.9999


@pytest.mark.parametrize(
    "family", [name for name in families.names() if families.load(name).PLAIN_ATTENTION]
)
def test_hidden_states_are_cast_once_for_query_key_and_value(family):
    body, seen = model(family=family), []
    ids = torch.randint(5, 50, (4, 20), generator=torch.Generator().manual_seed(0))
    for module in body.modules():
        for name in ("query", "key", "value"):
            if hasattr(module, name):
                layer = getattr(module, name)
                layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with quick_attention(body, "bf16", "cpu"), torch.autocast("cpu", torch.bfloat16):
        body(input_ids=ids)
    assert [states.dtype for states in seen] == [torch.bfloat16] * 6
    assert len({states.data_ptr() for states in seen[:3]}) == 1
    seen.clear()
    with torch.autocast("cpu", torch.bfloat16):
        body(input_ids=ids)
    assert [states.dtype for states in seen] == [torch.float32] * 6
