"""A look at a file tells its header from a row, and the types of its columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.sources.lines import File
from tasks.sources.looking import look, type_of

LONG = "a text that is much longer than the name of a column"


@pytest.mark.parametrize(
    ("first", "numbered"),
    [
        ("text,label", False),
        ("id,Kommentar", False),  # numbers and long texts stand below
        (f"0,{LONG}", True),
        ("7,Kommentar.", True),
    ],
)
def test_a_header_is_told_from_a_row(first: str, numbered: bool, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n".join([first, f"1,{LONG}", f"2,{LONG} too"]) + "\n")
    seen = look(File(tmp_path / "t.csv", "t.csv"), rows=True)
    assert (seen.numbered, list(seen.columns)) == (
        numbered,
        ["0", "1"] if numbered else first.split(","),
    )


def test_columns_of_parquet_are_seen_with_their_types(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", None], "n": [1, 2], "x": [0.5, 1.0], "words": [["a"], ["b"]]})
    pq.write_table(table, tmp_path / "t.parquet")
    seen = look(File(tmp_path / "t.parquet", "t.parquet"), rows=True)
    assert {name: type_of(values) for name, values in seen.columns.items()} == {
        "text": "text",
        "n": "whole number",
        "x": "number",
        "words": "list of text",
    }


def test_types_of_cells_are_those_of_what_is_written() -> None:
    assert type_of(["1", "-2", ""]) == "whole number"
    assert type_of(["1", "2.5"]) == "number"
    assert type_of(["1", "two"]) == "text"
    assert type_of([None, ""]) == "empty"
