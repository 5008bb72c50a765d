"""A file of text, line by line, also if it is packed.

Text is UTF-8, or UTF-16 with its byte-order mark. A file whose first line beyond ASCII is not UTF-8
is read as Latin-1, which is a guess, and reported as one (`guesses` of `files.py`). A line in
another encoding than those before it is an error: part of the file would be read wrongly.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from tasks.contract import StageError
from tasks.machinery.host.space import human
from tasks.sources.packing import DAMAGED, PACKED, packing_of, unpacked

UTF8, UTF16, LATIN1 = "UTF-8", "UTF-16", "Latin-1"
LONGEST = 2**29  # bytes of a line, or characters of UTF-16
_EXPORT = "unpack it, or export it as UTF-8 text"
# The first bytes of files that often have the wrong name.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive, as Excel's .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an Excel .xls file",
    b"\x1f\x8b": "packed by gzip",
}

Text = TypeVar("Text", str, bytes)


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path, and its name in ids and messages."""

    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The ending that names its format: `.csv` for `train.CSV.gz`."""
        return suffix_of(self.path)

    def open(self) -> io.BufferedReader:
        """Open it to read bytes, unpacked."""
        return unpacked(self.path)


def suffix_of(path: Path) -> str:
    """The ending that names a file's format, in lower case, below `.gz`, `.xz` and `.zst`."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() if suffix in PACKED else suffix


def lines(file: File) -> Generator[tuple[int, str], None, None]:
    """The lines of a text file from 1, without their ends.

    Raises:
        StageError: a line is not in the encoding of the file, or contains a zero byte as only
            binary files do; the file is packed, but not completely.
    """
    number = 0
    try:
        with file.open() as stream:
            if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                for number, line in enumerate(_wide(file, stream), 1):
                    yield number, line
                return
            decoder, offset = Decoder(file.name), 0
            for number, raw in enumerate(_bounded(file, stream.readline), 1):
                yield number, decoder.decode(number, offset, raw)
                offset += len(raw)
    except DAMAGED as error:
        kind = PACKED[packing_of(file.path)]
        raise StageError(
            f"{file.name}: not a complete {kind} file (truncated in a copy?), after line {number}: "
            f"{error}"
        ) from None


def _bounded(file: File, read: Callable[[int], Text]) -> Iterator[Text]:
    """The lines of a stream. A packed file of a few kB may have one that fills any memory.

    Raises:
        StageError: a line is too long.
    """
    for number, line in enumerate(iter(partial(read, LONGEST), None), 1):
        if not line:
            return
        if len(line) == LONGEST and line[-1:] not in ("\n", b"\n"):
            raise StageError(
                f"{file.name}, line {number}: longer than {human(LONGEST)}; accepted: text with "
                "line breaks. Divide it, or remove the file if it is no text"
            )
        yield line


def _wide(file: File, stream: io.BufferedReader) -> Iterator[str]:
    """The lines of a stream of UTF-16.

    Raises:
        StageError: it is not, or has a zero character.
    """
    number = 0
    with closing(io.TextIOWrapper(stream, encoding="utf-16", newline="\n")) as text:
        try:
            for number, line in enumerate(_bounded(file, text.readline), 1):
                if "\0" in line:
                    where = f"{file.name}, line {number}"
                    raise StageError(f"{where}: a zero character; this is not a text file")
                yield line.rstrip("\r\n")
        except UnicodeError as error:
            raise StageError(
                f"{file.name}, line {number + 1}: not UTF-16, although it begins as such: {error}"
            ) from None


class Decoder:
    """Decodes the lines of a file, whose encoding shows in its first line beyond ASCII.

    Args:
        name: of the file, for messages.

    Attributes:
        encoding: of the lines beyond ASCII; "" while there was none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.encoding = ""
        self._since = 0  # the line that shows it

    def decode(self, number: int, offset: int, raw: bytes) -> str:
        """A line without its end.

        Args:
            number: of the line.
            offset: bytes of the file before it.
            raw: its bytes.

        Raises:
            StageError: its encoding is another one, or it is no text.
        """
        if number == 1 and (kind := disguised(raw)):
            raise StageError(f"{self.name}: this is {kind}, not text; {_EXPORT}")
        if b"\0" in raw:
            place = f"a zero byte (byte {offset + raw.index(0)})"
            raise StageError(f"{self.name}, line {number}: {place}; this is not a text file")
        line = raw.decode("ascii") if raw.isascii() else self._beyond(number, offset, raw)
        return line.rstrip("\r\n")

    def _beyond(self, number: int, offset: int, raw: bytes) -> str:
        found = UTF8
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            found, line, offset = LATIN1, _latin(raw), offset + error.start
        if self.encoding not in ("", found):
            place = f" (byte {offset} of the file)" if found == LATIN1 else ""
            raise StageError(
                f"{self.name}, line {number}: not {self.encoding}{place}, as line {self._since} "
                f"is; a file must be in one encoding. If all of it is ISO-8859-1: iconv -f "
                f"ISO-8859-1 -t UTF-8 {Path(self.name).name}"
            )
        if not self.encoding:
            self.encoding, self._since = found, number
        return line


def _latin(raw: bytes) -> str:
    """Text in Latin-1; where it has them, with the signs of Windows in place of control codes."""
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def encoding_of(file: File) -> str:
    """The encoding in which `lines` reads a file; that of ASCII is UTF-8."""
    decoder = Decoder(file.name)
    with file.open() as stream:
        if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return UTF16
        for raw in _bounded(file, stream.readline):
            if not raw.isascii():
                decoder.decode(2, 0, raw.removeprefix(codecs.BOM_UTF8))
                return decoder.encoding or UTF8
    return UTF8


def disguised(start: bytes) -> str:
    """The type of a compressed file or an archive by its first bytes, or ""."""
    return next((kind for mark, kind in _SIGNATURES.items() if start.startswith(mark)), "")
