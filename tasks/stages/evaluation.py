"""Stage `evaluation`: the metrics of a fine-tuned model on the test split, with intervals.

Inference is in fp32, so that results do not depend on the hardware of the training. The intervals
show how the metrics would vary with other test documents; they do not cover the variation between
training seeds. With several fine-tunings, mean and standard deviation show that one, on the same
test documents.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.machinery.naming.metric_name import (
    FROM_SCRATCH,
    GAIN,
    MAJORITY,
    OVER_SIMPLE,
    OVER_START,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    SIMPLE,
    START,
    MetricName,
)
from tasks.models.answering import read_labels
from tasks.models.bodies import read_model
from tasks.models.files import configuration_of, labels_of, require_labels
from tasks.models.inference import predict
from tasks.models.relabelling import Relabelled, every_label
from tasks.problems import PROBABILITIES, Probabilities, Problem, load, load_probabilities
from tasks.problems.class_scores import in_places
from tasks.problems.weighted import Scores, Together, on_all_rows
from tasks.statistics.bootstrap import Bootstrap, centred
from tasks.statistics.documents import count_documents
from tasks.statistics.further_metrics import FurtherScore, load_further, scorer

DIFFERENCES = {FROM_SCRATCH: GAIN, START: OVER_START, SIMPLE: OVER_SIMPLE}
WORST = 10  # rows with the largest errors that a page shows
MOST_POINTS = 5000  # of a scatter plot; of more rows, every second, third, … one


@dataclass(frozen=True)
class Answers:
    """The predictions of a model on the test split.

    Attributes:
        model: FROM_SCRATCH, START, SIMPLE, or empty for the model itself.
        table: the rows with the predictions.
        scores: the metrics as functions of the rows' weights.
    """

    model: str
    table: pd.DataFrame
    scores: Scores


def evaluate(
    problem: str,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    *,
    data: Path,
    model: Path,
    from_scratch: Path | None,
    start: Path | None = None,
    simple: Path | None = None,
    further: Sequence[Path] = (),
    further_from_scratch: Sequence[Path] = (),
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Evaluate a model on the test split, and compare it with the models that it must beat.

    These are the same model from random weights, the given one that pre-training continued from,
    and the field's simple model.

    Args:
        problem: what is predicted.
        bootstrap_samples: resamples of the test documents behind each interval.
        confidence: coverage of the intervals, such as 0.95.
        seed: seed of the resamples.
        data: folder with test.parquet, train.parquet (for the majority baseline), labels.json.
        model: folder of the fine-tuned model.
        from_scratch: folder of the model that started from random weights, if there is one.
        start: folder of the model that was fine-tuned from the given one, if there is one.
        simple: folder of stage `baseline` with the answers of the simple model, if there is one.
        further: folders of the same model, fine-tuned with further seeds.
        further_from_scratch: of the model from random weights with the same seeds; or none.
        out: empty folder for predictions.parquet, metrics.json, evaluation.json (what was
            measured, in words), classes.json (scores by class, and the confusions) and rows.json
            (the rows with the largest errors; truth and answer of each row, if they are numbers;
            how sure the answers are and how many are right, if they have probabilities).
        monitor: receives the progress, and how much did not fit into the model's input.

    Returns:
        `test_documents`, each metric of the problem with its `/low` and `/high`, and
        `majority/HEADLINE`. With `from_scratch` also the same under `from_scratch/`, and `gain`,
        `gain/low`, `gain/high`: how much better the model is than the one from scratch in the
        headline metric, paired. With `start` the same under `start/`, and `over_start`; with
        `simple` under `simple/`, and `over_simple`. With `further`, `seeds` (how many), and the
        mean and the standard deviation of each metric, and of the gain, under `seeds_mean/` and
        `seeds_spread/`.

    Raises:
        StageError: the test split is one document, or a model lacks a label of the data.
    """
    kind, sure, more = load(problem), load_probabilities(problem), load_further(problem)
    kind.METRICS = {**kind.METRICS, **(more.METRICS if more else {})}
    bootstrap = Bootstrap(bootstrap_samples, confidence, seed)
    asked = read_labels(data)
    train, test = (pd.read_parquet(data / f"{split}.parquet") for split in ("train", "test"))
    test = kind.complete(test, data, "test")
    scored_too = scorer(more, test, data)
    documents = count_documents(test)
    others = {FROM_SCRATCH: from_scratch, START: start}
    folders = {"": model} | {name: folder for name, folder in others.items() if folder is not None}
    labels = every_label(asked, [labels_known(folder, asked) for folder in folders.values()])
    answers: list[Answers] = []
    for name, folder in folders.items():
        monitor.progress(len(answers), len(folders), "models")
        table = answer(kind, folder, test, labels, monitor=monitor)
        answers.append(Answers(name, table, scores_of(kind, sure, scored_too, table, labels)))
    if simple is not None:
        table = read_simple(kind, simple, test, labels)
        answers.append(Answers(SIMPLE, table, scores_of(kind, sure, scored_too, table, labels)))
    metrics = {"test_documents": float(documents)} | measure(kind, answers, bootstrap)
    metrics |= measure_majority(kind, train, test, labels)

    def measured(folder: Path) -> dict[str, float]:
        table = answer(kind, folder, test, labels, monitor=monitor)
        return on_all_rows(scores_of(kind, sure, scored_too, table, labels))

    beside = {"": further, FROM_SCRATCH: further_from_scratch}
    again = {name: [measured(folder) for folder in found] for name, found in beside.items()}
    metrics |= over_seeds(kind, metrics, again)
    facts = {
        "problem": problem,
        "headline": kind.HEADLINE,
        "metrics": {n: asdict(metric) for n, metric in kind.METRICS.items() if n in metrics},
        "rows": f"{len(test):,} {kind.ROWS}",
        "confidence": confidence,
        "majority": kind.constant(kind.majority(train, test)),
        "simple": "" if simple is None else read_facts(simple)["words"],
    }
    write_json(out / "metrics.json", metrics)
    write_json(out / "evaluation.json", facts)
    write_json(out / "classes.json", classes_of(kind, answers[0].table, labels))
    write_json(out / "rows.json", rows_of(kind, sure, answers[0].table, labels))
    write_predictions(answers, out / "predictions.parquet")
    kind.keep(test, answers[0].table, out)
    monitor.progress(len(folders), len(folders), "models")
    return metrics


