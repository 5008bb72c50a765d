"""The simple model: trained on the rows of fine-tuning, better than nothing, and the same again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.problems import PROBABILITIES, has_simple, load, load_simple, names
from tasks.problems.text_classification import simple
from tasks.stages import baseline
from tasks.stages.baseline import train_baseline
from tests.support.tiny_models import write_data

PROBLEMS = ("text-classification", "token-classification")


def run(folder: Path, problem: str, examples: int = 0, seed: int = 0) -> dict[str, Any]:
    """Its metrics, and its answers."""
    data = folder / problem
    if not data.exists():
        write_data(data, problem)
    out = folder / f"{problem} {examples} {seed}"
    out.mkdir(exist_ok=True)
    metrics = train_baseline(problem, examples, seed, data=data, out=out, monitor=Silent())
    return {"metrics": metrics, "answers": pd.read_parquet(out / "answers.parquet"), "out": out}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_learns_what_words_tell(problem: str, tmp_path: Path) -> None:
    kind, found = load(problem), run(tmp_path, problem)
    assert found["metrics"] == {"examples": 160.0, kind.HEADLINE: pytest.approx(1, abs=0.05)}
    test = pd.read_parquet(tmp_path / problem / "test.parquet")
    assert list(found["answers"]["document"]) == list(test["document"])
    assert json.loads((found["out"] / "baseline.json").read_text()) == {
        "words": load_simple(problem).WORDS,
        "labels": json.loads((tmp_path / problem / "labels.json").read_text()),
    }


@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_answers_the_same_again(problem: str, tmp_path: Path) -> None:
    first, again = run(tmp_path, problem, 40), run(tmp_path, problem, 40)
    assert first["metrics"] == again["metrics"]
    assert list(map(list, first["answers"]["predicted"])) == list(
        map(list, again["answers"]["predicted"])
    )


def test_it_is_trained_on_as_many_rows_as_the_encoder(tmp_path: Path) -> None:
    few = run(tmp_path, PROBLEMS[0], 6)
    assert few["metrics"]["examples"] == 6
    assert few["metrics"]["accuracy"] < 1
    assert run(tmp_path, PROBLEMS[0], 6, seed=1)["metrics"] != few["metrics"], "other rows"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_one_label_in_the_training_rows_is_the_answer(problem: str, tmp_path: Path) -> None:
    data = write_data(tmp_path / problem, problem)
    kind, rows = load(problem), pd.read_parquet(data / "train.parquet")
    truth = rows[kind.TRUTH]
    one = truth.map(lambda tags: ["O"] * len(tags)) if kind.TRUTH == "tags" else truth.iloc[0]
    rows.assign(**{kind.TRUTH: one}).to_parquet(data / "train.parquet")
    answers = run(tmp_path, problem)["answers"]["predicted"]
    given = {tag for tags in answers for tag in tags} if kind.TRUTH == "tags" else set(answers)
    assert given == ({"O"} if kind.TRUTH == "tags" else {truth.iloc[0]})


@pytest.mark.parametrize("problem", [name for name in names() if has_simple(name)])
def test_it_has_the_names_of_its_contract(problem: str) -> None:
    simple = load_simple(problem)
    assert simple.WORDS
    assert callable(simple.answer)


def test_texts_without_letters_are_counted_too(tmp_path: Path) -> None:
    data = write_data(tmp_path / PROBLEMS[0], PROBLEMS[0])
    for split in ("train", "validation", "test"):
        rows = pd.read_parquet(data / f"{split}.parquet")
        signs = rows["label"].map({"animal": "🐈 !!", "plant": "🌳", "stone": "?!"})
        rows.assign(text=signs).to_parquet(data / f"{split}.parquet")
    assert run(tmp_path, PROBLEMS[0])["metrics"]["accuracy"] == 1


def test_it_does_not_see_the_truth_of_the_test(tmp_path: Path, monkeypatch) -> None:
    seen: list[str] = []
    simple = load_simple(PROBLEMS[0])

    def answer(train: Any, validation: Any, test: pd.DataFrame, labels: Any) -> list[str]:
        seen.extend(test.columns)
        return [labels[0]] * len(test)

    monkeypatch.setattr(simple, "answer", answer)
    run(tmp_path, PROBLEMS[0])
    assert "text" in seen
    assert "label" not in seen


def test_more_rows_than_fit_are_left_out_and_reported(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(baseline, "MOST_ROWS", 50)
    monitor, data = Silent(), write_data(tmp_path / "data", PROBLEMS[0])
    metrics = train_baseline(PROBLEMS[0], 0, 0, data=data, out=tmp_path, monitor=monitor)
    assert metrics["examples"] == 50
    assert "trained on 50 of 160 texts" in monitor.said[0]


def test_with_very_many_labels_it_is_the_nearest_mean_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simple, "MOST", 100)
    found = run(tmp_path, PROBLEMS[0])
    assert found["metrics"]["accuracy"] == pytest.approx(1, abs=0.05)
    told = json.loads((found["out"] / "baseline.json").read_text())["words"]
    assert told == simple.MANY_WORDS
    assert "nearest mean" in told
    shares = np.stack(list(found["answers"][PROBABILITIES]))
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
