"""Atomic checkpoints: a kill at any moment leaves the last complete one.

    FOLDER/step-00000120/   the files of the training, then `COMPLETE.json` with their sizes and
                            digests
    FOLDER/.writing/        a checkpoint being written; renaming it is the last operation

The two newest are kept, so that a damaged one costs only the steps since the one before. Several
callers check which one is complete; each is read once (see `digest_memo`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.files import flush

MARKER = "COMPLETE.json"
KEPT = 2


def save_checkpoint(folder: Path, step: int, fill: Callable[[Path], None]) -> Path:
    """Write a checkpoint of a step, atomically, and delete all but the two newest.

    Args:
        folder: the folder of one training's checkpoints; created if missing.
        step: number of completed steps.
        fill: writes the content into an empty folder.
    """
    writing, final = folder / ".writing", folder / f"step-{step:08d}"
    shutil.rmtree(writing, ignore_errors=True)  # of a process that was killed
    writing.mkdir(parents=True)
    fill(writing)
    marker = {name: _describe(path) for name, path in _files(writing)}
    (writing / MARKER).write_text(json.dumps(marker, indent=1))
    for path in (*(path for _, path in _files(writing)), writing / MARKER, writing):
        flush(path)
    shutil.rmtree(final, ignore_errors=True)
    writing.rename(final)
    flush(folder)
    for old in _by_age(folder)[KEPT:]:
        shutil.rmtree(old)
    return final


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint, or None."""
    return next((path for path in _by_age(folder) if _is_whole(path)), None)


def last_step(folder: Path) -> int:
    """The step of the newest checkpoint, complete or not; 0 without one. No file is read."""
    return next((step_of(path) for path in _by_age(folder)), 0)


def step_of(checkpoint: Path) -> int:
    """The number of completed steps when a checkpoint was written."""
    return int(checkpoint.name.removeprefix("step-"))


def _by_age(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("step-*") if path.name[len("step-") :].isdecimal())
    return sorted(found, reverse=True)


def _is_whole(checkpoint: Path) -> bool:
    try:
        expected = json.loads((checkpoint / MARKER).read_text())
        return bool(expected == {name: _describe(path) for name, path in _files(checkpoint)})
    except (OSError, ValueError):
        return False


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder by their names relative to it, without the marker, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MARKER:
            yield name, path


def _describe(path: Path) -> dict[str, str | int]:
    return {"size": path.stat().st_size, "sha256": digest_file(path)}
