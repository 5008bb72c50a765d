"""Two models on one test: also one that was made for other labels than those of the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.experiment.problem import FineTuning
from tasks.experiment.retraining import Rule
from tasks.pages import decision_card
from tasks.stages.finetuning import finetune
from tasks.stages.judgement import judge
from tests.support.shown import shown
from tests.support.tiny_models import LABELS, write_body, write_data

TEXTS: str = "text-classification"


def learnt(folder: Path, data: Path, body: Path, epochs: int, problem: str = TEXTS) -> Path:
    """The folder of a model that has learnt from the data."""
    folder.mkdir()
    training = FineTuning(epochs=epochs, batch_size=16, learning_rate=5e-3, max_length=32)
    finetune(
        problem,
        training,
        0,
        data=data,
        body=None,
        architecture=body,
        out=folder,
        monitor=Silent(),
    )
    return folder / "model"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a model that has learnt, one that has hardly begun; data with a label more."""
    folder = tmp_path_factory.mktemp("world")
    body, data = write_body(folder / "body"), write_data(folder / "data", TEXTS)
    learnt(folder / "good", data, body, 10)
    learnt(folder / "poor", data, body, 1)
    more = write_data(folder / "more", TEXTS)
    for split in ("train", "validation", "test"):
        rows = pd.read_parquet(more / f"{split}.parquet")
        rows["label"] = [
            "metal" if "the" in text else label
            for text, label in zip(rows["text"].str.split(), rows["label"], strict=True)
        ]
        rows.to_parquet(more / f"{split}.parquet")
    (more / "labels.json").write_text(json.dumps([*LABELS[:1], "metal", *LABELS[1:]]))
    learnt(folder / "newer", more, body, 10)
    return folder


def run(
    world: Path,
    out: Path,
    challenger: str,
    champion: str | None,
    data: str = "data",
    **learnt: Any,
) -> tuple[dict[str, float], str]:
    out.mkdir()
    metrics = judge(
        TEXTS,
        Rule(bootstrap_samples=300),
        0,
        data=world / data,
        challenger=world / challenger / "model",
        champion=world / champion / "model" if champion else None,
        **learnt,
        out=out,
        monitor=Silent(),
    )
    return metrics, json.loads((out / "decision.json").read_text())["outcome"]


def test_the_better_model_is_promoted_and_the_worse_one_is_not(world, tmp_path) -> None:
    metrics, outcome = run(world, tmp_path / "a", "good", "poor")
    assert outcome == "promoted"
    assert metrics["promoted"] == 1
    assert metrics["gain"] == metrics["challenger/accuracy"] - metrics["champion/accuracy"]
    again, outcome = run(world, tmp_path / "b", "poor", "good")
    assert outcome == "kept"
    assert again["gain"] == -metrics["gain"]


def test_the_first_is_measured_against_the_majority(world, tmp_path) -> None:
    metrics, outcome = run(world, tmp_path / "a", "good", None)
    assert outcome == "first"
    assert "majority/accuracy" in metrics
    assert (
        (shown(decision_card.show, tmp_path / "a") / "card.md")
        .read_text()
        .startswith("# Promoted: the first")
    )


def test_a_champion_that_does_not_know_a_new_label_is_wrong_about_it(world, tmp_path) -> None:
    run(world, tmp_path / "a", "newer", "good", data="more")
    decision = json.loads((tmp_path / "a" / "decision.json").read_text())
    metal = next(row for row in decision["rows"] if row["name"] == "metal")
    assert metal["before"]["value"] == 0
    assert metal["after"]["value"] > 0.5


def test_a_label_that_only_the_champion_knows_does_not_count_for_it(world, tmp_path) -> None:
    metrics, _ = run(world, tmp_path / "a", "good", "newer")
    assert metrics["challenger/accuracy"] > metrics["champion/accuracy"]
    decision = json.loads((tmp_path / "a" / "decision.json").read_text())
    assert {row["name"] for row in decision["rows"] if row["kind"] == "part"} == set(LABELS)


def test_test_rows_that_the_champion_was_fine_tuned_on_are_left_out_for_both(world, tmp_path):
    test = pd.read_parquet(world / "data" / "test.parquet")
    texts = test["text"].drop_duplicates()
    learnt = tmp_path / "train.parquet"
    test[test["text"].isin(texts[::2])].to_parquet(learnt)
    left = int((~test["text"].isin(texts[::2])).sum())
    metrics, _ = run(world, tmp_path / "a", "good", "poor", learnt=[learnt])
    assert 0 < left < len(test)
    assert metrics["left_out"] == len(test) - left
    decision = json.loads((tmp_path / "a" / "decision.json").read_text())
    assert decision["rows"][0]["rows"] == left
    card = (shown(decision_card.show, tmp_path / "a") / "card.md").read_text()
    assert f"{len(test) - left:,} rows of the test split are left out for both models" in card
    test.to_parquet(learnt)
    with pytest.raises(StageError, match=r"fine-tuned on .* too few to compare on: split the data"):
        run(world, tmp_path / "b", "good", "poor", learnt=[learnt])


def test_what_is_not_known_of_the_champion_is_said(world, tmp_path):
    metrics, _ = run(world, tmp_path / "a", "good", "poor", is_known=False)
    assert metrics["left_out"] == 0
    assert (
        "Temper cannot check" in (shown(decision_card.show, tmp_path / "a") / "card.md").read_text()
    )


def test_a_model_for_another_kind_of_problem_is_refused(world, tmp_path) -> None:
    tags = write_data(tmp_path / "tags", "token-classification")
    learnt(world / "tagger", tags, world / "body", 1, "token-classification")
    with pytest.raises(
        StageError,
        match=r"champion cannot be read: .* is a BertForTokenClassification, but this problem",
    ):
        run(world, tmp_path / "a", "good", "tagger")
