"""Slices of a real evaluation, by columns that are read again from the source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.experiment.problem import Downstream, LabelledData
from tasks.pages.generalization import slices_card
from tasks.problems import load, shape_of
from tasks.sources import Source, resolve
from tasks.stages.dataset import prepare_dataset
from tasks.stages.generalization.slices import measure, values_of
from tasks.statistics.slicing.finding import metrics_of
from tasks.statistics.slicing.slices import CHANCE, Measured
from tests.stages.generalization.conftest import PROBLEM
from tests.support.shown import shown

SPLITS = ("train", "validation", "test")


def source_of(world: SimpleNamespace, folder: Path, splits: Sequence[str] = SPLITS) -> Source:
    """A folder with some splits, whose rows say where they are from and how many words."""
    folder.mkdir()
    for split in splits:
        rows = pd.read_parquet(world.data / f"{split}.parquet")
        words = rows["text"].str.split().str.len()
        origin = rows["label"].map({"animal": "zoo"}).fillna("field")
        rows.assign(words=words, origin=origin).to_csv(folder / f"{split}.csv", index=False)
    return resolve(str(folder), "downstream.mood.source", PROBLEM)


@pytest.mark.parametrize("splits", [SPLITS, SPLITS[:2], SPLITS[:1]])
def test_values_are_those_of_the_row_with_the_same_text(
    world: SimpleNamespace, tmp_path: Path, splits: Sequence[str]
) -> None:
    source = source_of(world, tmp_path / "source", splits)
    data = tmp_path / "data"
    data.mkdir()
    labelled = LabelledData(name="mood", overlap="drop")
    prepare_dataset(labelled, source, 0, out=data, monitor=Silent())
    rows = pd.read_parquet(data / "test.parquet").to_dict("records")
    shape = shape_of(PROBLEM)
    found = values_of(["words", "origin"], labelled, shape, source, rows, monitor=Silent())
    assert [int(n) for n in found["words"]] == [len(row["text"].split()) for row in rows]
    assert found["origin"] == ["zoo" if row["label"] == "animal" else "field" for row in rows]


def run(world: SimpleNamespace, columns: list[str], out: Path, source: Source | None) -> dict:
    out.mkdir()
    return measure(
        PROBLEM,
        columns,
        LabelledData(name="mood"),
        0.95,
        0,
        source=source,
        data=world.data,
        evaluation=world.evaluation,
        out=out,
        monitor=Silent(),
    )


def test_every_slice_is_in_the_metrics_and_on_the_page(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    source = source_of(world, tmp_path / "source")
    metrics = run(world, ["length", "label", "origin"], tmp_path / "out", source)
    table = pd.read_parquet(world.evaluation / "predictions.parquet")
    zoo = table["gold"] == "animal"
    right = (table["gold"] == table["predicted"])[zoo].mean()
    assert metrics["slices/origin zoo/accuracy"] == pytest.approx(right)
    assert metrics["slices/label animal/accuracy"] == pytest.approx(right)
    found = json.loads((tmp_path / "out" / "finding.json").read_text())
    assert len(found["slices"]) == metrics["slices/measured"] == 9
    assert sum(each["rows"] for each in found["slices"] if each["column"] == "length") == 80
    page = shown(slices_card.show, tmp_path / "out")
    text = (page / "card.md").read_text()
    assert all(f"{each['column']}: {each['name']}" in text for each in found["slices"])
    assert (page / "slices.png").is_file()


def test_a_column_that_is_not_there_is_refused(world: SimpleNamespace, tmp_path: Path) -> None:
    source = source_of(world, tmp_path / "source")
    with pytest.raises(StageError, match=r"no column 'orgin' \(downstream\.mood\.slices\)"):
        run(world, ["orgin"], tmp_path / "out", source)


def test_no_field_of_the_rows_depends_on_the_slices() -> None:
    plain, sliced = Downstream(), Downstream(slices=["length"])
    assert plain.data == sliced.data
    assert plain.training == sliced.training


def test_slices_whose_names_differ_in_signs_alone_are_metrics_of_their_own() -> None:
    kind = load(PROBLEM)
    counts = {"rows": 9, "documents": 9}
    numbers = dict.fromkeys(("low", "high", "difference", "difference_low", "difference_high"), 0.0)
    parts: dict[str, Any] = {"column": "origin", "p": 1.0, "verdict": CHANCE, **counts, **numbers}
    measured = [
        Measured(name=name, value=value, **parts) for name, value in (("a/b", 0.25), ("a:b", 0.75))
    ]
    metrics = metrics_of(kind, measured)
    assert metrics["slices/origin a_b/accuracy"] == 0.25
    assert metrics["slices/origin a_b (2)/accuracy"] == 0.75
