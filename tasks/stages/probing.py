"""Stage `probing`: which layer of an encoder linearly holds the answer, against random weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.tables import write_json
from tasks.machinery.naming.metric_name import MetricName
from tasks.models.answering import read_labels
from tasks.models.learning.layer_probes import (
    ByLayer,
    answers_by_layer,
    features_of,
)
from tasks.models.learning.probed import load_probed, read_body
from tasks.problems import Problem, load
from tasks.problems.weighted import on_all_rows
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.documents import FEWEST_DOCUMENTS, count_documents

MOST = {"train": 2000, "validation": 1000, "test": 1000}  # rows, at most
TRAINED, RANDOM = "pretrained", "random_weights"
GAIN = "probe_gain"


def probe(
    problem: str,
    max_length: int,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    *,
    data: Path,
    body: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Fit a linear model on the features of each layer, of an encoder and of one of random weights.

    Args:
        problem: what is predicted.
        max_length: tokens of the longest input; 0 for pictures.
        bootstrap_samples: resamples of the test documents behind each interval.
        confidence: coverage of the intervals.
        seed: of the choice of rows, the random weights and the resamples.
        data: folder with the rows of all splits, and labels.json.
        body: folder of the pre-trained encoder, with its tokenizer or the size of its pictures.
        out: empty folder for finding.json: sentences, and the metric of each layer with its
            interval.
        monitor: receives the progress, and the curves by layer.

    Returns:
        `best_layer` (the one that is best on the validation rows; 0 is the embeddings), the
        headline metric of its probe on the test rows with its interval under `probe/`, that of the
        best layer with random weights under `random_weights/`, and `probe_gain`, paired.
    """
    kind, labels, probed = load(problem), read_labels(data), load_probed(problem)
    rows = {
        split: kind.complete(
            choose_rows(data / f"{split}.parquet", kind.texts, most, seed), data, split
        )
        for split, most in MOST.items()
    }
    found: dict[str, dict[str, list[dict[str, list[Any]]]]] = {}
    done, total = 0, 2 * sum(map(len, rows.values()))
    for name, weights in ((TRAINED, True), (RANDOM, False)):
        model, reader = read_body(probed, kind, body, labels, max_length, seed, weights=weights)
        features: dict[str, ByLayer] = {}
        for split, table in rows.items():
            examples = kind.encode(table, reader, labels)
            report = partial(_report, monitor, done, total)
            features[split] = features_of(kind, probed, model, examples, report)
            done += len(table)
        found[name] = answers_by_layer(probed, list(rows["train"][kind.TRUTH]), features)
    curves = measured(kind, found, rows, labels, Bootstrap(bootstrap_samples, confidence, seed))
    for layer in range(len(curves["curves"][TRAINED]["mean"])):
        points = {
            f"{name}/{pooled}": each[layer]["value"]
            for name, ways in curves["curves"].items()
            for pooled, each in ways.items()
        }
        monitor.log(layer, points)
    facts = {
        "problem": problem,
        "headline": kind.HEADLINE,
        "metric": kind.METRICS[kind.HEADLINE].words,
        "unit": kind.METRICS[kind.HEADLINE].unit,
        "sign": kind.METRICS[kind.HEADLINE].sign,
        "confidence": confidence,
        "rows": {split: len(table) for split, table in rows.items()},
        "documents": count_documents(rows["test"]),
    }
    facts |= curves
    write_json(out / "finding.json", {"sentences": [sentence(facts)], **facts})
    return dict(curves["metrics"])


def sentence(found: dict[str, Any]) -> str:
    """Which layer is chosen, and whether its answer is due to pre-training.

    Args:
        found: as in finding.json: `metrics`, `curves`, `documents` of the test split, `unit`.
    """
    metrics, documents = found["metrics"], found["documents"]
    layer, gain = int(metrics["best_layer"]), MetricName(GAIN)
    low, high = metrics[gain.low], metrics[gain.high]
    layers = len(found["curves"][TRAINED]["mean"]) - 1
    what = "the embeddings are" if layer == 0 else f"layer {layer} is"
    said = f"of {layers} layers, {what} the best on the validation rows"
    amount = numbers.gain(metrics[GAIN], found["unit"])
    if documents < FEWEST_DOCUMENTS:
        return (
            f"{said}; whether pre-training put the answer there cannot be said of {documents} test "
            f"documents, a verdict needs {FEWEST_DOCUMENTS}"
        )
    if low > 0:
        return f"{said}; pre-training put the answer there: {amount} over random weights"
    if high < 0:
        return f"{said}; but random weights hold the answer better ({amount})"
    return f"{said}; that pre-training put the answer there is not shown ({amount})"


def _report(monitor: Monitor, before: int, total: int, done: int) -> None:
    monitor.progress(before + done, total, "rows")


def measured(
    kind: Problem,
    found: dict[str, dict[str, list[dict[str, list[Any]]]]],
    rows: dict[str, pd.DataFrame],
    labels: Sequence[str],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """The curves of each model and pooling, and the metrics of the best layers."""
    headline, sign = kind.HEADLINE, kind.METRICS[kind.HEADLINE].sign
    truth = {split: list(table[kind.TRUTH]) for split, table in rows.items()}
    documents = list(rows["test"]["document"])
    curves: dict[str, dict[str, list[dict[str, float]]]] = {}
    best: dict[str, tuple[float, int, float, Any]] = {}
    for name, ways in found.items():
        curves[name] = {}
        for pooled, layers in ways.items():
            curves[name][pooled] = []
            for number, answers in enumerate(layers):
                scores = kind.score(truth["test"], answers["test"], labels)
                (drawn,) = bootstrap.resample([scores], documents)
                low, high = bootstrap.interval(drawn[headline])
                value = on_all_rows(scores)[headline]
                curves[name][pooled].append({"value": value, "low": low, "high": high})
                chosen = kind.score(truth["validation"], answers["validation"], labels)
                given = sign * on_all_rows(chosen)[headline]
                if name not in best or given > best[name][0]:
                    best[name] = (given, number, value, scores)
    metrics = {"best_layer": float(best[TRAINED][1])}
    resampled = bootstrap.resample([best[name][3] for name in (TRAINED, RANDOM)], documents)
    for model, name, drawn in zip(("probe", RANDOM), (TRAINED, RANDOM), resampled, strict=True):
        metrics |= _with_ends(
            MetricName(headline, model), best[name][2], drawn[headline], bootstrap
        )
    gain = sign * (best[TRAINED][2] - best[RANDOM][2])
    apart = sign * (resampled[0][headline] - resampled[1][headline])
    metrics |= _with_ends(MetricName(GAIN), gain, apart, bootstrap)
    return {"curves": curves, "metrics": metrics}


def _with_ends(
    name: MetricName, value: float, drawn: np.ndarray[Any, Any], bootstrap: Bootstrap
) -> dict[str, float]:
    low, high = bootstrap.interval(drawn)
    return {str(name): value, name.low: low, name.high: high}
