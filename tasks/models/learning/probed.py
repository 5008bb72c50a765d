"""What a problem says of its linear probes: its `probed.py`. Imports are light."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.problems import part_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PART = "probed"


class Probed(Protocol):
    """The names in the `probed.py` of a problem, which imports heavy libraries inside functions.

    Attributes:
        BODY: The module that reads the encoders to be probed, with the functions `read_body` and
            `place_read`.
    """

    BODY: str

    def answer(
        self, train: NDArray[np.float32], truth: Sequence[Any], *asked: NDArray[np.float32]
    ) -> list[list[Any]]:
        """A linear model of features and truths, asked for the answers to other features."""


def load_probed(problem: str) -> Probed:
    """Import what a linear probe of a problem is."""
    return cast(Probed, importlib.import_module(part_of(problem, PART)))


def modules_of_probed(problem: str) -> tuple[str, ...]:
    """The modules that `load_probed` and `read_body` import."""
    return (part_of(problem, PART), load_probed(problem).BODY)


def read_body(probed: Probed, *arguments: Any, weights: bool) -> tuple[Any, Any]:
    """An encoder and what reads its inputs: see `text_body.py`."""
    module = importlib.import_module(probed.BODY)
    return cast("tuple[Any, Any]", module.read_body(*arguments, weights=weights))


def place_read(probed: Probed, model: Any, filled: Tensor) -> Tensor | None:
    """The place of each row that stands for it: shape (rows,); None where the encoder has none.

    Args:
        probed: the problem's.
        model: that is probed.
        filled: (rows, places), 1 where a place is filled.
    """
    module = importlib.import_module(probed.BODY)
    return cast("Tensor | None", module.place_read(model, filled))
