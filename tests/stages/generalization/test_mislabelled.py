"""Planted wrong labels are found in all splits, by the simple model on rows it has not seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.pages.generalization import mislabelled_card
from tasks.stages.generalization.mislabelled import SPLITS, find_mislabelled
from tests.stages.generalization.conftest import PROBLEM
from tests.support.shown import shown
from tests.support.tiny_models import LABELS, write_data

PLANTED = 0.1
AFTER = dict(zip(LABELS, [*LABELS[1:], LABELS[0]], strict=True))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """Data of which a tenth of the labels is exchanged, and the texts of these rows."""
    data = write_data(tmp_path_factory.mktemp("planted") / "data", PROBLEM, train_rows=400)
    wrong: set[str] = set()
    for seed, split in enumerate(("train", "validation", "test")):
        rows = pd.read_parquet(data / f"{split}.parquet")
        chosen = np.random.default_rng(seed).random(len(rows)) < PLANTED
        wrong |= set(rows["text"][chosen])
        rows["label"] = np.where(chosen, rows["label"].map(AFTER), rows["label"])
        rows.to_parquet(data / f"{split}.parquet")
    return data, wrong


def test_nine_in_ten_planted_labels_are_found_and_nine_in_ten_that_are_found_are_planted(
    planted: tuple[Path, set[str]], tmp_path: Path
) -> None:
    data, wrong = planted
    out = tmp_path / "out"
    out.mkdir()
    metrics = find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=Silent())
    table = pd.read_csv(out / "mislabelled.csv")
    found = set(table["text"])
    assert len(found & wrong) / len(wrong) > 0.9, "recall"
    assert len(found & wrong) / len(found) > 0.9, "precision"
    assert set(table["split"]) == {"train", "validation", "test"}
    before = {after: label for label, after in AFTER.items()}
    right = table[table["text"].isin(wrong)]
    assert (right["suggested"] == right["label"].map(before)).mean() > 0.95
    assert metrics["mislabelled/rows"] == len(table)
    assert metrics["mislabelled/share"] == pytest.approx(PLANTED, abs=0.03)
    assert (table["probability"] > table["probability_of_label"]).all()
    page = shown(mislabelled_card.show, out)
    assert (page / "mislabelled.csv").read_text() == (out / "mislabelled.csv").read_text()
    [said] = json.loads((out / "finding.json").read_text())["sentences"]
    assert f"{len(table):,} of 520 texts look mislabelled" in said


def test_rows_with_right_labels_are_not_suspected(tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data", PROBLEM, train_rows=400), tmp_path / "out"
    out.mkdir()
    metrics = find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=Silent())
    assert metrics["mislabelled/rows"] <= 5
    assert metrics["mislabelled/share"] < 0.02
    assert (shown(mislabelled_card.show, out) / "card.md").is_file()


def answered_by_words(
    folder: Path, documents: int, labels: Sequence[str], noise: float = 0.0
) -> Path:
    """Rows whose words tell a label, of a few documents; of some the label is drawn by chance."""
    generator, folder = np.random.default_rng(0), folder / "data"
    folder.mkdir()
    true = generator.choice(list(labels), 300)
    texts = [f"it is the {label} of row {number}" for number, label in enumerate(true)]
    given = np.where(generator.random(300) < noise, generator.choice(list(labels), 300), true)
    names = [f"d{number % documents}" for number in range(300)]
    rows = pd.DataFrame({"document": names, "text": texts, "label": given})
    for split, (begin, end) in zip(SPLITS, [(0, 200), (200, 250), (250, 300)], strict=True):
        rows[begin:end].to_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps(sorted(labels)))
    return folder


@pytest.mark.parametrize("documents", [5, 7])
def test_right_labels_of_few_documents_are_not_suspected(documents: int, tmp_path: Path) -> None:
    data, out = answered_by_words(tmp_path, documents, LABELS), tmp_path / "out"
    out.mkdir()
    metrics = find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=Silent())
    assert metrics["mislabelled/accuracy"] > 0.95
    assert (metrics["mislabelled/rows"], metrics["mislabelled/share"]) == (0, 0)


def test_fewer_documents_than_folds_find_nothing_and_say_so(tmp_path: Path) -> None:
    data, out = answered_by_words(tmp_path, 3, LABELS), tmp_path / "out"
    out.mkdir()
    assert find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=Silent()) == {}
    page = shown(mislabelled_card.show, out)
    said = "0 of 3 labels have rows of at least 5 documents"
    assert said in (page / "card.md").read_text()


def test_the_rows_of_a_label_with_few_documents_are_left_out_and_said(tmp_path: Path) -> None:
    data, out = answered_by_words(tmp_path, 60, LABELS), tmp_path / "out"
    rows = pd.read_parquet(data / "train.parquet")
    rows.loc[0, "label"] = "fungus"
    rows.to_parquet(data / "train.parquet")
    (data / "labels.json").write_text(json.dumps(sorted([*LABELS, "fungus"])))
    out.mkdir()
    monitor = Silent()
    metrics = find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=monitor)
    assert metrics["mislabelled/share"] < 0.02
    assert any("fewer than 5 documents (fungus)" in line for line in monitor.said)
    assert "fungus" in (shown(mislabelled_card.show, out) / "card.md").read_text()


def test_of_hard_rows_no_share_of_wrong_labels_is_claimed(tmp_path: Path) -> None:
    data, out = answered_by_words(tmp_path, 300, LABELS, noise=0.6), tmp_path / "out"
    out.mkdir()
    metrics = find_mislabelled(PROBLEM, 0, data=data, out=out, monitor=Silent())
    assert metrics["mislabelled/accuracy"] < 0.8
    assert "mislabelled/share" not in metrics
    [said] = json.loads((out / "finding.json").read_text())["sentences"]
    assert "cannot tell a wrong label from a hard row" in said
