"""The stage `explanation` of a model that has learnt a problem."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from tasks.contract import Silent
from tasks.stages.explanation import explain


def explain_learnt(
    problem: str, learnt: SimpleNamespace, methods: Sequence[str], rows: int = 24
) -> SimpleNamespace:
    """Run the stage in the folder `explanation` beside those of the model.

    Args:
        problem: what was learnt.
        learnt: of `tests.support.learnt.learn`.
        methods: of explaining.
        rows: of the sample.

    Returns:
        `metrics`, and the folder as `out`.
    """
    out = learnt.folder / "explanation"
    out.mkdir()
    metrics = explain(
        problem,
        methods,
        rows,
        5,
        100,
        confidence=0.95,
        seed=0,
        data=learnt.data,
        model=learnt.folder / "tuned" / "model",
        evaluation=learnt.folder / "evaluation",
        out=out,
        monitor=Silent(),
    )
    return SimpleNamespace(metrics=metrics, out=out)
