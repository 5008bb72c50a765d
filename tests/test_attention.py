"""Training on a processor in bf16 uses the plain products, and leaves the model as it was."""

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from tasks.attention import LONGEST, quick_attention


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


@pytest.mark.parametrize(
    ("precision", "device", "positions", "used"),
    [
        ("bf16", "cpu", 64, "eager"),
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
