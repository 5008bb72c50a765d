"""Stage `calibration`: how far the probabilities of a fine-tuned model can be used.

A temperature (`statistics/temperature.py`) and the threshold of a wanted accuracy
(`statistics/coverage.py`) are chosen on the validation split, and measured on the test split. A
temperature changes no answer, so that the metrics of the evaluation stay what they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.data.text.length_buckets import Example
from tasks.models.bodies import read_model
from tasks.models.files import labels_of
from tasks.models.inference import predict
from tasks.problems import PROBABILITIES, Problem, load
from tasks.problems.calibration import calibration_error, gaps, reliability
from tasks.problems.weighted import Floats, Scores, Sums, Together, Values, on_all_rows
from tasks.problems.windows.texts import of_rows
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap, centred
from tasks.statistics.coverage import FEWEST, area_under_risk, curve, threshold_for
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.temperature import cross_entropies, fit, logs_of, tempered

ERROR, RAW_ERROR = "calibrated/calibration_error", "raw"
LOSS, RAW_LOSS = "calibrated/log_loss", "raw_loss"
REDUCTION = "calibrated/reduction"
AREA, COVERAGE, ACCURACY = "risk_coverage_area", "answered/coverage", "answered/accuracy"
_RIGHT = "answered/right"  # the share of all answers that are given and right


@dataclass(frozen=True)
class Answered:
    """The answers of a model to the rows of a split.

    Attributes:
        logs: logarithms of the probabilities, of shape (rows, labels).
        true: the number of the true label of each row.
        documents: that each row belongs to.
    """

    logs: Floats
    true: NDArray[np.int64]
    documents: list[str]

    @classmethod
    def of(cls, table: pd.DataFrame, labels: Sequence[str]) -> Answered:
        """From a table of answers, whose probabilities are in the order of these labels."""
        number = {label: i for i, label in enumerate(labels)}
        true = np.array([number[label] for label in table["gold"]], dtype=np.int64)
        return cls(logs_of(np.stack(list(table[PROBABILITIES]))), true, list(table["document"]))

    def at(self, temperature: float) -> Sure:
        """The probabilities at a temperature."""
        shares = tempered(self.logs, temperature)
        best = shares.argmax(axis=1)
        # Rounded to 24 bits, so that sums are exact in any order.
        sure = shares[np.arange(len(best)), best].astype(np.float32).astype(np.float64)
        return Sure(sure, best == self.true, cross_entropies(shares, self.true))


@dataclass(frozen=True)
class Sure:
    """How sure each answer is, whether it is right, and its cross-entropy in nats."""

    sure: Floats
    right: NDArray[np.bool_]
    losses: Floats


def calibrate(
    problem: str,
    wanted_accuracy: float,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    *,
    data: Path,
    model: Path,
    evaluation: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Choose temperature and threshold on the validation split, and measure both on the test.

    Args:
        problem: what is predicted: labels with probabilities.
        wanted_accuracy: of the answers that are given; a threshold is chosen for it.
        bootstrap_samples: resamples of the test documents behind each interval.
        confidence: coverage of the intervals, such as 0.95.
        seed: seed of the resamples.
        data: folder with validation.parquet (and what is stored beside it) and labels.json.
        model: folder of the fine-tuned model.
        evaluation: folder of its evaluation, with predictions.parquet and classes.json.
        out: empty folder for finding.json: sentences, the numbers, the bins before and after,
            and the curve of accuracy over coverage.
        monitor: receives the progress.

    Returns:
        `temperature`; `calibrated/calibration_error` and `calibrated/log_loss` (nats), and
        `calibrated/reduction`: how much lower the calibration error is, paired;
        `risk_coverage_area`; and, if a threshold reaches the wanted accuracy on the validation
        split, `answered/threshold`, `answered/coverage` and `answered/accuracy` on the test split,
        the last one if any test answer is so sure; its interval is of the resamples with one.
        All but `temperature` and the threshold with `/low` and `/high`.
    """
    kind = load(problem)
    monitor.progress(0, 2, "splits")
    validation = predicted(kind, data, model)
    classes = json.loads((evaluation / "classes.json").read_text(encoding="utf-8"))
    test = Answered.of(
        pd.read_parquet(evaluation / "predictions.parquet"), classes["report"]["class"]
    )
    monitor.progress(1, 2, "splits")
    temperature = fit(validation.logs, validation.true)
    chosen = validation.at(temperature.value)
    threshold = threshold_for(wanted_accuracy, chosen.sure, chosen.right)
    raw, calibrated = test.at(1.0), test.at(temperature.value)
    bootstrap = Bootstrap(bootstrap_samples, confidence, seed)
    metrics = {"temperature": temperature.value}
    metrics |= measured(raw, calibrated, threshold, test.documents, bootstrap)
    documents = len(set(test.documents))
    given = calibrated.sure >= (np.inf if threshold is None else threshold)
    given_documents = len({test.documents[row] for row in np.flatnonzero(given)})
    facts = {
        "temperature": temperature.value,
        "is_bound": temperature.is_bound,
        "validation_rows": len(validation.true),
        "validation_accuracy": float(chosen.right.mean()),
        "wanted_accuracy": wanted_accuracy,
        "threshold": threshold,
        "rows": f"{len(test.true):,} {kind.ROWS}",
        "confidence": confidence,
        "metrics": metrics,
        "before": reliability(raw.sure, raw.right),
        "after": reliability(calibrated.sure, calibrated.right),
        "curve": curve(calibrated.sure, calibrated.right),
        "sentences": [
            of_calibration(metrics, documents),
            of_threshold(metrics, wanted_accuracy, given_documents),
        ],
    }
    write_json(out / "finding.json", facts)
    monitor.progress(2, 2, "splits")
    return {name: value for name, value in metrics.items() if not name.startswith(RAW_ERROR)}


