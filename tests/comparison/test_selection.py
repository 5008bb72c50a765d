"""Which runs are compared where none is named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tasks.comparison.past_run import PastRun
from tasks.comparison.selection import select

KINDS = ["evaluate", "experiment", "finetune", "experiment", "experiment"]


def past(kinds: list[str]) -> Any:
    """Finished runs of these kinds, the newest first."""
    runs = [
        PastRun(f"{n}", f"{n}", "e", "FINISHED", -float(n), tags={"temper.stage": kind})
        for n, kind in enumerate(kinds)
    ]
    return SimpleNamespace(experiments_runs=lambda experiment, narrowed: runs)


@pytest.mark.parametrize(
    ("kinds", "last", "chosen"),
    [
        (KINDS[1:], 0, ["2", "0"]),
        (KINDS[1:], 3, ["3", "2", "0"]),
        (KINDS, 0, ["1", "0"]),
        (["evaluate", "experiment", "evaluate"], 0, ["2", "0"]),
    ],
)
def test_the_last_of_one_kind_are_compared_where_there_are_as_many(
    kinds: list[str], last: int, chosen: list[str]
) -> None:
    assert [run.run_id for run in select(past(kinds), last=last)] == chosen
