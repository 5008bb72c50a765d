"""Learning curves: nested shares of the labels, and a factor that is known."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.data.chosen_rows import choose_rows
from tasks.pages.generalization import learning_curve_card
from tasks.problems import load
from tasks.stages.generalization.label_share import choose_share
from tasks.stages.generalization.learning_curve import draw_curve
from tests.stages.generalization.conftest import PROBLEM
from tests.support.shown import shown
from tests.support.tiny_models import LABELS

ROWS = 2000


def chosen(world: SimpleNamespace, out: Path, share: float, seed: int = 0) -> pd.DataFrame:
    out.mkdir()
    choose_share(PROBLEM, share, 0, seed, data=world.data, out=out, monitor=Silent())
    return pd.read_parquet(out / "train.parquet")


def test_shares_are_nested_stratified_and_those_of_the_seed(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    every = pd.read_parquet(world.data / "train.parquet")
    shares = [0.01, 0.1, 0.5, 1.0]
    tables = [chosen(world, tmp_path / str(share), share) for share in shares]
    keys = [set(zip(table["document"], table["text"], strict=True)) for table in tables]
    assert all(few <= more for few, more in pairwise(keys))
    assert [len(table) for table in tables] == [3, 24, 120, 240]
    for table in tables[1:]:
        there = table["label"].value_counts(normalize=True)
        usual = every["label"].value_counts(normalize=True)
        assert (there - usual).abs().max() < 0.06
    assert set(tables[0]["label"]) == set(LABELS), "each label at least once"
    other = chosen(world, tmp_path / "other", 0.1, seed=1)
    assert set(other["text"]) != set(tables[1]["text"])


def test_shares_are_among_the_rows_that_are_trained_on(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    kind = load(PROBLEM)
    trained = choose_rows(world.data / "train.parquet", kind.texts, 100, 3)
    (tmp_path / "out").mkdir()
    choose_share(
        PROBLEM, 0.2, 100, 0, chosen_by=3, data=world.data, out=tmp_path / "out", monitor=Silent()
    )
    rows = pd.read_parquet(tmp_path / "out" / "train.parquet")
    assert len(rows) == 20
    assert set(rows["text"]) <= set(trained["text"])


def test_a_share_of_rows_with_several_labels_has_each_label_and_is_no_larger(
    tmp_path: Path,
) -> None:
    generator = np.random.default_rng(0)
    names = np.array([f"label {number}" for number in range(12)])
    has = generator.random((2000, 12)) < np.linspace(0.05, 0.5, 12)
    labels = [list(names[each]) for each in has]
    texts = [f"text {number}" for number in range(2000)]
    rows = pd.DataFrame({"document": texts, "text": texts, "label": labels})
    data, out, monitor = tmp_path / "data", tmp_path / "out", Silent()
    data.mkdir()
    for split in ("train", "validation"):
        rows.to_parquet(data / f"{split}.parquet")
    (data / "labels.json").write_text(json.dumps(list(names)))
    for share, few in ((0.02, 40), (0.1, 200), (0.002, 12)):
        (out / str(share)).mkdir(parents=True)
        choose_share(
            "several-labels", share, 0, 0, data=data, out=out / str(share), monitor=monitor
        )
        chosen = pd.read_parquet(out / str(share) / "train.parquet")
        assert set(chosen["label"].explode().dropna()) == set(names), "each label at least once"
        assert len(chosen) <= few
    assert "0.2 % of 2,000 training rows are 4, but a row of each label needs" in monitor.said[-1]
    assert len(monitor.said) == 1


def evaluation(folder: Path, share_right: float, scratch_right: float | None) -> Path:
    """An evaluation with these accuracies; each model becomes right about rows in its order."""
    folder.mkdir(parents=True)
    place, other = ((np.random.default_rng(s).permutation(ROWS) + 0.5) / ROWS for s in (0, 1))
    table = pd.DataFrame({"document": [str(i) for i in range(ROWS)], "gold": ["a"] * ROWS})
    table["predicted"] = np.where(place < share_right, "a", "b")
    if scratch_right is not None:
        table["from_scratch_predicted"] = np.where(other < scratch_right, "a", "b")
    table.to_parquet(folder / "predictions.parquet")
    (folder / "classes.json").write_text(json.dumps({"report": {"class": ["a", "b"]}}))
    return folder


def curve(folder: Path, ours: list[float], scratch: list[float] | None) -> tuple[dict, Path]:
    counts, tables, evaluations = [10, 40, 160, 640], [], []
    for number, count in enumerate(counts):
        table = folder / f"{count}.parquet"
        pd.DataFrame({"document": ["d"] * count}).to_parquet(table)
        tables.append(table)
        other = None if scratch is None else scratch[number]
        evaluations.append(evaluation(folder / f"at {count}", ours[number], other))
    out = folder / "out"
    out.mkdir()
    metrics = draw_curve(
        PROBLEM,
        [0.015625, 0.0625, 0.25, 1.0],
        train_examples=0,
        bootstrap_samples=200,
        confidence=0.95,
        seed=0,
        points=tables,
        evaluations=evaluations,
        out=out,
        monitor=Silent(),
    )
    return metrics, out


def test_labels_that_are_worth_four_times_as_much_are_found_with_an_interval(
    tmp_path: Path,
) -> None:
    metrics, out = curve(tmp_path, [0.6, 0.7, 0.8, 0.9], [0.5, 0.6, 0.7, 0.8])
    assert metrics["labels_factor"] == pytest.approx(4, rel=0.01)
    assert 1 < metrics["labels_factor/low"] < 4 < metrics["labels_factor/high"]
    assert metrics["at_25_percent/accuracy"] == pytest.approx(0.8)
    assert metrics["at_25_percent/from_scratch_accuracy"] == pytest.approx(0.7)
    [said] = json.loads((out / "finding.json").read_text())["sentences"]
    assert said.startswith("labels are worth 4 times as much with pre-training")
    assert said.endswith("shown to be worth labels")
    page = shown(learning_curve_card.show, out)
    assert "| 25 % | 160 |" in (page / "card.md").read_text()
    assert (page / "learning-curve.png").is_file()


def test_a_factor_beyond_the_measured_range_is_said(tmp_path: Path) -> None:
    metrics, out = curve(tmp_path, [0.9, 0.91, 0.92, 0.93], [0.5, 0.55, 0.6, 0.65])
    assert metrics["labels_factor"] == pytest.approx(64)
    assert "labels_factor/high" not in metrics, "nothing is known beyond the range"
    assert metrics["labels_factor/low"] > 1
    [said] = json.loads((out / "finding.json").read_text())["sentences"]
    assert "at least 64 times" in said
    assert "beyond the measured range" in said
    assert "95 % interval from 64 on" in said
    assert "The validation rows are not counted" in (
        shown(learning_curve_card.show, out) / "card.md"
    ).read_text(encoding="utf-8")


def test_where_no_label_helps_the_sentence_says_that_nothing_is_shown(tmp_path: Path) -> None:
    _, out = curve(tmp_path, [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5])
    [said] = json.loads((out / "finding.json").read_text())["sentences"]
    assert said.startswith("it is not shown that labels are worth more or less with pre-training")
    assert "beyond the measured range" not in said


def test_without_a_model_from_scratch_there_is_one_curve_and_no_factor(tmp_path: Path) -> None:
    metrics, out = curve(tmp_path, [0.6, 0.7, 0.8, 0.9], None)
    assert "labels_factor" not in metrics
    assert (shown(learning_curve_card.show, out) / "learning-curve.png").is_file()