def predicted(kind: Problem, data: Path, folder: Path) -> Answered:
    """The answers of a model to the validation split."""
    rows = pd.read_parquet(data / "validation.parquet")
    rows = kind.complete(rows, data, "validation")
    model, reader = read_model(kind.AUTO_MODEL, folder, kind.READER)
    labels = labels_of(model.config.to_dict())
    reading: Any = _Kept(kind)
    table = predict(reading, model, rows, kind.encode(rows, reader, labels), labels)
    # Not of the stored probabilities: in fp32 the least of them are cut at 1e-38.
    logs: Floats = log_softmax(np.stack(reading.kept).astype(np.float64), axis=1)
    return replace(Answered.of(table, labels), logs=logs)


class _Kept:
    """A problem that keeps the logits which it decides by, one for each row."""

    def __init__(self, kind: Problem) -> None:
        self.kind = kind
        self.kept: Sequence[NDArray[np.floating[Any]]] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kind, name)

    def decide(
        self,
        rows: pd.DataFrame,
        examples: Sequence[Example],
        logits: Sequence[NDArray[np.float32]],
        labels: Sequence[str],
    ) -> pd.DataFrame:
        """The table of the problem."""
        self.kept = of_rows(examples, logits, self.kind.together)[1]
        return self.kind.decide(rows, examples, logits, labels)


def measured(
    raw: Sure,
    calibrated: Sure,
    threshold: float | None,
    documents: Sequence[str],
    bootstrap: Bootstrap,
) -> dict[str, float]:
    """The metrics on the test split with their intervals; also those before the temperature."""
    parts: list[Scores] = [
        *(error_of(name, each) for name, each in ((RAW_ERROR, raw), (ERROR, calibrated))),
        *(loss_of(name, each) for name, each in ((RAW_LOSS, raw), (LOSS, calibrated))),
        area_under_risk(AREA, calibrated.sure, calibrated.right),
    ]
    if threshold is not None:
        parts.append(given_from(threshold, calibrated))
    scores = Together(tuple(parts))
    values = on_all_rows(scores)
    [drawn] = bootstrap.resample([scores], documents)
    for name in (RAW_ERROR, ERROR):
        drawn[name] = centred(drawn[name], values[name])
    if threshold is not None:
        value, resampled = values.pop(_RIGHT), drawn.pop(_RIGHT)
        if values[COVERAGE]:
            answered = drawn[COVERAGE] > 0
            values[ACCURACY] = value / values[COVERAGE]
            drawn[ACCURACY] = resampled[answered] / drawn[COVERAGE][answered]
    drawn[REDUCTION] = drawn[RAW_ERROR] - drawn[ERROR]
    values[REDUCTION] = values[RAW_ERROR] - values[ERROR]
    found = dict(values)
    for name, each in drawn.items():
        found[f"{name}/low"], found[f"{name}/high"] = bootstrap.interval(each)
    return found | ({} if threshold is None else {"answered/threshold": threshold})