def labels_known(folder: Path, asked: Sequence[str]) -> list[str]:
    """The labels that the model in a folder answers: those of the data, and perhaps others.

    Empty where the data have none.

    Raises:
        StageError: it does not know all labels of the data.
    """
    configuration = configuration_of(folder, f"{folder.name}/")
    require_labels(asked, configuration, f"{folder.name}/")
    return labels_of(configuration) if asked else []


def answer(
    kind: Problem,
    folder: Path,
    test: pd.DataFrame,
    labels: Sequence[str],
    *,
    monitor: Monitor,
) -> pd.DataFrame:
    """Predict the test split with the model in a folder."""
    model, tokenizer = read_model(kind.AUTO_MODEL, folder, kind.READER)
    known = labels_of(model.config.to_dict())
    if labels and known != list(labels):
        model = Relabelled(model, known, labels)
    examples = kind.encode(test, tokenizer, labels)
    monitor.note(**{f"test_{kind.CUT}": sum(example.cut for example in examples)})
    return predict(kind, model, test, examples, labels)


def read_simple(
    kind: Problem, folder: Path, test: pd.DataFrame, labels: Sequence[str]
) -> pd.DataFrame:
    """The answers of the simple model, from a folder of stage `baseline`, with the truth.

    Its probabilities are put into the order of the labels.
    """
    table = pd.read_parquet(folder / "answers.parquet")
    if list(table["document"]) != list(test["document"]):
        raise ValueError(f"{folder}: the answers are to other rows than those of the test split")
    table.insert(1, "gold", list(test[kind.TRUTH]))
    if PROBABILITIES in table:
        given = np.stack(list(table[PROBABILITIES]))
        placed = in_places(given, read_facts(folder)["labels"], labels)
        table[PROBABILITIES] = pd.Series(list(placed), index=table.index)
    return table


def scores_of(
    kind: Problem,
    sure: Probabilities | None,
    more: FurtherScore | None,
    table: pd.DataFrame,
    labels: Sequence[str],
) -> Scores:
    """The metrics of a table of answers; those of probabilities only where it has these."""
    gold, predicted = table["gold"], table["predicted"]
    found = [kind.score(gold, predicted, labels)]
    if sure is not None and {*sure.NEEDED} <= {*table.columns}:
        found.append(sure.score(table, labels))
    if more is not None:
        found.append(more(list(gold), list(predicted), labels))
    return found[0] if len(found) == 1 else Together(tuple(found))


def read_facts(folder: Path) -> dict[str, Any]:
    """What the simple model is, in words, and its labels, from a folder of stage `baseline`."""
    facts: dict[str, Any] = json.loads((folder / "baseline.json").read_text(encoding="utf-8"))
    return facts


