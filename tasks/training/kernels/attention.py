"""The choice of the attention implementation for a training, with one for a CPU in bf16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from tasks.training.kernels.dropout import dropped_out

LONGEST = 1024  # positions: the explicit products store a square of them for each head
NAME = "temper"


def attend(  # noqa: PLR0917 — as transformers calls it
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention (Vaswani et al., 2017, section 3.2.1) for transformers' models.

    The same as BERT's plain attention, in the dtype of the query: BERT's scores become fp32 if
    there is a mask. Scores are scaled and masked in the product itself.

    Args:
        module: of the model; drops nothing unless it is in training mode.
        query: (batch, heads, length, width), on a CPU like all others.
        key: (batch, heads, keys, width).
        value: as `key`.
        attention_mask: what is added to the scores: (batch, 1, length, keys).
        scaling: of the scores; None: one by the root of the width.
        dropout: probability that a weight is dropped.

    Returns:
        (batch, length, heads, width); the weights are not given.
    """
    batch, heads, length, width = query.shape
    scaling = width**-0.5 if scaling is None else scaling
    query, key, value = (each.flatten(0, 1) for each in (query, key, value))
    if attention_mask is None:
        added, times = query.new_empty(1, 1, 1), 0
    else:
        mask = attention_mask.to(query.dtype).expand(batch, heads, length, -1)
        added, times = mask.flatten(0, 1), 1
    scores = torch.baddbmm(added, query, key.transpose(1, 2), beta=times, alpha=scaling)
    weights = dropped_out(scores.softmax(-1), dropout if module.training else 0.0)
    attended = torch.bmm(weights, value).view(batch, heads, length, -1)
    return attended.transpose(1, 2).contiguous(), None


def mask_in_bf16(*arguments: Any, **named: Any) -> Tensor | None:
    """The mask to add, made in bf16 once for all layers; its lowest number is finite there.

    That of fp32, cast to bf16, is not: rows in which all is masked would have no weights at all.
    """
    return cast("Tensor | None", eager_mask(*arguments, **(named | {"dtype": torch.bfloat16})))


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, mask_in_bf16)


def is_plain(config: Any, precision: Literal["fp32", "bf16"], device: str) -> bool:
    """Whether a model trains fastest with the plain products: see `quick_attention`."""
    short: bool = config.max_position_embeddings <= LONGEST
    return short and device == "cpu" and precision == "bf16"


@contextmanager
def quick_attention(
    model: PreTrainedModel, precision: Literal["fp32", "bf16"], device: str
) -> Iterator[None]:
    """Train with the fastest implementation here; the model is restored afterwards.

    For a model whose own plain attention computes what `attend` does.

    On a processor in bf16, the backward pass of torch's fused attention takes four to five times as
    long as that of the plain matrix products (at 64 to 128 tokens; 1.3 times both passes together
    at 512), which use the matrix units. So `attend` is used there, on hidden states that are cast
    once for query, key and value, whose three gradients are added up in bf16. Everywhere else the
    model keeps its implementation.
    """
    before = model.config._attn_implementation  # no public name reads it
    if not is_plain(model.config, precision, device):
        yield
        return
    attentions = [module for module in model.modules() if hasattr(module, "query")]
    try:
        model.set_attn_implementation(NAME)
        with ExitStack() as hooks:
            for module in attentions:
                hooks.enter_context(module.register_forward_pre_hook(_in_bf16))
            yield
    finally:
        model.set_attn_implementation(before)


def _in_bf16(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cast the hidden states once before a layer of attention; autocast casts them three times."""
    states, *others = given
    return (states.to(torch.bfloat16) if torch.is_autocast_enabled("cpu") else states, *others)
