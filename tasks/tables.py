"""Parquet tables, written and read in pieces of bounded size; the same bytes for the same rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

_TYPES = {"string": pa.string(), "list<string>": pa.list_(pa.string()), "bytes": pa.binary(8)}
READ_BYTES = 1 << 20  # read at a time of a column, however long its row groups are
_ROW_GROUP_BYTES = 4 << 20
_ROW_GROUP_ROWS = 4096


class TableWriter:
    """Writes rows to a Parquet file, a row group whenever some megabytes have come together."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self.count = 0

    def write(self, row: Mapping[str, Any], size: int) -> None:
        """Add a row of about so many bytes."""
        self._rows.append(row)
        self._bytes += size
        self.count += 1
        if self._bytes >= _ROW_GROUP_BYTES or len(self._rows) >= _ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._file.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
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
    """The rows of a Parquet file, one at a time."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as table:
        for batch in table.iter_batches(batch_size=512, columns=columns):
            yield from batch.to_pylist()


def write_dataset_file(
    out: Path, name: str, columns: Mapping[str, str], splits: Mapping[str, int]
) -> None:
    """Write dataset.json: that `out` is a data set, with a digest of what its splits hold."""
    digest = hashlib.sha256()
    for split in splits:
        with (out / f"{split}.parquet").open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    facts = {
        "name": name,
        "rows": sum(splits.values()),
        "splits": dict(splits),
        "columns": dict(columns),
        "digest": digest.hexdigest()[:32],
    }
    (out / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
