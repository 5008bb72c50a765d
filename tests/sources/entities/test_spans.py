"""JSON of annotation tools, known by its content: the text and its spans find their columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.data.notices import Notices
from tasks.data.rows import Column, Row
from tasks.experiment.problem import LabelledData
from tasks.problems import shape_of
from tasks.problems.token_classification.character_spans import NOBODY
from tasks.sources.files import reader_of
from tasks.sources.lines import File

NAMES = LabelledData(name="x", problem="token-classification")
TEXT, SPAN = "In Rome today", {"start": 3, "end": 7, "label": "LOC"}
TRIPLE = [3, 7, "LOC"]
VALUE = {"value": {"start": 3, "end": 7, "text": "Rome", "labels": ["LOC"]}, "type": "labels"}
LAYOUTS: dict[str, Any] = {
    "entities": {"text": TEXT, "entities": [SPAN]},
    "spans": {"text": TEXT, "spans": [SPAN], "tokens": [{"text": "In", "start": 0, "end": 2}]},
    "spacy": [TEXT, {"entities": [TRIPLE]}],
    "doccano": {"id": 1, "text": TEXT, "label": [TRIPLE]},
    "label studio": {"id": 1, "data": {"body": TEXT}, "annotations": [{"result": [VALUE]}]},
    "label studio, short": {"text": TEXT, "label": [VALUE["value"]], "annotator": 1},
}


def sentences(
    folder: Path,
    text: str,
    name: str,
    data: LabelledData = NAMES,
    notices: Notices | None = None,
) -> list[Any]:
    (folder / name).write_text(text)
    file, shape = File(folder / name, name), shape_of("token-classification")
    columns = [*shape.columns(data).needed, Column("document")]
    rows = (Row("", "", values, where) for where, values in reader_of(file)(file, columns))
    return [shape.parse(row, data, notices or Notices()) for row in rows]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "lines.json", "bare", "wrapped.json"])
def test_each_layout_is_read_whatever_the_file_is_called(
    layout: str, name: str, tmp_path: Path
) -> None:
    row = LAYOUTS[layout]
    every = [row, row]
    written = {"classes": ["LOC"], "annotations": every} if name == "wrapped.json" else every
    lines = "".join(json.dumps(each) + "\n" for each in every)
    text = lines if name in ("a.jsonl", "lines.json") else json.dumps(written, indent=1)
    expected = {"tokens": ["In", "Rome", "today"], "tags": ["O", "B-LOC", "O"]}
    assert sentences(tmp_path, text, name) == [expected, expected]


def test_a_text_without_a_span_has_no_entity(tmp_path: Path) -> None:
    found = sentences(tmp_path, json.dumps([TEXT, {"entities": []}]) + "\n", "a.jsonl")
    assert found[0]["tags"] == ["O", "O", "O"]


def test_columns_may_be_named(tmp_path: Path) -> None:
    roles = NAMES.columns.model_copy(update={"tokens": "body", "tags": "found"})
    row = {"text": "other", "entities": [], "body": TEXT, "found": [TRIPLE]}
    data = NAMES.model_copy(update={"columns": roles})
    [found] = sentences(tmp_path, json.dumps(row) + "\n", "a.jsonl", data)
    assert found["tags"] == ["O", "B-LOC", "O"]


def test_a_command_finds_the_text_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(LAYOUTS["doccano"]) + "\n")
    file = File(tmp_path / "a.jsonl", "a.jsonl")
    [(_, values)] = reader_of(file)(file, [Column("tokens", "--column")])
    assert values["tokens"] == TEXT


def test_labels_of_texts_stay_labels(tmp_path: Path) -> None:
    row = {"text": TEXT, "label": [TRIPLE]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    file = File(tmp_path / "a.jsonl", "a.jsonl")
    columns = [Column("text", "downstream.x.columns.text"), Column("label", "columns.label")]
    assert [values for _, values in reader_of(file)(file, columns)] == [row]


def test_texts_that_nobody_annotated_are_left_out_not_taken_for_empty(tmp_path: Path) -> None:
    done = {"value": {"start": 0, "end": 5, "labels": ["LOC"]}}
    lists = ([{"result": [done]}], [], [{"result": [], "was_cancelled": True}], [{"result": []}])
    rows = [{"data": {"text": "Paris is here"}, "annotations": each} for each in lists]
    notices = Notices()
    found = sentences(tmp_path, json.dumps(rows), "a.json", notices=notices)
    tags = [each and each["tags"] for each in found]
    assert tags == [["B-LOC", "O", "O"], None, None, ["O", "O", "O"]]
    assert notices.counts[NOBODY] == 2
