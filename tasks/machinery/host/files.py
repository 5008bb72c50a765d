"""Atomic writes: a reader, or a kill, sees the old file or folder or the new one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


def write_atomically(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part of it.

    The texts are written as they are, since a manifest is sealed: callers take credentials out.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with partial.open("w") as file:
            json.dump(value, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Force a file's bytes, or the names in a folder, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to, which gets its name at once when the block is done.

    The folder does not exist, or is empty. If the block fails or is interrupted, nothing is left.
    What a process of this host that was killed left beside it is deleted.

    Raises:
        OSError: it cannot be written, or is not empty by then.
    """
    folder = Path(os.path.realpath(folder))
    partial = _beside(folder)
    try:
        partial.mkdir()
        yield partial
        for file in partial.rglob("*"):
            flush(file)
        partial.rename(folder)  # also in the place of an empty folder
        flush(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextlib.contextmanager
def writing_file(file: Path) -> Iterator[Path]:
    """A file to write to, which replaces another one at once when the block is done.

    If the block fails or is interrupted, the older file stays as it was. What a process of this
    host that was killed left beside it is deleted. A pipe or a device, and a file in a folder that
    takes no others, are written to as they are.

    Raises:
        OSError: it cannot be written.
    """
    file = Path(os.path.realpath(file))
    if (file.exists() and not file.is_file()) or not os.access(file.parent, os.W_OK):
        yield file
        return
    partial = _beside(file)
    try:
        yield partial
        flush(partial)
        if file.exists():
            shutil.copymode(file, partial)
        partial.replace(file)
    except OSError as error:
        error.filename = error.filename or str(file)  # such as of a write to a full disk
        raise
    finally:
        partial.unlink(missing_ok=True)


def _beside(place: Path) -> Path:
    """Where a file or folder is written to first; what dead processes left there is deleted."""
    start = f".{place.name[:100]}.{platform.node()}-"
    for left in place.parent.iterdir():
        process = left.name.removeprefix(start)
        if process == left.name or not process.isdecimal() or psutil.pid_exists(int(process)):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return place.with_name(f"{start}{os.getpid()}")


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time change the small files of a folder, by the kernel's lock on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
