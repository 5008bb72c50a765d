"""Stage `judgement`: champion and challenger on the same current test split.

Both predict with the same code, in fp32, as in stage `evaluation`. Data change, and with them the
labels. A model never predicts a label that it does not have (and is wrong), and may predict a label
that only it has (and is wrong too), so an old champion is evaluated on today's data. Test rows that
the champion was fine-tuned on (since the data were split differently then) are left out for both
models: the champion would know the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor, StageError
from tasks.data.rows import FEWEST_TESTED, Shape
from tasks.data.same_text import content, digest_of
from tasks.data.tables import read_table, write_json
from tasks.experiment.retraining import Rule
from tasks.models.answering import read_labels
from tasks.models.bodies import read_model
from tasks.models.inference import predict
from tasks.models.relabelling import every_label, relabelled
from tasks.problems import Problem, load, shape_of
from tasks.statistics.documents import count_documents
from tasks.statistics.paired_measures import Slicing
from tasks.statistics.promotion import Decision, decide


def judge(
    problem: str,
    rule: Rule,
    seed: int,
    *,
    data: Path,
    challenger: Path,
    champion: Path | None,
    learnt: Sequence[Path] = (),
    is_known: bool = True,
    keys: Path | None = None,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Decide whether a challenger replaces the champion.

    Args:
        problem: what is predicted.
        rule: the rule for a promotion.
        seed: seed of the resamples.
        data: folder with test.parquet, train.parquet (for the majority baseline), labels.json; of
            pictures also their pixels.
        challenger: folder of its model.
        champion: folder of the champion's model; None if there is none yet.
        learnt: tables of labelled rows that the champion was fine-tuned on; of pictures, of their
            hashes and splits.
        is_known: whether these are all of them.
        keys: of pictures, the table of the hashes of those in `data`.
        out: empty folder for decision.json.
        monitor: receives the progress.

    Returns:
        `test_documents`, `left_out` (rows), `promoted` (1 or 0); the headline metric of
        `challenger/` and of `champion/` (or of `majority/`) with `/low` and `/high`; `gain` with
        its interval.

    Raises:
        StageError: the test split is one document, the champion was fine-tuned on all but one of
            its documents, or a model is for another kind of problem.
    """
    kind = load(problem)
    train, test = (pd.read_parquet(data / f"{split}.parquet") for split in ("train", "test"))
    count_documents(test)
    test = kind.complete(test, data, "test")
    if keys is None:
        alike = rows_alike(shape_of(problem), test, learnt)
    else:
        alike = pictures_alike(test, keys, learnt)
    whole, test = test, without_learnt(test, alike)
    folders = {"challenger": challenger} | ({"champion": champion} if champion else {})
    models = {side: read_answering(kind, side, folder) for side, folder in folders.items()}
    asked = read_labels(data)
    labels = every_label(asked, [known for _, _, known in models.values()]) if asked else []
    answers: dict[str, pd.DataFrame] = {}
    for side, (model, tokenizer, known) in models.items():
        monitor.progress(len(answers), len(models), "models")
        require_places(kind, side, known, labels)
        answers[side] = answer(kind, relabelled(model, known, labels), tokenizer, test, labels)
    monitor.progress(len(models), len(models), "models")
    decision = decide(
        kind,
        rule,
        seed,
        labels,
        challenger=answers["challenger"],
        champion=answers.get("champion"),
        majority=kind.majority(train, test),
        slicing=Slicing.of(test, answers["challenger"]),
    )
    left_out = len(whole) - len(test)
    context = {
        "problem": problem,
        "rule": rule.model_dump(),
        "remarks": remarks(left_out, is_known=is_known),
    }
    write_json(out / "decision.json", asdict(decision) | context)
    metrics = metrics_of(decision, "champion" if champion else "majority")
    return metrics | {"left_out": float(left_out)}


def rows_alike(shape: Shape, test: pd.DataFrame, learnt: Sequence[Path]) -> list[bool]:
    """Which test rows are in some tables."""
    if not learnt:
        return [False] * len(test)
    known = {_key(shape, row) for table in learnt for row in read_table(table)}
    rows: list[dict[str, Any]] = test.to_dict("records")  # type: ignore[assignment]
    return [_key(shape, row) in known for row in rows]


