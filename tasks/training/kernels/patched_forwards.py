"""Other `forward` methods for some modules of a model, for a while."""

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
    """Give each module the `forward` that is made for it while the block runs."""
    chosen = list(modules)
    before = [vars(module).get("forward") for module in chosen]  # that of the class is not there
    for module in chosen:
        module.forward = make(module)
    try:
        yield
    finally:
        for module, forward in zip(chosen, before, strict=True):
            del module.forward
            if forward is not None:
                module.forward = forward
