"""Further test sets: a planted shift is a drop, and rows that the model has learnt are left out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.experiment.problem import LabelledData
from tasks.pages import data_card
from tasks.pages.generalization import transfer_card
from tasks.sources import resolve
from tasks.stages.generalization.further_test import prepare_further_test
from tasks.stages.generalization.transfer import compare
from tests.stages.generalization.conftest import PROBLEM, evaluation_of, noisy
from tests.support.shown import shown
from tests.support.tiny_models import labelled_texts, tagged_sentences, write_data

NEAR, FAR = "near", "far"


def prepare(
    world: SimpleNamespace, folder: Path, rows: pd.DataFrame, problem: str = PROBLEM
) -> tuple[Path, dict[str, float], Silent]:
    folder.mkdir()
    file, out, monitor = folder / "rows.parquet", folder / "out", Silent()
    rows.to_parquet(file)
    out.mkdir()
    # A copy of pydantic is not validated: names of further tests have dots, for messages.
    named = {"name": f"mood.evaluate_also.{folder.name}", "problem": problem}
    data = LabelledData().model_copy(update=named)
    source = resolve(str(file), "field", problem)
    found = prepare_further_test(data, source, known=world.data, out=out, monitor=monitor)
    return out, found, monitor


@pytest.fixture(scope="module")
def found(world: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A test set like the main one, and one whose labels the words do not tell."""
    folder = tmp_path_factory.mktemp("transfer")
    sets = {
        NEAR: noisy(labelled_texts(200, 11), 0.2, 11),
        FAR: noisy(labelled_texts(200, 12), 1.0, 12),
    }
    tests = [prepare(world, folder / name, rows)[0] for name, rows in sets.items()]
    further = [
        evaluation_of(folder / f"{name} evaluated", test, world.model, seed=number)
        for number, (name, test) in enumerate(zip(sets, tests, strict=True), 1)
    ]
    out = folder / "compared"
    out.mkdir()
    metrics = compare(
        PROBLEM,
        [*sets],
        200,
        0.95,
        0,
        evaluation=world.evaluation,
        further=further,
        tests=tests,
        leakages=[],
        out=out,
        monitor=Silent(),
    )
    return SimpleNamespace(metrics=metrics, further=further, out=out)


def test_a_planted_shift_is_shown_as_a_drop_and_more_of_the_same_is_not(found: Any) -> None:
    facts = json.loads((found.out / "finding.json").read_text())
    assert {each["name"]: each["verdict"] for each in facts["further"]} == {
        NEAR: "no drop shown",
        FAR: "worse",
    }
    assert found.metrics["on_far/drop/low"] > 0
    assert "on far: accuracy" in facts["sentences"][1]


def test_the_drop_is_the_difference_of_both_evaluations(found: Any, world: SimpleNamespace) -> None:
    main, far = (
        json.loads((folder / "metrics.json").read_text())["accuracy"]
        for folder in (world.evaluation, found.further[1])
    )
    assert found.metrics["on_far/accuracy"] == pytest.approx(far)
    measured = json.loads((found.further[1] / "metrics.json").read_text())
    for end in ("low", "high"):  # one interval on both pages
        assert found.metrics[f"on_far/accuracy/{end}"] == measured[f"accuracy/{end}"]
    assert found.metrics["on_far/drop"] == pytest.approx(main - far)
    for name in ("accuracy", "drop"):
        low, high = (found.metrics[f"on_far/{name}/{end}"] for end in ("low", "high"))
        assert low < found.metrics[f"on_far/{name}"] < high


