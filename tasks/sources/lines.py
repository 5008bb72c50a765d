"""A file of text, line by line: UTF-8, also if it is packed by gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tasks.contract import StageError

PACKED = ".gz"
_EXPORT = "unpack it, or export it as UTF-8 text"
# The first bytes of files that often have the wrong name.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive, as Excel's .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an Excel .xls file",
    b"\x1f\x8b": "packed by gzip",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path, and its name in ids and messages."""

    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The ending that names its format: `.csv` for `train.CSV.gz`."""
        return suffix_of(self.path)

    def open(self) -> IO[bytes]:
        """Open it to read bytes, unpacked."""
        if self.path.suffix.lower() == PACKED:
            return cast("IO[bytes]", gzip.open(self.path))
        return self.path.open("rb")


def suffix_of(path: Path) -> str:
    """The ending that names a file's format, in lower case, below `.gz`."""
    packed = path.suffix.lower() == PACKED
    return (path.with_suffix("") if packed else path).suffix.lower()


def lines(file: File) -> Iterator[tuple[int, str]]:
    """The lines of a text file from 1, without their ends.

    Raises:
        StageError: a line is not UTF-8, or contains a zero byte as only binary files do; the file
            is packed, but not completely.
    """
    offset = number = 0
    try:
        with file.open() as stream:
            for number, raw in enumerate(stream, 1):
                yield number, _decoded(file, number, offset, raw)
                offset += len(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise StageError(
            f"{file.name}: not a complete gzip file (truncated in a copy?), after line {number}: "
            f"{error}"
        ) from None


def _decoded(file: File, number: int, offset: int, raw: bytes) -> str:
    if number == 1 and (kind := disguised(raw)):
        raise StageError(f"{file.name}: this is {kind}, not text; {_EXPORT}")
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise StageError(_not_utf8(file, number, offset + error.start, raw)) from None
    if "\0" in line:
        raise StageError(
            f"{file.name}, line {number}: a zero byte (byte {offset + raw.index(0)}); "
            "this is not a text file"
        )
    return line.rstrip("\r\n")


def disguised(start: bytes) -> str:
    """The type of a compressed file or an archive by its first bytes, or ""."""
    return next((kind for mark, kind in _SIGNATURES.items() if start.startswith(mark)), "")


def _not_utf8(file: File, number: int, at: int, raw: bytes) -> str:
    utf16 = number == 1 and raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    guess = "UTF-16" if utf16 else "ISO-8859-1"
    return (
        f"{file.name}, line {number}: not UTF-8 (byte {at} of the file); text files must be UTF-8; "
        f"if it is {guess}: iconv -f {guess} -t UTF-8 {Path(file.name).name}"
    )
