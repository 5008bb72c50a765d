"""Stage `explanation`: which parts of rows speak for the answers of a fine-tuned model.

Each method explains the same rows: the surest mistakes and some right answers for people, and a
sample of all test rows for the sums and the checks. The checks are made on the model itself, since
an explanation that looks plausible may still say nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.contract import Monitor
from tasks.data.tables import write_json
from tasks.explanations import load as load_method
from tasks.explanations._checked import checked
from tasks.machinery.naming.metric_name import MetricName
from tasks.models.explaining.checks import SHARES, Curves, Scale
from tasks.models.explaining.drivers import region_drivers, word_drivers
from tasks.models.explaining.explained import Explained, answer_of, in_one, load_explained
from tasks.models.explaining.measured import Explaining, Measured, Methods
from tasks.models.explaining.reading import Subjects
from tasks.models.explaining.subject import AT_ONCE, WORDS, RowInParts, Subject
from tasks.models.explaining.verdicts import FAITHFULNESS, verdict
from tasks.problems import Problem, load
from tasks.statistics.bootstrap import Bootstrap

RIGHT = 5  # right answers that are shown beside the mistakes


def explain(
    problem: str,
    methods: Sequence[str],
    most_rows: int,
    most_mistakes: int,
    bootstrap_samples: int,
    *,
    confidence: float,
    seed: int,
    data: Path,
    model: Path,
    evaluation: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Explain answers to test rows by several methods, and check the methods.

    Args:
        problem: what is predicted.
        methods: by name, as in tasks/explanations.
        most_rows: of the sample behind the sums and the checks.
        most_mistakes: that are shown, the surest first.
        bootstrap_samples: resamples of documents behind each interval.
        confidence: coverage of the intervals.
        seed: of the sample, the random orders, the random weights and the resamples.
        data: folder with test.parquet and labels.json.
        model: folder of the fine-tuned model.
        evaluation: folder with the predictions.parquet of the same model and rows.
        out: empty folder for finding.json (what was explained, in words), shown.json (rows with
            the attributions of their parts), drivers.json (parts that drive each answer),
            curves.json, explanations.parquet (the sample), and of pictures shown.npy.
        monitor: receives the progress.

    Returns:
        `explained_rows`, and of each method under its name: `completeness_error` if it is to be
        complete, `faithfulness` and `random_likeness` with intervals.

    Raises:
        StageError: the model lacks what a method needs.
    """
    kind, explained = load(problem), load_explained(problem)
    test = kind.complete(pd.read_parquet(data / "test.parquet"), data, "test")
    answers = pd.read_parquet(evaluation / "predictions.parquet")
    subjects = Subjects.read(problem, model, seed)
    subject, labels = subjects.own, subjects.labels

    sample = chosen(len(test), most_rows, seed)
    mistakes = surest_mistakes(kind, answers)
    told = mistakes[:most_mistakes]
    wrong, drawn = {*mistakes}, {*sample}
    right = [number for number in sample if number not in wrong][:RIGHT]
    by = {name: load_method(name) for name in methods}
    how = Explaining(subject, by, scale_of(subject, test, sample, labels), subjects.random, seed)
    total = len({*sample, *told})
    by_number: dict[int, Measured] = {}
    for number, row in prepared(subject, test, [*sample, *told], labels):
        found = how.measure(row, number) if number in drawn else how.values(row)
        by_number[number] = found.without_inputs()
        monitor.progress(len(by_number), total, "rows")
    measured = [by_number[number] for number in sample]

    documents = [str(answers["document"].iloc[number]) for number in sample]
    bootstrap = Bootstrap(bootstrap_samples, confidence, seed)
    metrics = {"explained_rows": float(len(sample))} | checked(measured, by, documents, bootstrap)
    facts = {
        "problem": problem,
        "score": explained.SCORE,
        "probable": explained.PROBABLE,
        "parts": subject.PARTS,
        "blank": subject.blank,
        "rows": f"{len(sample):,} of {len(test):,} {kind.ROWS}",
        "mistakes": len(mistakes),
        "tested": len(test),
        "confidence": confidence,
        "methods": {name: each.WORDS for name, each in by.items()},
        "complete": [name for name, each in by.items() if each.COMPLETE],
    }
    verdicts = "; ".join(verdict(metrics, name) for name in by)
    write_json(out / "finding.json", {"sentences": [f"explained: {verdicts}"], **facts})
    write_json(out / "metrics.json", metrics)
    shown = [*told, *right]
    rows = [
        described(kind, answers, number, by_number[number])
        | in_words(explained, labels, by_number[number])
        for number in shown
    ]
    write_json(out / "shown.json", rows)
    write_json(out / "drivers.json", drivers(subject, measured, by, labels))
    write_json(out / "curves.json", mean_curves(measured, by))
    of_words = subject.PARTS == WORDS
    said = [answer_of(explained, labels, each.row) for each in measured]
    write_table(out / "explanations.parquet", sample, measured, answers, said, of_words=of_words)
    if "pixels" in test and shown:
        np.save(out / "shown.npy", np.stack([test["pixels"].iloc[number] for number in shown]))
    return metrics


