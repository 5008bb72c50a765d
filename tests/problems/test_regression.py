"""Regression, against scipy: the metrics, the numbers that are read, the unit of the answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from tasks.contract import Silent, StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check
from tasks.experiment.problem import FineTuning, LabelledData
from tasks.models.predictions import answer_rows
from tasks.pages import evaluation_card
from tasks.problems import load, load_simple, shape_of
from tasks.problems.weighted import on_all_rows
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tasks.statistics.bootstrap import draw_weights
from tests.support.learnt import learn
from tests.support.shown import shown
from tests.support.tiny_models import rated_texts, write_body, write_data

problem = load("regression")
shape = shape_of("regression")
ROWS = 50


def some_numbers(seed: int, *, scale: float = 1.0, ties: bool = False) -> Any:
    draw = np.random.default_rng(seed)
    gold = draw.integers(0, 6, ROWS).astype(float) if ties else draw.normal(0, 1, ROWS)
    return gold * scale, (gold + draw.normal(0, 1, ROWS).round(0 if ties else 9)) * scale


def expected(gold: Any, predicted: Any) -> dict[str, float]:
    return {
        "spearman": spearmanr(gold, predicted).statistic,
        "pearson": pearsonr(gold, predicted).statistic,
        "rmse": float(np.sqrt(np.mean((gold - predicted) ** 2))),
    }


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e25])
def test_metrics_are_scipys_at_any_scale(scale: float, ties: bool) -> None:
    gold, predicted = some_numbers(0, scale=scale, ties=ties)
    found = on_all_rows(problem.score(gold, predicted, []))
    assert found == pytest.approx(expected(gold, predicted), rel=1e-9)


def test_metrics_far_from_zero_are_scipys() -> None:
    gold, predicted = some_numbers(0)
    found = on_all_rows(problem.score(gold + 1e7, predicted + 1e7, []))
    assert found == pytest.approx(expected(gold, predicted), rel=1e-6)


def test_a_row_that_is_drawn_twice_is_two_rows() -> None:
    gold, predicted = some_numbers(1, ties=True)
    weights = draw_weights(np.random.default_rng(2), ROWS, 20)
    found = problem.score(gold, predicted, []).measure(weights)
    for sample, drawn in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(ROWS), drawn)
        for name, value in expected(gold[rows], predicted[rows]).items():
            assert found[name][sample] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([0.1] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [0.1] * 5),
        ([7.0], [7.1]),
        ([1e-300, 0.0, 1e30, -1e30, 5.0], [0.0, 1e-300, 1.0, 2.0, 3.0]),
    ],
)
def test_every_value_is_finite_on_every_resample(gold: Any, predicted: Any) -> None:
    scores = problem.score(gold, predicted, [])
    every = np.vstack([np.eye(len(gold)) * 3, np.ones(len(gold))])
    for name, values in scores.measure(every).items():
        assert np.isfinite(values).all(), name
    for name in ("spearman", "pearson"):
        assert (scores.measure(np.eye(len(gold)))[name] == 0).all()


def read(value: Any, notices: Notices | None = None, **fields: Any) -> Any:
    data = LabelledData(name="x", problem="regression", **fields)
    row = Row("", "", {"text": " a ", "number": value}, "t.csv, line 2")
    return shape.parse(row, data, notices or Notices())


@pytest.mark.parametrize(
    ("written", "number"),
    [(3, 3.0), ("3", 3.0), (" -0.25 ", -0.25), ("1e-3", 1e-3), (".5", 0.5), (0, 0.0)],
)
def test_a_number_is_read_as_written(written: Any, number: float) -> None:
    assert read(written) == {"text": "a", "number": number}


@pytest.mark.parametrize("written", [None, "", " ", "nan", "NA", "None", math.nan])
def test_a_missing_number_is_asked_about(written: Any) -> None:
    with pytest.raises(
        StageError,
        match=r"t\.csv, line 2: column 'number'.*missing.*downstream\.x\.missing_labels: drop",
    ):
        read(written)
    notices = Notices()
    assert read(written, notices, missing_labels="drop") is None
    assert notices.counts["left out: rows whose number is missing"] == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("good", "contains str 'good'; accepted: a number such as"),
        ("3,5", r"Write 3\.5 for 3,5"),
        ("1_000", "accepted: a number such as"),
        ("1,25", r"1e-3\. Write 1\.25 for 1,25 *$"),
        ("1,250", r"Write 1\.250 for 1,250; where the comma groups thousands, write 1250"),
        (True, "contains bool 'True'"),
        ([1], "contains a list"),
        (math.inf, "contains an infinite number; accepted: a finite number"),
        ("-inf", "accepted: a finite number"),
        ("1e400", "accepted: a finite number"),
        (10**400, "accepted: a finite number"),
    ],
)
def test_what_is_no_finite_number_is_told_with_its_place(written: Any, said: str) -> None:
    for missing in ("error", "drop"):
        with pytest.raises(StageError, match=rf"t\.csv, line 2: column 'number' .*{said}"):
            read(written, missing_labels=missing)


def test_a_word_for_a_missing_number_cannot_be_kept_as_a_class() -> None:
    part = {"name": "x", "problem": "regression", "source": "a", "missing_labels": "keep"}
    with pytest.raises(InvalidExperimentError, match=r"missing_labels.*regression has no classes"):
        check(Experiment.model_validate({"downstream": [part]}))


def test_rows_with_one_and_the_same_number_are_refused(tmp_path: Path) -> None:
    lines = ["text,number", *(f"this is text {n},2.5" for n in range(60))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "out").mkdir()
    data = LabelledData(name="x", problem="regression")
    source = resolve(str(tmp_path / "rows.csv"), "downstream.x.source", "regression")
    with pytest.raises(StageError, match="training rows have the same answer"):
        prepare_dataset(data, source, 0, out=tmp_path / "out", monitor=Silent())


def test_the_majority_is_the_mean_of_training() -> None:
    train = pd.DataFrame({"number": [1.0, 2.0, 6.0]})
    assert problem.majority(train, pd.DataFrame({"number": [0.0] * 2})) == [3.0, 3.0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Data around 5,400, a model that has learnt them, its evaluation, and the page."""
    folder = tmp_path_factory.mktemp("world")
    data, body = write_data(folder / "data", "regression"), write_body(folder / "body")
    training = FineTuning(epochs=15, batch_size=16, learning_rate=5e-3, max_length=32)
    return learn("regression", training, folder, data, body)


