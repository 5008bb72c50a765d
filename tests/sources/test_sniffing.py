"""The format of a file shows in its content where its ending does not tell."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.sources.lines import File
from tasks.sources.sniffing import format_of

CONTENT = {
    ".jsonl": '{"text": "a"}\n{"text": "b"}\n',
    ".json": '[\n  {"text": "a"}\n]\n',
    ".csv": "text,label\na,b\nc,d\n",
    ".tsv": "good\tone, two\nbad\tthree\n",
    ".conll": "EU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n",
    ".txt": "It was a dark night.\nA long, dark, cold one.\n",
}


@pytest.mark.parametrize("name", ["data", "train.data"])
@pytest.mark.parametrize("form", CONTENT)
def test_content_tells_the_format_of_a_file_with_labels(
    form: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(CONTENT[form])
    expected = "" if form == ".txt" and name != "data" else form
    assert format_of(File(tmp_path / name, name), rows=True) == expected


def test_the_bytes_of_parquet_count_more_than_the_ending(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.csv")
    assert format_of(File(tmp_path / "t.csv", "t.csv"), rows=True) == ".parquet"


@pytest.mark.parametrize("content", ["Well, so.\nNo, no.\n", "One; two.\nThree; four.\n"])
def test_prose_is_no_table(content: str, tmp_path: Path) -> None:
    (tmp_path / "novel").write_text(content)
    assert format_of(File(tmp_path / "novel", "novel"), rows=False) == ".txt"


@pytest.mark.parametrize("name", ["a.pdf", "a.py", "a.png", "b.xlsx", "README.md"])
def test_what_no_one_expects_to_be_data_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04" if name == "b.xlsx" else b"a,b\nc,d\n")
    assert format_of(File(tmp_path / name, name), rows=True) == ""
