"""Replacing the `forward` methods of some modules of a model temporarily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


@contextmanager
def replaced_forwards(
    modules: Iterable[M], make: Callable[[M], Callable[..., Any]]
) -> Iterator[None]:
    """Replace the `forward` of each module by that from `make` while the block runs."""
    chosen = list(modules)
    before = [vars(module).get("forward") for module in chosen]  # None for that of the class
    for module in chosen:
        module.forward = make(module)
    try:
        yield
    finally:
        for module, forward in zip(chosen, before, strict=True):
            del module.forward
            if forward is not None:
                module.forward = forward
