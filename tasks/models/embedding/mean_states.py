"""The mean over the last states of the tokens of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tasks.models.inference import group_by_length


@torch.no_grad()
def mean_states(body: Any, tokens: Sequence[Sequence[int]], pad: int) -> Tensor:
    """[texts, width] the means in fp32; padding does not count.

    Args:
        body: an encoder or decoder of transformers, without a head.
        tokens: of each text, special tokens included.
        pad: the token behind a shorter text.
    """
    found: list[Tensor] = [torch.empty(0)] * len(tokens)
    for places in group_by_length([len(ids) for ids in tokens]):
        longest = max(len(tokens[place]) for place in places)
        ids = torch.full((len(places), longest), pad)
        mask = torch.zeros_like(ids)
        for row, place in enumerate(places):
            own = tokens[place]
            ids[row, : len(own)] = torch.tensor(own, dtype=ids.dtype)
            mask[row, : len(own)] = 1
        ids, mask = ids.to(body.device), mask.to(body.device)
        states = body(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        share = mask[..., None].float()
        means = ((states * share).sum(dim=1) / share.sum(dim=1)).cpu()
        for row, place in enumerate(places):
            found[place] = means[row]
    return torch.stack(found)