def test_the_drops_of_twenty_test_sets_are_corrected_for_their_number(tmp_path: Path) -> None:
    folders = []
    for number, right in enumerate([120, 104, *[120] * 18, 45]):
        folder = tmp_path / str(number)
        folder.mkdir()
        answers = np.where(np.arange(150) < right, "a", "b")
        table = pd.DataFrame({"document": range(150), "gold": "a", "predicted": answers})
        table.astype(str).to_parquet(folder / "predictions.parquet")
        (folder / "classes.json").write_text(json.dumps({"report": {"class": ["a", "b"]}}))
        (folder / "metrics.json").write_text("{}")
        (folder / "further.json").write_text("{}")
        folders.append(folder)
    (tmp_path / "out").mkdir()
    names = [str(number) for number in range(1, 21)]
    metrics = compare(
        PROBLEM,
        names,
        2000,
        0.95,
        0,
        evaluation=folders[0],
        further=folders[1:],
        tests=folders[1:],
        leakages=[],
        out=tmp_path / "out",
        monitor=Silent(),
    )
    assert metrics["on_1/drop/low"] > 0, "it looks worse by its own interval"
    facts = json.loads((tmp_path / "out" / "finding.json").read_text())
    assert [each["name"] for each in facts["further"] if each["verdict"] == "worse"] == ["20"]


def test_the_page_has_all_test_sets(found: Any) -> None:
    page = shown(transfer_card.show, found.out)
    text = (page / "card.md").read_text()
    assert all(f"| {name} | " in text for name in ("main", NEAR, FAR))
    assert (page / "transfer.png").is_file()


def test_rows_that_the_model_has_learnt_are_left_out_and_counted(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    learnt = pd.read_parquet(world.data / "train.parquet").head(7)
    learnt = learnt.assign(text=learnt["text"].str.upper() + "!")
    new = labelled_texts(60, 13)
    kept = new[~new["text"].isin(pd.read_parquet(world.data / "train.parquet")["text"])]
    out, metrics, monitor = prepare(world, tmp_path / "also", pd.concat([learnt, kept]))
    assert metrics["left_out"] >= 7
    assert metrics["rows"] + metrics["left_out"] == len(kept) + 7
    texts = set(pd.read_parquet(out / "test.parquet")["text"])
    assert not texts & set(learnt["text"])
    assert any("left out: rows whose text is also in the training" in line for line in monitor.said)
    assert "left out" in (shown(data_card.show, out) / "card.md").read_text()


def test_a_label_that_the_problem_does_not_have_is_refused(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    rows = labelled_texts(30, 14).assign(label="fungus")
    with pytest.raises(
        StageError, match=r"downstream\.mood\.evaluate_also\.also: .*no label 'fungus'"
    ):
        prepare(world, tmp_path / "also", rows)


def test_rows_of_a_document_that_the_model_has_learnt_are_left_out_and_counted(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    learnt = pd.read_parquet(world.data / "train.parquet")
    new = labelled_texts(60, 13)
    new = new[~new["text"].isin(learnt["text"])].reset_index(drop=True)
    new.loc[:4, "document"] = learnt["document"].iloc[0]
    out, _, monitor = prepare(world, tmp_path / "also", new)
    facts = json.loads((out / "further.json").read_text())
    assert facts["left_out_by_document"] == 5
    assert not set(pd.read_parquet(out / "test.parquet")["document"]) & set(learnt["document"])
    assert any("rows whose document is also in" in line for line in monitor.said)


def test_spans_of_types_that_the_problem_has_are_a_further_test(tmp_path: Path) -> None:
    kind = "token-classification"
    known = SimpleNamespace(data=write_data(tmp_path / "data", kind))
    rows = tagged_sentences(30, 14)
    _, metrics, _ = prepare(known, tmp_path / "also", rows, kind)
    assert metrics["rows"] + metrics["left_out"] == 30
    other = rows.assign(
        tags=[[t.replace("plant", "fungus") for t in tags] for tags in rows["tags"]]
    )
    with pytest.raises(StageError, match="no label 'fungus'; accepted: animal, plant"):
        prepare(known, tmp_path / "other", other, kind)


@pytest.mark.parametrize("kind", ["regression", "question-answering", "generation"])
def test_rows_without_labels_are_a_further_test(kind: str, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", kind)
    rows = pd.read_parquet(write_data(tmp_path / "other", kind) / "test.parquet")
    _, metrics, _ = prepare(SimpleNamespace(data=data), tmp_path / "also", rows, kind)
    assert metrics["rows"] + metrics["left_out"] == len(rows)
