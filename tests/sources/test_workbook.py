"""Workbooks of Excel: a sheet of rows, or one for each split; other sheets are reported."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column, Columns, Row
from tasks.experiment.corpus import Corpus
from tasks.sources import Source, resolve, workbook

openpyxl = pytest.importorskip("openpyxl")

COLUMNS = Columns((Column("text", "columns.text"), Column("label", "columns.label")), "document")
ROWS = [["text", "label"], ["a cat", "animal"], [None, None], ["an oak", 3]]


def write(file: Path, **sheets: list[list[object]]) -> str:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return str(file)


def read(source: Source, columns: Columns = COLUMNS) -> list[Row]:
    return list(source.rows(columns, lambda *_: None))


def test_rows_have_their_columns_and_place(tmp_path: Path) -> None:
    source = resolve(write(tmp_path / "Moods.xlsx", Data=ROWS, Empty=[]), "x.source")
    assert (source.kind, source.name) == ("workbook", "Moods.xlsx")
    first, second = read(source)
    assert first.values == {"text": "a cat", "label": "animal"}
    assert first.where == "Moods.xlsx, sheet 'Data', row 2"
    assert second.values == {"text": "an oak", "label": 3}
    assert second.where.endswith("row 4")
    assert source.first_rows(COLUMNS) == [first]
    assert source.size() > 0
    [document, _] = source.documents(Corpus(), lambda *_: None)
    assert document.text == "a cat"


def test_sheets_named_like_splits_are_the_splits_and_others_are_reported(tmp_path: Path) -> None:
    sheets = {"Train": ROWS, "Dev": ROWS[:2], "test": ROWS[:2], "Notes": [["of", "nothing"]]}
    source = resolve(write(tmp_path / "a.xlsx", **sheets), "x.source")
    assert [row.split for row in read(source)] == ["train", "train", "validation", "test"]
    assert source.remarks() == ["sheets that are not read: Notes"]
    assert len(list(source.documents(Corpus(), lambda *_: None))) == 2


def test_columns_by_number_read_the_first_row_too(tmp_path: Path) -> None:
    source = resolve(write(tmp_path / "a.xlsx", S=[["a cat", "x1"], ["an oak", "x2"]]), "x.source")
    columns = Columns((Column("0", "columns.text"), Column("1", "columns.label")), "document")
    assert [row.values for row in read(source, columns)] == [
        {"0": "a cat", "1": "x1"},
        {"0": "an oak", "1": "x2"},
    ]


def test_dates_are_texts_and_missing_cells_are_nothing(tmp_path: Path) -> None:
    rows = [["text", "label"], ["a", datetime.date(2026, 11, 30)], ["b"]]
    dated, short = read(resolve(write(tmp_path / "a.xlsx", S=rows), "x.source"))
    assert dated.values["label"].startswith("2026-11-30")
    assert short.values == {"text": "b", "label": None}


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several = resolve(write(tmp_path / "a.xlsx", One=ROWS, Two=ROWS), "x.source")
    with pytest.raises(StageError, match=r"found 2 sheets \(One, Two\); accepted: one sheet"):
        read(several)
    with pytest.raises(StageError, match=r"row 1: no column 'label' .*did you mean labels"):
        read(resolve(write(tmp_path / "b.xlsx", S=[["text", "labels"]]), "x.source"))
    (tmp_path / "c.xlsx").write_text("no workbook")
    with pytest.raises(StageError, match=r"c\.xlsx: not a workbook that can be read"):
        read(resolve(str(tmp_path / "c.xlsx"), "x.source"))
    path = Path(write(tmp_path / "e.xlsx", S=ROWS))
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as damaged:
        for name, content in parts.items():
            damaged.writestr(name, content[:-40] if "sheet1" in name else content)
    with pytest.raises(StageError, match=r"e\.xlsx: not a workbook that can be read: unclosed"):
        read(resolve(str(path), "x.source"))
    with pytest.raises(StageError, match=r"x\.source: there is no file"):
        resolve(str(tmp_path / "d.xlsx"), "x.source")
    monkeypatch.setattr(workbook, "find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"openpyxl, which is not installed: pip install openpyxl"):
        resolve(str(tmp_path / "c.xlsx"), "x.source")
