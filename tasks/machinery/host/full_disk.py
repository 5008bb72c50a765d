"""Recognizing a full disk in the errors of different libraries."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from tasks.contract import StageError
from tasks.machinery.host.space import human

_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
# Beside OSError: safetensors and the tokenizers, SQLite, and torch's archive writer.
_WORDS = ("no space left", "os error 28", "disk is full", "disk quota exceeded")
_WRITER = ("pytorchstreamwriter", "inline_container")
_NEARLY = 16 * 2**20  # bytes: if less is free when a writer fails, the disk is full


def full_disk(problem: BaseException, folder: Path) -> StageError | None:
    """The error to show if the cause of a problem is that the folder's disk is full."""
    chain = _chain(problem)
    if isinstance(problem, StageError) or not any(_is_full(each, folder) for each in chain):
        return None
    named = next((e.filename for e in chain if isinstance(e, OSError) and e.filename), None)
    place = Path(str(named)) if named else _fullest(folder, Path(tempfile.gettempdir()))
    usage = shutil.disk_usage(_existing(place))
    return StageError(
        f"the disk of {place} is full: {human(usage.free)} of {human(usage.total)} are free. "
        "Delete files there (`temper gc` deletes cached artifacts), or set TEMPER_HOME (TMPDIR for "
        "temporary files) to a folder on a larger disk"
    )


def _fullest(*folders: Path) -> Path:
    """The folder with the least free space among those that may have been written to."""
    return min(folders, key=lambda folder: shutil.disk_usage(_existing(folder)).free)


def _chain(problem: BaseException) -> list[BaseException]:
    """An exception, its cause, and so on."""
    found: list[BaseException] = []
    here: BaseException | None = problem
    while here is not None and here not in found:
        found.append(here)
        here = here.__cause__ or here.__context__
    return found


def _is_full(problem: BaseException, folder: Path) -> bool:
    if isinstance(problem, OSError) and problem.errno in _NUMBERS:
        return True
    text = str(problem).lower()
    if any(words in text for words in _WORDS):
        return True
    free = shutil.disk_usage(_existing(folder)).free
    return any(words in text for words in _WRITER) and free < _NEARLY


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    there = folder.absolute()
    return next(each for each in (there, *there.parents) if each.is_dir())
