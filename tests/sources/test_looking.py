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


ASKED = ["technical", "billing", "shipping"]


@pytest.mark.parametrize(
    ("first", "numbered"),
    [
        ("Ticket #,Customer message,Team (final)", False),
        ("Timestamp,What did you like?,Team", False),
        ("No.,Kundentext (Original),Abteilung", False),
        ("Ticket/ID,Kunden-Text,Abteilung", False),
        ("Ticket ID,Feedback %,Customer's team", False),
        ("999,The parcel is late.,shipping", True),
        ("999,The parcel is late.,Shipping", True),
    ],
)
@pytest.mark.parametrize("ids", [True, False])
def test_a_header_may_have_any_signs(first: str, numbered: bool, ids: bool, tmp_path: Path) -> None:
    begin = 0 if ids else 1
    rows = [f"{1000 + n},{LONG} {n},{ASKED[n % 3]}".split(",") for n in range(12)]
    lines = [",".join(each[begin:]) for each in [first.split(","), *rows]]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert look(File(tmp_path / "t.csv", "t.csv"), rows=True).numbered == numbered


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
