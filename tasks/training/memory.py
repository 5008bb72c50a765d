"""How many rows of a batch fit into memory at once, by a formula from the shapes.

The formula uses the total memory (of the GPU, of the machine, or the limit of its container), never
the free memory, so that the same training on the same machine is computed in the same parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tasks.training.flops import Product

if TYPE_CHECKING:
    from torch import nn

SHARE = {"cpu": 0.5, "cuda": 0.85}  # largest share of the memory to use: a machine has other work
COPIES = 4  # sizes of the weights: themselves, their gradients, and two moments of Adam
CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def of_transformer(
    layers: int,
    width: int,
    inner: int,
    heads: int,
    *,
    length: int,
    dropout: bool,
    bf16: bool,
    plain_attention: bool,
) -> int:
    """Bytes of a forward and backward pass of one row through an encoder, an upper estimate.

    The weights are not counted.

    Args:
        layers: of self-attention and feed-forward.
        width: of the hidden states.
        inner: width of the feed-forward layer.
        heads: of attention.
        length: places in the row.
        dropout: whether weights of attention are dropped.
        bf16: the products are in bf16; other values stay in fp32.
        plain_attention: by the function of `kernels/attention.py`.
    """
    place = 14 * width + 2 * inner  # numbers kept for each place in a layer
    if dropout:  # masks
        place += 4 * width
    square = heads * length  # weights of attention, where they are kept
    if plain_attention:
        place += square * (3 if dropout else 1)
    elif dropout:
        place += 5 * square
    return layers * length * place * (3 if bf16 else 4) + 3 * length * width * 4


def of_recomputed(row: int, layers: int, width: int, length: int) -> int:
    """Bytes of one row where layers are recomputed: what enters each, and one layer in full.

    Args:
        row: bytes of a row where all is kept, by `of_transformer`.
        layers: of self-attention and feed-forward.
        width: of the hidden states.
        length: places in the row.
    """
    around = 3 * length * width * 4
    return (row - around) // layers + layers * length * width * 4 + around


def of_products(products: Iterable[Product]) -> int:
    """Bytes of the logits of products, as torch computes a loss; fewer on a processor."""
    return sum(a * c for a, _, c in products) * 16


def rows_at_once(batch_size: int, row: int, weights: int, memory: int, share: float) -> int:
    """Rows that fit at once, so that all parts of a batch are of about the same size.

    Args:
        batch_size: rows in a batch.
        row: bytes for each row.
        weights: bytes of the weights and of what is kept in their size.
        memory: bytes in all.
        share: the share of them to use.
    """
    room = share * memory - weights
    fit = max(1, min(batch_size, int(room // row)))
    return -(-batch_size // -(-batch_size // fit))


def fitting_rows(model: nn.Module, batch_size: int, row: int, copies: int = COPIES) -> int:
    """Rows of a training that this machine computes at once.

    Args:
        model: that is trained.
        batch_size: rows in a batch.
        row: bytes for each row.
        copies: sizes of the weights that the training keeps.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = sum(part.numel() * part.element_size() for part in model.parameters())
    return rows_at_once(batch_size, row, copies * weights, total_memory(), SHARE[device])


def total_memory() -> int:
    """Bytes of the GPU, or of the machine, or fewer where the container is limited."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    return min([psutil.virtual_memory().total, *container_limits(CGROUPS, OWN_CGROUP)])


def container_limits(root: Path, own: Path) -> list[int]:
    """The limits of memory of this process's control groups (version 1 and 2), in bytes.

    Args:
        root: where control groups are mounted.
        own: tells this process's: lines of `number:controllers:/path`.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []  # no Linux
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base, name = (
            (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        )
        group = base / path.lstrip("/")
        # A container sees its own group as the root, whatever its path says.
        for folder in {base, group, *(each for each in group.parents if each.is_relative_to(base))}:
            limits += _limit(folder / name)
    return limits


def _limit(file: Path) -> list[int]:
    """The limit in a file; none where there is no file, or `max` in it."""
    try:
        text = file.read_text().strip()
    except OSError:
        return []
    return [int(text)] if text.isdigit() else []
