"""Packed files are read like others, by their first bytes whatever they are called."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.formats import TABLES
from tasks.sources.lines import File, lines
from tasks.sources.packing import packing_of

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda plain: pa.compress(plain, "zstd", asbytes=True),
}
TEXT = "\n".join(f"line {number} of a text" for number in range(5000)).encode()


@pytest.mark.parametrize("name", ["t.txt{}", "t.txt"])
@pytest.mark.parametrize("ending", PACK)
def test_lines_are_read_unpacked(ending: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name.format(ending)
    file.write_bytes(PACK[ending](TEXT))
    assert packing_of(file) == ending
    assert File(file, file.name).suffix == ".txt"
    assert [line for _, line in lines(File(file, file.name))] == TEXT.decode().split("\n")


@pytest.mark.parametrize(("ending", "kind"), [(".gz", "gzip"), (".xz", "xz"), (".zst", "zstd")])
def test_a_file_that_is_cut_off_is_told(ending: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"t.txt{ending}"
    file.write_bytes(PACK[ending](TEXT)[:-12])
    with pytest.raises(StageError, match=rf"t.txt{ending}: not a complete {kind} file"):
        list(lines(File(file, file.name)))


@pytest.mark.parametrize("ending", ["", *PACK])
@pytest.mark.parametrize("kind", [".parquet", ".arrow", ".feather", "stream.arrow"])
def test_tables_of_columns_are_read_packed_too(kind: str, ending: str, tmp_path: Path) -> None:
    table = pa.table({"other": [1, 2], "text": ["a", "b"]})
    plain = tmp_path / f"plain{kind}"
    if kind == ".parquet":
        pq.write_table(table, plain)
    else:
        make = pa.ipc.new_stream if kind.startswith("stream") else pa.ipc.new_file
        with make(plain, table.schema) as out:
            out.write_table(table)
    file = tmp_path / f"t.{kind.rpartition('.')[2]}{ending}"
    file.write_bytes(PACK[ending](plain.read_bytes()) if ending else plain.read_bytes())
    given = File(file, file.name)
    found = list(TABLES[given.suffix](given, [Column("text", "columns.text")]))
    assert found == [(f"{file.name}, row 1", {"text": "a"}), (f"{file.name}, row 2", {"text": "b"})]
