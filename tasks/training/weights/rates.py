"""A learning rate for each weight: a share of the peak rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import nn
from torch.optim import Optimizer


def set_rates(optimizer: Optimizer, model: nn.Module, rates: Mapping[str, float]) -> None:
    """Split the groups of a new optimizer, so that each weight has its own rate.

    Args:
        optimizer: which no schedule follows yet.
        model: that it trains.
        rates: for the names of weights, the share of the learning rate; 1 for others.
    """
    names = {id(part): name for name, part in model.named_parameters()}
    groups = []
    for group in optimizer.param_groups:
        shares: dict[float, list[nn.Parameter]] = defaultdict(list)
        for part in group["params"]:
            shares[rates.get(names[id(part)], 1.0)].append(part)
        groups += [
            {**group, "params": parts, "lr": share * group["lr"]} for share, parts in shares.items()
        ]
    # The rate of the first group is the one that is logged: the peak.
    optimizer.param_groups[:] = sorted(groups, key=lambda group: -group["lr"])
