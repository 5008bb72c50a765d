"""Stage `transfer`: how much of a result is left on further test sets.

The test sets have different rows, so that nothing is paired: each is resampled on its own, and the
interval of a drop covers the chance of both. Of many test sets some look worse by chance: the
p-values are corrected for their number (Holm 1979).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.machinery.naming.metric_name import FURTHER
from tasks.problems import Problem, load
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.headline import measure_headline, read_answers
from tasks.statistics.significance import holm, p_value


def compare(
    problem: str,
    names: list[str],
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    *,
    evaluation: Path,
    further: list[Path],
    tests: list[Path],
    leakages: list[Path],
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Compare the headline metric on the main test set with that on further ones.

    Args:
        problem: what is predicted.
        names: of the further test sets.
        bootstrap_samples: resamples of the documents behind each interval.
        confidence: coverage of the intervals, such as 0.95.
        seed: seed of the resamples; each test set has its own, that of its evaluation: one more
            than that of the test set before it.
        evaluation: folder of the evaluation on the main test set.
        further: folders of the evaluations of the same model on the others, in order.
        tests: folders of stage `further-test`, in order.
        leakages: folders of stage `leakage` of the corpus, in order; empty without a corpus.
        out: empty folder for finding.json: sentences, and each test set with its drop.
        monitor: receives the progress.

    Returns:
        For each further test set `on_NAME/METRIC` and `on_NAME/drop` (how much worse it is than on
        the main one, positive if worse), with `/low` and `/high`; `on_NAME/gain` of pre-training,
        if that was measured.
    """
    kind, bootstrap = load(problem), Bootstrap(bootstrap_samples, confidence, seed)
    metric = kind.METRICS[kind.HEADLINE]
    main = measure_headline(kind, read_answers(evaluation), bootstrap)
    metrics: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    p_values: list[float] = []
    for number, (name, folder, test) in enumerate(zip(names, further, tests, strict=True), 1):
        monitor.progress(number - 1, len(names), "test sets")
        own = Bootstrap(bootstrap_samples, confidence, seed + number)
        there = measure_headline(kind, read_answers(folder), own)
        drops = metric.sign * (main.drawn - there.drawn)
        found = {kind.HEADLINE: there.value, "drop": metric.sign * (main.value - there.value)}
        ends = {kind.HEADLINE: own.interval(there.drawn), "drop": own.interval(drops)}
        for each, (low, high) in ends.items():
            found |= {f"{each}/low": low, f"{each}/high": high}
        measured = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        found |= {
            each: measured[each] for each in ("gain", "gain/low", "gain/high") if each in measured
        }
        metrics |= {f"{FURTHER}{name}/{each}": amount for each, amount in found.items()}
        facts = json.loads((test / "further.json").read_text(encoding="utf-8"))
        # Of too few documents nothing is said, so that they are no test among the others.
        few = min(main.documents, there.documents) < FEWEST_DOCUMENTS
        p_values += [] if few else [p_value(drops)]
        rows.append({"name": name, "test": facts, "few": few, "metrics": found})
    corrected = iter(holm(p_values))
    for row in rows:
        row["p"] = None if row["few"] else next(corrected)
        row["verdict"] = verdict_of(row["metrics"]["drop"], row["p"], 1 - confidence)
    for row, leakage in zip(rows, leakages, strict=False):
        row["leakage"] = json.loads((leakage / "leakage.json").read_text(encoding="utf-8"))
    evaluated = json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))
    facts = {
        "metric": asdict(metric),
        "headline": kind.HEADLINE,
        "confidence": confidence,
        "main": {
            name: evaluated[name] for name in evaluated if name.startswith((kind.HEADLINE, "gain"))
        },
        "further": rows,
        "sentences": [sentence(kind, row) for row in rows],
    }
    write_json(out / "finding.json", facts)
    monitor.progress(len(names), len(names), "test sets")
    return metrics


def verdict_of(drop: float, p: float | None, level: float) -> str:
    """What the p-value of a drop says; None where there are too few documents for one."""
    if p is None:
        return "too few test documents to tell"
    if p >= level:
        return "no drop shown"
    return "worse" if drop > 0 else "better"


def sentence(kind: Problem, row: dict[str, Any]) -> str:
    """What a further test set shows, in words."""
    metric, found = kind.METRICS[kind.HEADLINE], row["metrics"]
    value = numbers.with_interval(
        found[kind.HEADLINE],
        found[f"{kind.HEADLINE}/low"],
        found[f"{kind.HEADLINE}/high"],
        metric.unit,
    )
    change = numbers.difference(
        -found["drop"], -found["drop/high"], -found["drop/low"], metric.unit
    )
    return (
        f"on {row['name']}: {metric.words} {value}, against the main test set "
        f"{numbers.counted(change, metric.unit)}: {row['verdict']}"
    )
