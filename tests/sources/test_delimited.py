"""Tables with any mark between cells, with a header or with numbers for columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.delimited import comma_separated, tab_separated
from tasks.sources.lines import File

NAMED = [Column("text", "columns.text"), Column("label", "columns.label"), Column("document")]
NUMBERED = [Column("1", "columns.text"), Column("0", "columns.label"), Column("document")]


def read(path: Path, columns: list[Column] = NAMED) -> list[tuple[str, str]]:
    reader = tab_separated if path.suffix == ".tsv" else comma_separated
    text, label = (column.name for column in columns[:2])
    return [(row[text], row[label]) for _, row in reader(File(path, path.name), columns)]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_the_mark_is_found_whatever_the_ending_says(mark: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"t.{ending}"
    rows = [("one two", "a"), ("three", "b"), ("four: five", "a")]
    file.write_text("\n".join(mark.join(row) for row in [("text", "label"), *rows]) + "\n")
    assert read(file) == rows


def test_commas_in_texts_are_no_marks_of_a_table_with_semicolons(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('text;label\nwell, so;a\n"a; b\nc";b\nno, no, no;a\n')
    assert read(file) == [("well, so", "a"), ("a; b\nc", "b"), ("no, no, no", "a")]


def test_numbers_are_the_columns_of_a_file_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("good,a fine day\nbad,rain\n")
    (tmp_path / "t.tsv").write_text("good\ta fine day\nbad\train\n")
    for name in ("t.csv", "t.tsv"):
        assert read(tmp_path / name, NUMBERED) == [("a fine day", "good"), ("rain", "bad")]


def test_a_label_that_is_the_number_of_a_column_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,a fine day\n0,rain\n")
    assert read(tmp_path / "t.csv", NUMBERED) == [("a fine day", "1"), ("rain", "0")]


def test_a_header_of_numbers_is_a_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("0,1\ngood,a fine day\n")
    assert read(tmp_path / "t.csv", NUMBERED) == [("a fine day", "good")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "label,text\ngood,a\n",
            r"line 1: the row looks like a header.*{text: text, label: label}",
        ),
        ("good\nbad\n", r"line 1: columns.text is 1, but the row has 1 cells, numbered from 0"),
        ("good,a\nbad,a,b\n", r"line 2: 3 cells, but the first row has 2"),
    ],
)
def test_mistakes_with_numbers_are_told(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(StageError, match=said):
        read(tmp_path / "t.csv", NUMBERED)


def test_very_many_columns_are_read_and_messages_show_some(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(20_000)]  # compared with each other it takes minutes
    (tmp_path / "a.csv").write_text(f"text,label,{','.join(names)}\none,p{',' * len(names)}\n")
    assert read(tmp_path / "a.csv") == [("one", "p")]
    (tmp_path / "b.csv").write_text(f"body,label,{','.join(names)}\n")
    with pytest.raises(StageError, match=r"no column 'text'.*\(20,002 in all\)") as found:
        read(tmp_path / "b.csv")
    assert len(str(found.value)) < 2_000


def test_lines_of_old_macs_are_told_with_how_to_convert_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,label\rone,p\rtwo,n\r")
    with pytest.raises(StageError, match=r"line 1: .*a carriage return .*tr '.r' '.n' < a.csv"):
        read(tmp_path / "a.csv")
