"""Several labels a text, against sklearn: lists as people write them, and the answers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_recall_fscore_support

from tasks.comparison.past_run import PastRun
from tasks.contract import Silent, StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check
from tasks.experiment.problem import FineTuning, LabelledData
from tasks.models.files import answers, problem_of
from tasks.models.predictions import answer_rows
from tasks.pages import data_card, evaluation_card
from tasks.problems import load, shape_of
from tasks.problems.weighted import on_all_rows
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tests.support.learnt import learn
from tests.support.shown import shown
from tests.support.tiny_models import FILLER, LABELS, TELLING, write_body

problem = load("several-labels")
shape = shape_of("several-labels")
NAMES = ["a", "b", "c", "d"]


def drawn(seed: int, rows: int = 60, used: int = 4) -> list[list[str]]:
    draw = np.random.default_rng(seed)
    return [[name for name in NAMES[:used] if draw.random() < 0.4] for _ in range(rows)]


@pytest.mark.parametrize("used", [4, 3, 2])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_sklearns(seed: int, used: int) -> None:
    gold, predicted = drawn(seed, used=used), drawn(seed + 10, used=used)
    true, found = (problem.marked(each, NAMES[:used]) for each in (gold, predicted))
    expected = {
        f"{average}_f1": f1_score(true, found, average=average, zero_division=0)
        for average in ("micro", "macro")
    }
    assert on_all_rows(problem.score(gold, predicted, NAMES)) == pytest.approx(expected)
    by_label = precision_recall_fscore_support(true, found, zero_division=0)
    report = problem.report(gold, predicted, NAMES[:used])
    for column, values in zip(["precision", "recall", "f1", "support"], by_label, strict=True):
        assert list(report[column]) == pytest.approx(list(values))


def test_rows_without_labels_have_finite_metrics() -> None:
    scores = problem.score([[], []], [[], []], NAMES)
    assert on_all_rows(scores) == {"micro_f1": 0.0, "macro_f1": 0.0}


def test_the_majority_is_the_best_constant_answer() -> None:
    train = pd.DataFrame({"label": [["b", "a"], ["a"], ["a", "c"], ["b", "a"], []]})
    assert problem.majority(train, train) == [["a", "b"]] * 5
    assert problem.constant([["a", "b"]] * 5) == "a, b"
    every = [[], ["a"], ["b"], ["c"], ["a", "c"], ["a", "b", "c"]]
    values = [
        on_all_rows(problem.score(train["label"], [each] * 5, NAMES))["micro_f1"] for each in every
    ]
    best = on_all_rows(problem.score(train["label"], problem.majority(train, train), NAMES))
    assert best["micro_f1"] >= max(values)


def read(value: Any, notices: Notices | None = None, where: str = "t.csv, line 2", **fields: Any):
    data = LabelledData(name="x", several_labels=True, **fields)
    row = Row("", "", {"text": "t", "label": value}, where)
    found = shape.parse(row, data, notices or Notices())
    return found and found["label"]


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        (["b", "a"], ["a", "b"]),
        ([], []),
        ("", []),
        ('["b", "a"]', ["a", "b"]),
        ("[]", []),
        ("b|a", ["a", "b"]),
        ("b ; a", ["a", "b"]),
        ("b, a,", ["a", "b"]),
        ("one label", ["one label"]),
        ([3, 1.0, " x "], ["1", "3", "x"]),
        (7, ["7"]),
        (["a", "a"], ["a"]),
        ("['it is', 'b, c']", ["b, c", "it is"]),
    ],
)
def test_labels_are_read_from_lists_and_from_texts(written: Any, labels: list[str]) -> None:
    assert read(written) == labels


def test_what_was_guessed_is_reported() -> None:
    notices = Notices()
    for written in ("a|b", "c", "b|c", "['a', 'b']", ["a", "a"]):
        read(written, notices)
    assert notices.counts == {
        "labels separated by '|' in one cell": 2,
        "lists of labels as Python writes them": 1,
        "rows that name a label twice": 1,
    }


def test_what_is_ambiguous_is_an_error_with_its_place() -> None:
    with pytest.raises(StageError, match=r"line 2: column 'label'.*'a, b\|c'.*'\|' and ','.*ambig"):
        read("a, b|c")
    notices = Notices()
    read("a|b", notices, "t.csv, line 2")
    with pytest.raises(StageError, match=r"line 9.*with ','.*by '\|' in t.csv, line 2.*ambiguous"):
        read("a, b", notices, "t.csv, line 9")
    for written in ('["a", ', '[["a"]]', [["a"]], [{"a": 1}]):
        with pytest.raises(StageError, match=r"line 2: column 'label'.*accepted: a JSON list such"):
            read(written)


@pytest.mark.parametrize("written", [None, "nan", ["a", None], ["a", "N/A"]])
def test_a_missing_label_is_asked_about(written: Any) -> None:
    with pytest.raises(StageError, match=r"line 2.*missing.*downstream.x.missing_labels: drop"):
        read(written)
    assert read(written, missing_labels="drop") is None


def test_an_experiment_writes_it_as_a_kind_of_text_classification() -> None:
    assert LabelledData(several_labels=True).kind == "several-labels"
    assert LabelledData().kind == "text-classification"
    part = {"name": "x", "source": "a", "problem": "regression", "several_labels": True}
    with pytest.raises(InvalidExperimentError, match="counts only with text-classification"):
        check(Experiment.model_validate({"downstream": [part]}))


def test_a_past_run_is_known_by_its_kind() -> None:
    for part, name in (("downstream.x", "x"), ("data", "y")):
        params = {f"{part}.problem": "text-classification", f"{part}.several_labels": "True"}
        run = past_run(params | {"data.name": "y"})
        assert run.kind_of(name) == "several-labels"
        assert past_run(params | {"data.name": "y", f"{part}.several_labels": "False"}).kind_of(
            name
        ) == ("text-classification")


def past_run(params: dict[str, str]) -> PastRun:
    return PastRun("r", "r", "e", "FINISHED", 0.0, params=params)


def test_a_model_is_known_by_its_head() -> None:
    built = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b"}}
    assert problem_of(built) == "text-classification"
    several = built | {"problem_type": "multi_label_classification"}
    assert problem_of(several) == "several-labels"
    assert not answers("text-classification", several)
    assert problem_of(built | {"id2label": {"0": "LABEL_0"}}) == "regression"


def labelled(rows: int, seed: int) -> list[dict[str, Any]]:
    """Texts with the words of some of the labels, or of none."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        chosen = [label for label in LABELS if draw.random() < 0.4]
        words = [TELLING[label][0] for label in chosen]
        words += [str(word) for word in draw.choice(FILLER, 3)]
        draw.shuffle(words)
        found.append({"text": " ".join(words), "label": chosen})
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Prepared rows, a model that has learnt them, its evaluation, and the simple model."""
    folder = tmp_path_factory.mktemp("world")
    rows = folder / "topics.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in labelled(400, 0)))
    body = write_body(folder / "body")
    (folder / "data").mkdir()
    data = LabelledData(name="x", several_labels=True, overlap="drop")
    source = resolve(str(rows), "downstream.x.source", data.kind)
    prepare_dataset(data, source, 0, out=folder / "data", monitor=Silent())
    training = FineTuning(epochs=15, batch_size=16, learning_rate=5e-3, max_length=32)
    return learn(data.kind, training, folder, folder / "data", body)


def test_it_learns_what_the_words_tell(world: SimpleNamespace) -> None:
    metrics = world.metrics
    assert metrics["micro_f1"] > 0.8 > metrics["majority/micro_f1"] > 0.3
    assert metrics["simple/micro_f1"] > 0.9
    assert metrics["micro_f1/low"] <= metrics["micro_f1"] <= metrics["micro_f1/high"]
    config = json.loads((world.folder / "tuned" / "model" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"


def test_a_row_without_labels_is_a_row(world: SimpleNamespace) -> None:
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    empty = table[[len(each) == 0 for each in table["gold"]]]
    assert len(empty) > 3
    assert (empty["predicted"].map(len) == 0).mean() > 0.5
    for row in table.itertuples():
        assert len(row.probability) == len(row.predicted)
        assert all(share > 0.5 for share in row.probability)


def test_new_texts_and_the_served_model_are_answered_as_evaluated(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    from tasks.problems.several_labels.served import _load_pyfunc

    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    texts, expected = list(table["text"]), [list(each) for each in table["predicted"]]
    again = pd.concat(answer_rows("several-labels", world.folder / "tuned" / "model", texts))
    assert list(again["predicted"]) == expected
    (tmp_path / "components").mkdir()
    for name in ("model", "components/tokenizer"):
        (tmp_path / name).symlink_to(world.folder / "tuned" / "model")
    found = _load_pyfunc(str(tmp_path)).predict(texts)
    assert [sorted(a["label"] for a in row if a["applies"]) for row in found] == expected
    assert all(len(row) == len(LABELS) for row in found)


def test_pages_show_labels_and_no_confusion(world: SimpleNamespace) -> None:
    card = (shown(data_card.show, world.folder / "data") / "card.md").read_text()
    assert "animal, plant" in card
    assert "none" in card
    found = shown(evaluation_card.show, world.folder / "evaluation")
    page = (found / "card.md").read_text()
    assert "## By class" in page
    assert "micro-F1" in page
    assert not (found / "confusion.png").exists()
