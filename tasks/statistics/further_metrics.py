"""Metrics that a problem has beside those of its training: its optional module `further.py`.

They are in the key of stage `evaluation` alone, so that a metric that is added there trains nothing
again. The module has METRICS, as the problem's package, and `score` (see `Further`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.problems import Metric, part_of

if TYPE_CHECKING:
    from tasks.problems.weighted import Scores


class Further(Protocol):
    """The names in `further.py`.

    Attributes:
        METRICS: the metrics by name.
    """

    METRICS: Mapping[str, Metric]

    def score(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str]) -> Scores:
        """The metrics that answers and truths determine, as functions of the rows' weights."""


def modules_of_further(problem: str) -> tuple[str, ...]:
    """The module with the further metrics of a problem; none if it has none."""
    module = part_of(problem, "further")
    return (module,) if find_spec(module) is not None else ()


def load_further(problem: str) -> Further | None:
    """Import the further metrics of a problem; None if it has none."""
    for module in modules_of_further(problem):
        return cast(Further, importlib.import_module(module))
    return None