def measure(kind: Problem, answers: Sequence[Answers], bootstrap: Bootstrap) -> dict[str, float]:
    """The metrics of each model with intervals, and what the first gains over each other."""
    documents = list(answers[0].table["document"])
    resampled = bootstrap.resample([each.scores for each in answers], documents)
    metrics: dict[str, float] = {}
    for each, values in zip(answers, resampled, strict=True):
        for name, value in on_all_rows(each.scores).items():
            named = MetricName(name, each.model)
            metrics[str(named)] = value
            drawn = values[name]
            if kind.METRICS[name].centred:
                drawn = centred(drawn, value)
            metrics |= ends(named, bootstrap.interval(drawn))
    headline, sign = kind.HEADLINE, kind.METRICS[kind.HEADLINE].sign
    for each, values in zip(answers[1:], resampled[1:], strict=True):
        name = DIFFERENCES[each.model]
        other = metrics[str(MetricName(headline, each.model))]
        metrics[name] = sign * (metrics[headline] - other)
        differences = sign * (resampled[0][headline] - values[headline])
        metrics |= ends(MetricName(name), bootstrap.interval(differences))
    return metrics


def over_seeds(
    kind: Problem, first: Mapping[str, float], again: Mapping[str, Sequence[Mapping[str, float]]]
) -> dict[str, float]:
    """The mean and the standard deviation (of a sample) over the fine-tunings with several seeds.

    Args:
        kind: the problem.
        first: the metrics of the evaluation with the first seed.
        again: of the model ("") and of the one from scratch, the metrics with each further seed.
    """
    if not again[""]:
        return {}
    measured = [name for name in kind.METRICS if name in first]
    values = {name: [first[name], *(each[name] for each in again[""])] for name in measured}
    if again[FROM_SCRATCH]:
        headline, sign = kind.HEADLINE, kind.METRICS[kind.HEADLINE].sign
        pairs = zip(again[""], again[FROM_SCRATCH], strict=True)
        gains = [sign * (ours[headline] - scratch[headline]) for ours, scratch in pairs]
        values[GAIN] = [first[GAIN], *gains]
    found = {SEEDS: float(len(again[""]) + 1)}
    for name, each in values.items():
        found[str(MetricName(name, SEEDS_MEAN))] = statistics.fmean(each)
        found[str(MetricName(name, SEEDS_SPREAD))] = statistics.stdev(each)
    return found


def ends(name: MetricName, interval: tuple[float, float]) -> dict[str, float]:
    """An interval as metrics."""
    return {name.low: interval[0], name.high: interval[1]}


def measure_majority(
    kind: Problem, train: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> dict[str, float]:
    """The headline metric of always predicting the most frequent label of the training split."""
    values = on_all_rows(kind.score(test[kind.TRUTH], kind.majority(train, test), labels))
    return {str(MetricName(kind.HEADLINE, MAJORITY)): values[kind.HEADLINE]}


def classes_of(kind: Problem, table: pd.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Scores by class, a list a row, and how often each class was predicted for each.

    Empty where a problem has no classes.
    """
    if kind.PARTS is None:
        return {"report": {}, "names": [], "confusion": []}
    gold, predicted = table["gold"], table["predicted"]
    names, counts = kind.confusion(gold, predicted, labels)
    report = kind.report(gold, predicted, labels)
    return {
        "report": report.to_dict("list"),
        "names": list(names),
        "confusion": counts.tolist(),
    }


def rows_of(
    kind: Problem, sure: Probabilities | None, table: pd.DataFrame, labels: Sequence[str]
) -> dict[str, Any]:
    """The rows with the largest errors, the worst first; the points of plots."""
    order = np.argsort(-kind.errors(table), kind="stable")[:WORST]
    worst = [kind.describe(table.iloc[i]) for i in order]
    points = kind.points(table["gold"], table["predicted"])
    measured = getattr(kind, "curves", None)
    curves = measured(table["gold"], table["predicted"], labels) if measured else {}
    return {
        "worst": [asdict(each) | {"right": False} for each in worst if not each.right],
        "points": points[:: max(1, -(-len(points) // MOST_POINTS))],
        "reliability": [] if sure is None else sure.reliability(table),
        **({"curves": curves} if curves else {}),
    }


def write_predictions(answers: Sequence[Answers], path: Path) -> None:
    """One table: the rows, with the predictions of each model in its own columns.

    The probabilities of all labels, in the order of the classes in classes.json, are those of the
    first model alone: with many labels they are most of the table.
    """
    table = answers[0].table
    for each in answers[1:]:
        columns = [name for name in each.table.columns if name != PROBABILITIES]
        for name in columns[columns.index("predicted") :]:
            table = table.assign(**{f"{each.model}_{name}": each.table[name]})
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path)
