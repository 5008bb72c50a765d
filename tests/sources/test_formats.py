"""JSON files: a list, a list in an object, or an object a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.formats import json_file
from tasks.sources.lines import File

ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
COLUMNS = [Column("text", "columns.text")]


def read(file: Path) -> list[dict[str, str]]:
    return [dict(values) for _, values in json_file(File(file, file.name), COLUMNS)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"version": "1", "data": ROWS}, indent=1),
        "\n".join(map(json.dumps, ROWS)),
    ],
)
def test_every_layout_of_json_gives_the_same_rows(content: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(content)
    assert read(tmp_path / "t.json") == ROWS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[\n{"text": "a"},\n{"text" "b"}]', r"t.json, line 3: not valid JSON \(column 9\)"),
        (
            '{"text": "a", "label": "x", "text": "b"}\n{"text": "c"}',
            r"t.json, line 1: the key 'text' is twice in an object, with 'a' and 'b'; keep one",
        ),
        (
            '[{"text": "a", "data": {"id": 1, "id": 1}}]',
            r"t.json: the key 'id' is twice in an object, with 1 and 1; keep one",
        ),
        ('[{"text": "a"}, 7]', r"t.json, item 2: '7' is not a JSON object; accepted: a list"),
        ('[{"txt": "a"}]', r"t.json, item 1: no column 'text' .*did you mean txt"),
        ('{"a": [],\n"b": []}', r"t.json: an object with the keys 'a', 'b'; accepted: a list"),
        ("7", r"t.json: '7' is no list"),
    ],
)
def test_mistakes_are_told_with_their_place(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(StageError, match=said):
        read(tmp_path / "t.json")