def error_of(name: str, answers: Sure) -> Sums:
    """The calibration error of some answers."""
    return Sums(gaps(answers.sure, answers.right), lambda sums: {name: calibration_error(sums)})


def loss_of(name: str, answers: Sure) -> Sums:
    """The mean cross-entropy of some answers, in nats."""
    sums = np.column_stack([answers.losses, np.ones(len(answers.losses))])
    return Sums(sums, lambda sums: {name: sums[..., 0] / sums[..., 1]})


def given_from(threshold: float, answers: Sure) -> Sums:
    """The shares of the answers that reach a threshold, and that reach it and are right."""
    given = answers.sure >= threshold

    def metrics(sums: Floats) -> Values:
        right, answered, rows = (sums[..., i] for i in range(3))
        return {COVERAGE: answered / rows, _RIGHT: right / rows}

    columns = [given & answers.right, given, np.ones(len(given))]
    return Sums(np.column_stack(columns).astype(np.float64), metrics)


def of_calibration(metrics: dict[str, float], documents: int) -> str:
    """What the temperature changes, in words: `too sure by …`."""
    before, after = (numbers.plain(metrics[name], "share") for name in (RAW_ERROR, ERROR))
    said = f"temperature {metrics['temperature']:.2f} chosen on validation"
    change = f"the calibration error goes from {before} to {after}"
    if documents < FEWEST_DOCUMENTS:
        return f"{said}: {change}; too few test documents ({documents}) to tell"
    low, high = (metrics[f"{REDUCTION}/{end}"] for end in ("low", "high"))
    verdict = "could be chance"
    if low > 0:
        verdict = "the probabilities are shown to be better"
    elif high < 0:
        verdict = "the probabilities are shown to be worse"
    return f"{said}: {change} ({verdict})"


def of_threshold(metrics: dict[str, float], wanted: float, documents: int) -> str:
    """What a threshold for a wanted accuracy gives on the test split, in words.

    Args:
        metrics: as measured.
        wanted: the accuracy.
        documents: that have an answer which is given.
    """
    if COVERAGE not in metrics:
        return (
            f"no threshold reaches an accuracy of {wanted:.0%} on at least {FEWEST} validation rows"
        )
    sure = f"at least {metrics['answered/threshold']:.1%} sure"
    if ACCURACY not in metrics:
        return (
            f"no test answer is {sure} (chosen on validation for an accuracy of {wanted:.0%}), so "
            "that nothing is known of the accuracy of such answers"
        )
    found = [
        numbers.with_interval(
            metrics[name], metrics[f"{name}/low"], metrics[f"{name}/high"], "share"
        )
        for name in (ACCURACY, COVERAGE)
    ]
    reached = metrics[f"{ACCURACY}/low"], metrics[f"{ACCURACY}/high"]
    verdict = "this is not shown to miss the wanted accuracy"
    if documents < FEWEST_DOCUMENTS:
        verdict = f"too few test documents with such answers ({documents}) to tell"
    elif reached[0] > wanted:
        verdict = "this is above the wanted accuracy"
    elif reached[1] < wanted:
        verdict = "this misses the wanted accuracy"
    return (
        f"{found[1]} of the answers are {sure} (chosen on validation for an accuracy of "
        f"{wanted:.0%}), and {found[0]} of these are right: {verdict}"
    )
