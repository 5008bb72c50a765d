"""What is read before anything starts: small sources to their end; the rest is reported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from flows import plan
from flows.calls import reading
from flows.calls.reading import read_small_sources
from tasks.contract import StageError
from tasks.data.rows import Row
from tasks.experiment.corpus import Corpus
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.problem import LabelledData
from tasks.machinery.execution.planner import Step, pending
from tasks.sources import Source, resolve
from tasks.sources.images import resolve as resolve_pictures
from tests.support.tiny_images import write_image_experiment, write_pictures
from tests.support.tiny_masks import DATA, store_masked, write_masked

ROWS = [f"text {number},{'ab'[number % 2]}" for number in range(12)]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS", 8)


def dataset(folder: Path, rows: list[str]) -> tuple[Step, dict[str, Any]]:
    file = folder / "rows.csv"
    file.write_text("\n".join(["text,label", *rows]) + "\n")
    source = resolve(str(file), "downstream.x.source", "rows")
    data = LabelledData(name="x", problem="text-classification", source=str(file))
    step = Step("dataset x", "dataset", "run", [], "f", None)
    return step, {"data": data, "source": source, "seed": 0}


def corpus(folder: Path, lines: int) -> tuple[Step, dict[str, Any]]:
    file = folder / "texts.txt"
    file.write_text("".join(f"a line {number}\n" for number in range(lines)))
    given = Corpus(source=str(file), documents="line")
    source = resolve(str(file), "corpus.source", "text")
    return Step("corpus", "corpus", "run", [], "f", None), {"corpus": given, "source": source}


def test_of_many_rows_the_first_are_checked_and_the_rest_is_told(tmp_path: Path) -> None:
    assert read_small_sources([dataset(tmp_path, ROWS)]).left == [
        "dataset x: of rows.csv (121 bytes) only the first 8 rows are read before the start; the "
        "stage checks the rest"
    ]
    with pytest.raises(StageError, match=r"dataset x: rows\.csv, line 5: .*label"):
        read_small_sources([dataset(tmp_path, [*ROWS[:3], "no label,", *ROWS[3:]])])
    assert read_small_sources([dataset(tmp_path, [*ROWS, "no label,"])]).left


def test_of_few_rows_all_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS", 13)
    with pytest.raises(StageError, match=r"dataset x: rows\.csv, line 14: .*label"):
        read_small_sources([dataset(tmp_path, [*ROWS, "no label,"])])


@pytest.mark.parametrize("most", [8, 60])
def test_rows_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(reading, "ROWS", most)
    lines = [f"text {number},{'ab'[number % 2]}" for number in range(60)]
    read: list[str] = []
    rows = Source.rows

    def counted(source: Source, *given: Any) -> Iterator[Row]:
        for row in rows(source, *given):
            read.append(row.values["text"])
            yield row

    monkeypatch.setattr(Source, "rows", counted)
    found = read_small_sources([dataset(tmp_path, lines)])
    assert read == [line.partition(",")[0] for line in lines][: most + 1]
    assert [each["rows"] for each in found.counts.values() if each] == [60] * (most == 60)


def test_of_a_corpus_too(tmp_path: Path) -> None:
    (told,) = read_small_sources([corpus(tmp_path, 9)]).left
    assert "only the first 8 documents are read" in told
    assert read_small_sources([corpus(tmp_path, 8)]).left == []


def test_large_sources_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SMALL", 100)
    (told,) = read_small_sources([dataset(tmp_path, [*ROWS, "no label,"])]).left
    assert told.startswith("dataset x: of rows.csv (131 bytes) only some rows are read")


def test_what_is_cached_is_neither_read_nor_told(tmp_path: Path) -> None:
    _, arguments = dataset(tmp_path, [*ROWS, "no label,"])
    cached = Step("dataset x", "dataset", "cached", [], "f", 1)
    assert read_small_sources([(cached, arguments)]).left == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["new text one,c", "new text two,a"], "the problem has no label 'c'; accepted: a, b"),
        (["new text one,a"], "1 rows of 1 documents to test on"),
        (["text 3,a", "text 4,b"], "are left out since their text is"),
        (["new text one,"], "line 2: .*label"),
    ],
)
def test_further_test_sets_are_checked_against_rows_that_are_not_prepared_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], said: str
) -> None:
    monkeypatch.setattr(reading, "ROWS", 100)
    lines = [f"text {number},{'ab'[number % 2]}" for number in range(60)]
    step, arguments = dataset(tmp_path, lines)
    known = pending("dataset", step.title, {"stage": "dataset"}).whole
    file = tmp_path / "further.csv"
    file.write_text("\n".join(["text,label", *rows]) + "\n")
    source = resolve(str(file), "downstream.x.evaluate_also.y.source", "rows")
    data = arguments["data"].model_copy(update={"name": "x.evaluate_also.y"})
    further = Step("further-test x on y", "further-test", "run", [], "f", None)
    given = (further, {"data": data, "source": source, "known": known})
    with pytest.raises(StageError, match=f"further-test x on y: .*{said}"):
        read_small_sources([(step, arguments), given])
    monkeypatch.setattr(reading, "ROWS", 0)
    assert len(read_small_sources([(step, arguments), given]).left) == 2


def with_further(folder: Path, source: str) -> str:
    """The file of a tiny experiment on images whose model is tested on another source too."""
    file = write_image_experiment(folder)
    values = yaml.safe_load(file.read_text())
    values["downstream"][0]["evaluate_also"] = [{"name": "also", "source": source}]
    file.write_text(yaml.safe_dump(values))
    return str(file)


@pytest.mark.usefixtures("home")
def test_pictures_of_further_tests_are_checked_before_anything_is_trained(tmp_path: Path) -> None:
    write_pictures(tmp_path / "more", 9, 9)
    file = with_further(tmp_path, "more")
    titles = [step.title for step in plan(file).steps]
    assert titles.index("further-test kinds on also") < titles.index("pretraining")
    (tmp_path / "more" / "bar").rename(tmp_path / "more" / "ring")
    with pytest.raises(StageError, match=r"kinds\.evaluate_also\.also: .*no label 'ring'"):
        plan(file)


def test_pictures_of_further_tests_are_compared_with_those_that_are_stored(tmp_path: Path) -> None:
    known = store_masked(tmp_path / "known", count=30)
    source = resolve_pictures(str(write_masked(tmp_path / "new", 9, seed=7)), "x")
    arguments = {"data": DATA, "pixels": Pixels(size=16), "source": source}
    step = Step("further-test x on new", "further-test", "run", [], "f", None)
    given = SimpleNamespace(path=known)
    found = read_small_sources([(step, {**arguments, "known": given})])
    assert found.counts[step.title]["rows"] == 9
