"""What a training keeps beside the weights: checkpoints contain it, and resuming restores it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Copies = dict[str, Tensor]


class Beside(Protocol):
    """Copies of the trained weights."""

    def begin(self, model: nn.Module) -> None:
        """Called once, before the first step and before `load`."""

    def save(self, folder: Path) -> None:
        """Write the state into a checkpoint that is being written."""

    def load(self, folder: Path) -> None:
        """Restore the state from a complete checkpoint."""


def trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The weights that are trained, with their names."""
    return ((name, part) for name, part in model.named_parameters() if part.requires_grad)


def copies_of(model: nn.Module) -> Copies:
    """Copies of the trained weights, where these are."""
    return {name: part.detach().clone() for name, part in trained(model)}


@torch.no_grad()
def put(copies: Mapping[str, Tensor], model: nn.Module) -> None:
    """Replace the trained weights by copies."""
    for name, part in trained(model):
        part.copy_(copies[name])


def write_copies(copies: Copies, file: Path) -> None:
    """Write copies as safetensors."""
    save_file({name: copy.contiguous() for name, copy in copies.items()}, file)


def read_copies(file: Path, model: nn.Module) -> Copies:
    """Copies from a file, where the weights of the model are."""
    found = load_file(file)
    return {name: found[name].to(part.device) for name, part in trained(model)}
