"""Room on a disk, foretold: better no training than one that fills the disk an hour later."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.machinery.stage import StageError


def human(size: int) -> str:
    """A number of bytes for people: `812 bytes`, `4.2 MB`, `13 GB`."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "bytes" and amount < 9.95 else f"{amount:,.0f} {unit}"


def free(folder: Path) -> int:
    """Bytes that may still be written in a folder, which need not exist yet."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def require(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: where it is to be written; it need not exist yet.
        needed: bytes that will be written.
        what: what needs them, in the plural: `the checkpoints of …`.

    Raises:
        StageError: the disk has less room.
    """
    left = free(folder)
    if left < needed:
        raise StageError(
            f"{what} need {human(needed)} in {folder}, where {human(left)} are free: free "
            f"{human(needed - left)} on that disk, or set TEMPER_HOME to a folder on a larger one"
        )