def pictures_alike(test: pd.DataFrame, keys: Path, learnt: Sequence[Path]) -> list[bool]:
    """Which test pictures are copies of those that some tables have in their training split.

    Args:
        test: the test rows.
        keys: the hash of each picture by its name: keys.parquet of stage `images`.
        learnt: the same of other pictures, with their splits.
    """
    known = {row["key"] for table in learnt for row in read_table(table) if row["split"] == "train"}
    key = {row["image"]: row["key"] for row in read_table(keys)}
    return [key[image] in known for image in test["image"]]


def without_learnt(test: pd.DataFrame, alike: Sequence[bool]) -> pd.DataFrame:
    """The test rows without those that the champion has learnt.

    Raises:
        StageError: they come from fewer than two documents.
    """
    found = test[[not each for each in alike]].reset_index(drop=True)
    if len(found) < len(test) and found["document"].nunique() < FEWEST_TESTED:
        raise StageError(
            f"the champion was fine-tuned on {len(test) - len(found):,} of the {len(test):,} rows "
            "of the test split, and the rest are too few to compare on: split the data as before "
            "(with the same `split_seed`; in older versions, `seed`), or give them a test split of "
            "their own"
        )
    return found


def _key(shape: Shape, row: dict[str, Any]) -> bytes:
    """What rows have in common whose texts are alike."""
    return digest_of(content(shape.passage(row)))


def remarks(left_out: int, *, is_known: bool) -> list[str]:
    """Remarks on the test split for the page."""
    found = []
    if left_out:
        found.append(
            f"{left_out:,} rows of the test split are left out for both models: the champion was "
            "fine-tuned on them."
        )
    if not is_known:
        found.append(
            "Some of the champion's fine-tuning data are unknown or no longer in the store, so "
            "Temper cannot check whether they contain rows of the test split."
        )
    return found


def read_answering(kind: Problem, side: str, folder: Path) -> tuple[Any, Any, list[str]]:
    """A model, its tokenizer, and its labels."""
    try:
        model, tokenizer = read_model(kind.AUTO_MODEL, folder, kind.READER)
    except StageError as error:
        raise StageError(
            f"the model of the {side} cannot be read: {error}. Register models of another problem "
            "under another name"
        ) from None
    if type(model).__name__ not in (model.config.architectures or [type(model).__name__]):
        raise StageError(
            f"the model of the {side} is a {model.config.architectures[0]}, but this problem needs "
            f"a {type(model).__name__}; register under another name"
        )
    return model, tokenizer, [model.config.id2label[i] for i in range(model.config.num_labels)]


def require_places(kind: Problem, side: str, known: Sequence[str], labels: Sequence[str]) -> None:
    """Check that a model can answer the labels of both, if its outputs cannot be put in places.

    Raises:
        StageError: it has other labels.
    """
    if not kind.RELABELS and list(known) != list(labels):
        raise StageError(
            f"the model of the {side} has the classes {', '.join(known)}, and the data and both "
            f"models together {', '.join(labels)}; accepted with this problem: the same classes in "
            "the same order. Register under another name"
        )


def answer(
    kind: Problem, model: Any, tokenizer: Any, test: pd.DataFrame, labels: Sequence[str]
) -> pd.DataFrame:
    """The test rows with the predictions of a model."""
    return predict(kind, model, test, kind.encode(test, tokenizer, labels), labels)


def metrics_of(decision: Decision, other: str) -> dict[str, float]:
    """The decision in numbers: the headline metric, and whether the challenger has won."""
    head = decision.rows[0]
    metrics = {
        "test_documents": float(decision.documents),
        "promoted": float(decision.outcome in ("first", "promoted")),
    }
    named = {f"challenger/{head.name}": head.after, f"{other}/{head.name}": head.before}
    for name, estimate in (named | {"gain": head.difference}).items():
        metrics[name] = estimate.value
        metrics |= {f"{name}/low": estimate.low, f"{name}/high": estimate.high}
    return metrics
