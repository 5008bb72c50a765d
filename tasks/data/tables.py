"""Parquet tables, written and read in chunks of bounded size; equal rows give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.same_text import digest

_TYPES = {
    "string": pa.string(),
    "list<string>": pa.list_(pa.string()),
    "list<span>": pa.list_(pa.struct([("text", pa.string()), ("start", pa.int64())])),
    "double": pa.float64(),
    "digest": pa.binary(8),
    "bytes": pa.binary(),
}
READ_BYTES = 1 << 20  # bytes of a column read at a time, independent of the row groups
_ROW_GROUP_BYTES = 4 << 20
_ROW_GROUP_ROWS = 4096


class TableWriter:
    """Writes rows to a Parquet file, in row groups of some megabytes."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self.count = 0

    def write(self, row: Mapping[str, Any], size: int) -> None:
        """Add a row of about `size` bytes."""
        self._rows.append(row)
        self._bytes += size
        self.count += 1
        if self._bytes >= _ROW_GROUP_BYTES or len(self._rows) >= _ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = [
            pa.array([row[field.name] for row in self._rows], field.type) for field in self._schema
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows, self._bytes = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and (self._rows or not self.count):
            self._flush()
        self._file.close()


def read_table(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, one at a time; with all columns, or only these."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as table:
        for batch in table.iter_batches(batch_size=512, columns=columns):
            names = batch.schema.names
            values = [column.to_pylist() for column in batch.columns]
            yield from (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))


def read_texts(path: Path) -> Iterator[pa.StringArray]:
    """The column `text` of a file that `TableWriter` wrote, one row group at a time."""
    with pq.ParquetFile(path) as table:
        for number in range(table.num_row_groups):
            yield table.read_row_group(number, ["text"]).column(0).combine_chunks()


def count_overlap(paths: Sequence[Path], passage: Callable[[dict[str, Any]], str]) -> int:
    """How many rows have their document or their text in an earlier table.

    Args:
        paths: The tables; put the largest last, since it is not kept in memory.
        passage: The text of a row.
    """
    before: set[str | bytes] = set()
    count = 0
    for number, path in enumerate(paths, 1):
        own: set[str | bytes] = set()
        for row in read_table(path):
            keys: set[str | bytes] = {row["document"], digest(passage(row))}
            count += not keys.isdisjoint(before)
            if number < len(paths):
                own |= keys
        before |= own
    return count


def write_dataset_file(out: Path, name: str, columns: Mapping[str, str], rows: int) -> None:
    """Write dataset.json, which marks `out` as a data set, with its columns and number of rows."""
    facts = {"name": name, "rows": rows, "columns": dict(columns)}
    (out / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write JSON with sorted keys."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