def test_one_learning_rate_fits_numbers_of_any_size(world: SimpleNamespace) -> None:
    assert world.trained["validation_loss"] < 0.3, "by the variance of the training rows"
    assert world.metrics["spearman"] > 0.8 > world.metrics["majority/spearman"]
    for name in problem.METRICS:
        assert world.metrics[f"{name}/low"] <= world.metrics[name] <= world.metrics[f"{name}/high"]


def test_the_written_model_answers_in_the_unit_of_the_rows(world: SimpleNamespace) -> None:
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    assert world.metrics["rmse"] < 200
    assert world.metrics["rmse"] == pytest.approx(
        math.sqrt(((table["predicted"] - table["gold"]) ** 2).mean())
    )
    again = pd.concat(answer_rows("regression", world.folder / "tuned/model", list(table["text"])))
    assert list(again.columns) == ["text", "predicted"]
    assert list(again["predicted"]) == pytest.approx(list(table["predicted"]), rel=1e-5)


def test_the_served_model_answers_the_same(world: SimpleNamespace, tmp_path: Path) -> None:
    from tasks.problems.regression.served import _load_pyfunc

    (tmp_path / "components").mkdir()
    for name in ("model", "components/tokenizer"):
        (tmp_path / name).symlink_to(world.folder / "tuned" / "model")
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    found = _load_pyfunc(str(tmp_path)).predict(table[["text"]])
    assert list(found["number"]) == pytest.approx(list(table["predicted"]), rel=1e-5)


def test_the_simple_model_learns_what_the_words_tell(world: SimpleNamespace) -> None:
    assert world.metrics["simple/spearman"] > 0.8
    assert world.metrics["simple/rmse"] < 200
    simple = load_simple("regression")
    train, test = rated_texts(100, 0), rated_texts(30, 1)
    shifted = train.assign(number=train["number"] * 100)
    first, second = (simple.answer(rows, rows, test, []) for rows in (train, shifted))
    assert second == pytest.approx([100 * each for each in first], rel=1e-3)


def test_the_page_shows_the_worst_rows_first_and_a_scatter_plot(world: SimpleNamespace) -> None:
    found = shown(evaluation_card.show, world.folder / "evaluation")
    page = (found / "card.md").read_text()
    assert "root mean square error (lower is better)" in page
    assert (found / "scatter.png").stat().st_size > 1000
    assert not (found / "confusion.png").exists()
    rows = json.loads((world.folder / "evaluation" / "rows.json").read_text())
    assert len(rows["points"]) == 80
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    apart = (table["predicted"] - table["gold"]).abs().sort_values(ascending=False)
    worst = [float(row["score"]) for row in rows["worst"]]
    assert len(worst) == 10
    assert [abs(each) for each in worst] == pytest.approx(list(apart[:10]), rel=0.01)
    assert page.index(rows["worst"][0]["text"]) < page.index(rows["worst"][9]["text"])


def test_the_loss_is_of_the_variance_and_told_so(world: SimpleNamespace) -> None:
    curves = json.loads((world.folder / "tuned" / "curves.json").read_text())
    assert curves["loss"] == "squared error, by the variance of the training rows"
    logged = [point["loss"] for _, point in world.monitor.logged if "loss" in point]
    assert logged[0] < 10