def chosen(rows: int, most: int, seed: int) -> list[int]:
    """Some of the rows, at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(rows)[:most]
    return sorted(int(each) for each in drawn)


def surest_mistakes(kind: Problem, answers: pd.DataFrame) -> list[int]:
    """The rows that are answered wrongly, the surest answer first.

    Of answers without one probability: the largest error first.
    """
    sure: NDArray[np.float64] = kind.errors(answers)
    if "probability" in answers and answers["probability"].dtype.kind == "f":
        sure = answers["probability"].to_numpy()
    order = np.argsort(-sure, kind="stable")
    return [int(i) for i in order if not kind.describe(answers.iloc[i]).right]


def prepared(
    subject: Subject, test: pd.DataFrame, numbers: Sequence[int], labels: Sequence[str]
) -> Iterator[tuple[int, RowInParts]]:
    """Rows in parts, each once, by their numbers; AT_ONCE of them are in memory.

    Each has the answer that is explained.
    """
    several = list(dict.fromkeys(numbers))
    for at in range(0, len(several), AT_ONCE):
        some = several[at : at + AT_ONCE]
        rows, truth = subject.rows(test.iloc[some], labels), test[subject.kind.TRUTH].iloc[some]
        for number, row, gold in zip(some, rows, truth, strict=True):
            yield number, subject.chosen(row, gold, labels)


def scale_of(
    subject: Subject, test: pd.DataFrame, sample: Sequence[int], labels: Sequence[str]
) -> Scale:
    """How scores become strengths: numbers by the deviation of those of the sample."""
    if subject.explained.PROBABLE:
        return Scale(probable=True)
    rows = prepared(subject, test, sample, labels)
    return Scale.of(subject, [float(subject.ends(row)[0][row.answer]) for _, row in rows])


def described(kind: Problem, answers: pd.DataFrame, number: int, found: Measured) -> dict[str, Any]:
    """A row for a page: its texts, its parts, and their attributions towards the answer."""
    answer, row = kind.describe(answers.iloc[number]), found.row
    columns = list(dict.fromkeys(piece.column for piece in row.pieces))
    return {
        "row": number,
        "truth": answer.truth,
        "answer": answer.answer,
        "right": answer.right,
        "said": answer.score,
        "name": answer.text if not columns else "",
        "texts": {name: in_one(answers[name].iloc[number]) for name in columns},
        "pieces": [[piece.column, piece.start, piece.end] for piece in row.pieces],
        "score": found.score,
        "blank": found.blank,
        "values": {name: (row.direction * each).tolist() for name, each in found.values.items()},
    }


def in_words(explained: Explained, labels: Sequence[str], found: Measured) -> dict[str, str]:
    """The answer that is explained, and how strong it is without the row's content."""
    without = f"{found.without:.1%}" if explained.PROBABLE else f"{found.blank:.4g}"
    return {"explained": answer_of(explained, labels, found.row), "without": without}


def drivers(
    subject: Subject, measured: Sequence[Measured], methods: Methods, labels: Sequence[str]
) -> dict[str, Any]:
    """Of each answer how many rows it is of, and by each method what drives it."""
    explained, of_words = subject.explained, subject.PARTS == WORDS
    groups: dict[str, list[Measured]] = defaultdict(list)
    for each in measured:
        if of_words and not each.row.pieces:  # the model sees nothing of it
            continue
        groups[explained.words(labels, each.row.answer, each.row.direction)].append(each)

    def found(rows: Sequence[Measured], method: str) -> Any:
        if of_words:
            return word_drivers(rows, method)
        return region_drivers(rows, method).tolist()

    return {
        answer: {"rows": len(rows), "methods": {name: found(rows, name) for name in methods}}
        for answer, rows in sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    }


def mean_curves(measured: Sequence[Measured], methods: Methods) -> dict[str, Any]:
    """The mean curves of each method and of random orders; none if no row has some."""
    known = [each for each in measured if each.chance is not None]
    if not known:
        return {}

    def mean(found: Sequence[Curves]) -> dict[str, list[float]]:
        return {
            name: np.mean([getattr(each, name) for each in found], axis=0).tolist()
            for name in ("deletion", "insertion")
        }

    chance = mean([each.chance for each in known if each.chance is not None])
    ours = {name: mean([each.curves[name] for each in known]) for name in methods}
    return {"shares": SHARES.tolist(), "random": chance, "methods": ours}


def write_table(
    path: Path,
    sample: Sequence[int],
    measured: Sequence[Measured],
    answers: pd.DataFrame,
    said: Sequence[str],
    *,
    of_words: bool,
) -> None:
    """The rows of the sample with the attributions of each method, a list a row.

    `said` is the answer of each row that is explained, in words.
    """
    table = answers.iloc[list(sample)][["document", "gold", "predicted"]].reset_index(drop=True)
    table.insert(0, "row", list(sample))
    table["explained"] = list(said)
    table["score"] = [each.score for each in measured]
    table["blank"] = [each.blank for each in measured]
    if of_words:
        table["words"] = [[piece.text for piece in each.row.pieces] for each in measured]
    for name in measured[0].values if measured else ():
        table[name] = [each.values[name].tolist() for each in measured]
        table[str(MetricName(FAITHFULNESS, name))] = [each.faithfulness(name) for each in measured]
    table.to_parquet(path, index=False)
