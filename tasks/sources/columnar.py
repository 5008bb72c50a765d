"""Parquet and Arrow files (Feather too), read in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columns import require
from tasks.sources.lines import File, disguised
from tasks.sources.packing import DAMAGED, seekable

Record = tuple[str, Mapping[str, Any]]

_READ_BYTES = 1 << 20  # bytes of a Parquet column read at a time, independent of its row groups
_ROWS = 512
ARROW_FILE = b"ARROW1"  # other Arrow files are streams, as `datasets` stores them


def parquet(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a Parquet file, with the requested columns."""
    return _rows(file, columns, "Parquet", _parquet_batches)


def arrow(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of an Arrow file or stream, with the requested columns."""
    return _rows(file, columns, "Arrow", _arrow_batches)


def names_in(file: File) -> list[str]:
    """The names of the columns of a Parquet or Arrow file.

    Raises:
        StageError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with seekable(file.path) as stream:
            start = stream.read(4)
            stream.seek(0)
            found = pq.ParquetFile(stream).schema_arrow if start == b"PAR1" else _opened(stream)[0]
            return list(dict.fromkeys(found.names))
    except (pa.ArrowException, OSError, *DAMAGED) as error:
        raise StageError(
            f"{file.name}: cannot be read: {str(error).partition(chr(10))[0]}"
        ) from None


def _rows(file: File, columns: Sequence[Column], kind: str, batches: Any) -> Iterator[Record]:
    import pyarrow as pa

    try:
        with seekable(file.path) as stream:
            number = 0
            for batch in batches(file, stream, columns):
                for values in batch.to_pylist():
                    number += 1
                    yield f"{file.name}, row {number}", values
    except (pa.ArrowException, OSError, *DAMAGED) as error:
        with file.path.open("rb") as start:
            found = disguised(start.read(4))
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StageError(
            f"{file.name}: this is {found}, not {kind}"
            if found
            else f"{file.name}: not a complete {kind} file (truncated in a copy?): {reason}"
        ) from None


def _parquet_batches(file: File, stream: Any, columns: Sequence[Column]) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream, pre_buffer=False, buffer_size=_READ_BYTES) as table:
        wanted = _wanted(file, columns, table.schema_arrow.names)
        yield from table.iter_batches(batch_size=_ROWS, columns=wanted)


def _arrow_batches(file: File, stream: Any, columns: Sequence[Column]) -> Iterator[Any]:
    schema, batches = _opened(stream)
    wanted = _wanted(file, columns, schema.names)
    for batch in batches:
        some = batch.select(wanted)
        for begin in range(0, some.num_rows, _ROWS):
            yield some.slice(begin, _ROWS)


def _opened(stream: Any) -> tuple[Any, Iterator[Any]]:
    """The schema and the batches of an Arrow file or stream."""
    import pyarrow as pa

    is_file = stream.read(len(ARROW_FILE)) == ARROW_FILE
    stream.seek(0)
    if is_file:
        opened = pa.ipc.open_file(stream)
        batches = (opened.get_batch(number) for number in range(opened.num_record_batches))
        return opened.schema, batches
    opened = pa.ipc.open_stream(stream)
    return opened.schema, iter(opened)


def _wanted(file: File, columns: Sequence[Column], there: Sequence[str]) -> list[str]:
    """The names of the columns to read.

    Raises:
        StageError: one is not there, or there twice.
    """
    require(columns, there, file.name)
    wanted = [column.name for column in columns if column.name in there]
    if twice := [name for name in wanted if there.count(name) > 1]:
        raise StageError(f"{file.name}: the column {twice[0]!r} occurs twice; rename one")
    return wanted
