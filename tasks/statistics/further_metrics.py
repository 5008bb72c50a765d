"""Metrics that a problem has beside those of its training: its optional module `further.py`.

They are in the key of stage `evaluation` alone, so that a metric that is added there trains nothing
again. The module has METRICS, as the problem's package, and `score` (see `Further`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.problems import Metric, part_of

if TYPE_CHECKING:
    import pandas as pd

    from tasks.problems.weighted import Scores


FurtherScore = Callable[[Sequence[Any], Sequence[Any], Sequence[str]], "Scores"]


class Further(Protocol):
    """The names in `further.py`.

    Attributes:
        METRICS: the metrics by name.
    """

    METRICS: Mapping[str, Metric]

    def truths(self, test: pd.DataFrame, data: Path) -> list[Any]:
        """Optional: what `score` is given of the test rows as `gold`, from the folder of the data.

        Without it, that is their truth.
        """

    def score(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str]) -> Scores:
        """The metrics that answers and truths determine, as functions of the rows' weights.

        One that these rows do not determine may be missing.
        """


def modules_of_further(problem: str) -> tuple[str, ...]:
    """The module with the further metrics of a problem; none if it has none."""
    module = part_of(problem, "further")
    return (module,) if find_spec(module) is not None else ()


def load_further(problem: str) -> Further | None:
    """Import the further metrics of a problem; None if it has none."""
    for module in modules_of_further(problem):
        return cast(Further, importlib.import_module(module))
    return None


def scorer(more: Further | None, test: pd.DataFrame, data: Path) -> FurtherScore | None:
    """The `score` of a module, given the truths of the test rows as it reads them."""
    if more is None:
        return None
    read = getattr(more, "truths", None)
    if read is None:
        return more.score
    truths, score = read(test, data), more.score
    return lambda _gold, predicted, labels: score(truths, predicted, labels)
