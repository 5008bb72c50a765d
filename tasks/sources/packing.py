"""Packed files, recognized by their first bytes and not only by their ending: gzip, xz, zstd."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Any, cast

PACKED = {".gz": "gzip", ".xz": "xz", ".zst": "zstd"}
_MAGIC = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
# What the libraries raise where a packed file ends too early or is garbled. An OSError of another
# kind of file is one of the disk.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def packing_of(path: Path) -> str:
    """The ending for the way in which a file is packed; "" if it is not."""
    if path.suffix.lower() in PACKED:
        return path.suffix.lower()
    with path.open("rb") as stream:
        start = stream.read(6)
    return next((ending for magic, ending in _MAGIC.items() if start.startswith(magic)), "")


def unpacked(path: Path) -> io.BufferedReader:
    """A file, to read its bytes unpacked; they can be looked at first by `peek`."""
    match packing_of(path):
        case ".gz":
            return cast(io.BufferedReader, gzip.open(path))
        case ".xz":
            return cast(io.BufferedReader, lzma.open(path))
        case ".zst":
            return _of_zstd(path)
    return path.open("rb")


def _of_zstd(path: Path) -> io.BufferedReader:
    import pyarrow as pa

    class Stream(io.RawIOBase):
        """Arrow's stream, whose errors are those of a damaged file."""

        def __init__(self) -> None:
            self._inner = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any, /) -> int:
            try:
                found: bytes = self._inner.read(len(buffer))
            except (OSError, pa.ArrowException) as error:
                raise EOFError(str(error).partition("\n")[0]) from None
            buffer[: len(found)] = found
            return len(found)

        def close(self) -> None:
            self._inner.close()
            super().close()

    return io.BufferedReader(Stream())


def seekable(path: Path) -> Any:
    """A file whose bytes can be read in any order; a packed one is unpacked to the disk."""
    import shutil
    import tempfile

    import pyarrow as pa

    if not packing_of(path):
        return pa.OSFile(str(path))
    copy = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    with unpacked(path) as stream:
        shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy
