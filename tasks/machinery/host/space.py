"""Disk space, checked before a training starts, so that it does not fill the disk hours later."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tasks.contract import StageError


def human(size: int) -> str:
    """A number of bytes for people: `812 bytes`, `4.2 MB`, `13 GB`."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "bytes" and amount < 9.95 else f"{amount:,.0f} {unit}"


def free(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def require(folder: Path, needed: int, what: str) -> None:
    """Check that the disk has room.

    Args:
        folder: where it is to be written; it need not exist yet.
        needed: bytes that will be written.
        what: what needs them, in the plural: `the checkpoints of …`.

    Raises:
        StageError: fewer bytes are free.
    """
    left = free(folder)
    if left < needed:
        raise StageError(
            f"{what} need {human(needed)} in {folder}, where {human(left)} are free: delete "
            f"{human(needed - left)} on that disk, or set TEMPER_HOME to a folder on a larger one"
        )


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def read_size(text: str) -> int:
    """Parse a size such as `5GB`, `500 MB`, `2GiB` or `0` into bytes.

    Raises:
        StageError: it is not a size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)(?:b|bytes)?\s*", text.lower())
    unit = (_UNITS | _BINARY).get(found.group(2)) if found else None
    if found is None or unit is None:
        raise StageError(f"found {text!r}; accepted: a size like 5GB, 500MB, 2GiB or 0")
    return int(float(found.group(1)) * unit)
