"""A comparison as JSON, for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from tasks.comparison.comparison import Comparison
from tasks.comparison.past_run import PastRun


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison as plain values: runs by their labels, non-finite numbers as null."""
    labels = found.labels
    values: dict[str, Any] = {
        "runs": {label: run_facts(run) for label, run in zip(labels, found.runs, strict=True)},
        "same_results": found.alike,
        "settings": found.settings,
        "parameters": {k: dict(zip(labels, v, strict=True)) for k, v in found.parameters.items()},
        "data": {k: dict(zip(labels, v, strict=True)) for k, v in found.data.items()},
        "metrics": {
            row.name: {
                "values": {
                    label: asdict(each) if each else None
                    for label, each in zip(labels, row.values, strict=True)
                },
                "best": [labels[i] for i in sorted(row.best)],
                "over_seeds": [asdict(each) if each else None for each in row.spreads],
            }
            for row in found.metrics
        },
        "differences": [
            asdict(each) | {"verdict": each.verdict, "sentence": each.sentence}
            for each in found.differences
        ],
        "not_tested": found.untested,
        "costs": {label: asdict(c) for label, c in zip(labels, found.costs, strict=True)},
        "ways": {
            name: [asdict(e) | {"verdict": e.against.verdict if e.against else None} for e in each]
            for name, each in found.ways.items()
        },
        "power": asdict(found.power),
        "curves": [asdict(overlay) for overlay in found.overlays],
        "disputed": {name: [asdict(e) for e in each] for name, each in found.disputed.items()},
    }
    return dict(_finite(values))


def run_facts(run: PastRun) -> dict[str, Any]:
    """The facts that identify a run."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "started": run.when,
        "commit": run.commit.rstrip("*"),
        "clean": bool(run.commit) and not run.commit.endswith("*"),
    }


def _finite(value: Any) -> Any:
    """Replace non-finite numbers by None, since JSON cannot represent them."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
