"""Tables of pictures: paths beside the table, or in Parquet files the pictures themselves.

A table that is named after a split has its rows in it, also `train-00000-of-00002.parquet` as the
Hub and `datasets` name parts of a split. Paths do not leave the folder of the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.contract import StageError
from tasks.data.images.picture import MaskFile, Picture
from tasks.data.rows import Column, Split
from tasks.experiment.images.pictures import PictureColumns
from tasks.experiment.images.problem import LabelledColumns
from tasks.machinery.naming.links import outside
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.formats import READERS
from tasks.sources.images.picture_bytes import read_mask_file, read_picture
from tasks.sources.lines import File, suffix_of

TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".arrow")
_PART = re.compile(r"-\d+-of-\d+(-[0-9a-f]+)?$")  # of a split, behind its name
LEADS_OUT = "the path leads out of the folder of the table; accepted: paths in it"


def of_tables(tables: Sequence[tuple[str, Path]], columns: PictureColumns) -> Iterator[Picture]:
    """The pictures of the rows of tables.

    Raises:
        StageError: a table cannot be read, or a cell is neither a path nor a picture.
    """
    wanted = wanted_of(columns)
    for name, path in tables:
        told = SPLIT_WORDS.get(_PART.sub("", path.name.partition(".")[0].lower()), "")
        seen: dict[str, int] = {}
        for where, values in READERS[suffix_of(path)](File(path, name), wanted):
            named_as, row = picture_in(values, columns, where, told, path.parent)
            if row.name:
                yield row
            else:
                yield _beside(named_as, path.parent, row, seen)


def wanted_of(columns: PictureColumns) -> list[Column]:
    """The columns of a table; that of labels may be missing."""
    named = [(columns.image, "image"), (columns.label, ""), (columns.group, "group")]
    named.append((columns.mask if isinstance(columns, LabelledColumns) else "", ""))
    named.append((columns.split, "split"))
    return [Column(name, role and f"columns.{role}") for name, role in named if name]


def picture_in(
    values: Mapping[str, Any], columns: PictureColumns, where: str, split: Split, folder: Path
) -> tuple[str, Picture]:
    """The path in a row of a table, and the picture, without a name if the row has no bytes of it.

    Args:
        values: of the row, by column.
        columns: which column has which role.
        where: the row, for people.
        split: of the table; a column of splits counts in its place.
        folder: of the table, which paths are relative to.

    Raises:
        StageError: a cell is neither a path nor a picture, or no split.
    """
    if columns.split:
        split = _split(values.get(columns.split), where)
    group = str(values.get(columns.group) or "") if columns.group else ""
    named_as, data = _cell(values[columns.image], f"{where}: column {columns.image!r}")
    row = Picture("", data or b"", values.get(columns.label), group, split, where)
    if isinstance(columns, LabelledColumns) and not _is_blank(values.get(columns.mask)):
        row = replace(row, mask=_mask_beside(values[columns.mask], folder, where))
    if data is not None:
        key = f"{where}: {named_as}" if named_as else where
        row = replace(row, name=key, where=key)
    return named_as, row


def _is_blank(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _mask_beside(cell: Any, folder: Path, where: str) -> MaskFile:
    """The mask that a cell of a table has, or names; a problem that does not need it ignores it."""
    try:
        written, data = _cell(cell, f"{where}: the mask")
    except StageError as error:
        return MaskFile(b"", where, str(error).removeprefix(f"{where}: "))
    where = f"{where}: {written}" if written else where
    if data is not None:
        return MaskFile(data, where)
    return (
        MaskFile(b"", where, LEADS_OUT)
        if _leaves(written, folder)
        else read_mask_file(folder / written, where)
    )


def _leaves(written: str, folder: Path) -> bool:
    """Whether a path leads out of a folder."""
    path = PurePosixPath(written)
    return path.is_absolute() or ".." in path.parts or outside(folder, written) is not None


def _beside(written: str, folder: Path, row: Picture, seen: dict[str, int]) -> Picture:
    """The picture at a path beside a table; a path that stands in several rows is numbered."""
    seen[written] = seen.get(written, 0) + 1
    name = written if seen[written] == 1 else f"{written} ({seen[written]})"
    row = replace(row, name=name, where=f"{row.where}: {written}")
    if _leaves(written, folder):
        return replace(row, problem=LEADS_OUT)
    return read_picture(row, folder / written)


def _cell(cell: Any, where: str) -> tuple[str, bytes | None]:
    """The path in a cell, or the bytes of a picture and perhaps its path.

    Raises:
        StageError: it contains neither.
    """
    if isinstance(cell, dict) and (isinstance(cell.get("bytes"), bytes) or cell.get("path")):
        return str(cell.get("path") or ""), cell.get("bytes")
    if isinstance(cell, bytes):
        return "", cell
    if isinstance(cell, str) and cell.strip():
        return cell.strip(), None
    raise StageError(f"{where}: found {cell!r:.60}; accepted: the path of a picture, or its bytes")


def _split(value: Any, where: str) -> Split:
    found = SPLIT_WORDS.get(str(value).strip().lower())
    if found is None:
        raise StageError(
            f"{where}: found {value!r:.40} as the split; accepted: {', '.join(sorted(SPLIT_WORDS))}"
        )
    return found
