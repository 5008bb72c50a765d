"""Files that the store does not keep, since they can be rebuilt: the weights of a tuned copy.

A stage that names such a file in `rebuilt.json` (see `artifact.Rebuilt`) stores what is its own;
what it shares with the artifact that it read is there alone. Only what was rebuilt to the bit is
deleted. Keys, digests and the manifest are those of an artifact with all of its files.

    store/.rebuilt/<owner>/<stage>-<fingerprint>/    the artifact with all files, for one process

Such a folder is deleted when its process ends; those of killed processes when the next is made.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import time
import weakref
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol, cast

from tasks.contract import StageError
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.owner import is_alive, is_here, this_process
from tasks.machinery.store.artifact import REBUILT, Artifact, Input, Rebuilt

FOLDER = ".rebuilt"
FORGOTTEN_AFTER = 24 * 3600.0  # seconds: of processes on other hosts
_views: dict[Path, Path] = {}  # by the folder of the artifact, of this process
_owners: dict[Path, int] = {}  # which process made the folder of views in a store


class Rebuilder(Protocol):
    """The names in a module that computes a file again, see `Rebuilt.by`."""

    def keep(self, output: Path, source: Path) -> None:
        """Write into the output what the file has beyond the source and the other files.

        Args:
            output: what the stage wrote, with the file.
            source: the folder that the stage read.
        """

    def rebuild(self, output: Path, source: Path, file: Path) -> None:
        """Compute the file, to the bit.

        Args:
            output: what is kept of what the stage wrote.
            source: the folder that the stage read.
            file: to be written.
        """


def keep(output: Path, source: Path | None) -> None:
    """Prepare the files that a stage wrote for `spare`, before they become an artifact.

    Args:
        output: what the stage wrote.
        source: the folder that it read; None if there is none.
    """
    if source is not None:
        _rebuilder(reading(output)).keep(output, source)


def reading(output: Path) -> Rebuilt:
    """What a stage wrote of a file that can be rebuilt."""
    return Rebuilt.model_validate_json((output / REBUILT).read_bytes())


def spare(artifact: Artifact) -> str:
    """Delete the files that can be rebuilt, once that was tried; call it under the lock.

    Returns:
        Why they are kept; empty if they are not, or if there are none.
    """
    if artifact.rebuilt is None:
        return ""
    source = artifact.source
    if source is None:
        return "the artifact that it read is not in the store"
    try:
        _view(artifact, source)
    except StageError as error:
        return str(error)
    for name in artifact.spared_by(source):
        (artifact.path / name).unlink()
    return ""


def readable(given: Input) -> Input:
    """The same files, in a folder where all of them are.

    Raises:
        StageError: some cannot be rebuilt.
    """
    artifact = given.artifact
    if artifact.rebuilt is None or not given.path.is_relative_to(artifact.path):
        return given
    if all((given.path / name).is_file() for name in given.files):
        return given
    view = _views.get(artifact.folder)
    if view is None or not view.is_dir():
        source = artifact.source
        if source is None:
            raise StageError(
                f"{artifact.path}: {artifact.damage() or 'changed meanwhile'}. Run the experiment "
                "again: it recomputes what is missing"
            )
        view = _view(artifact, source)
    return given.model_copy(update={"path": view / given.path.relative_to(artifact.path)})


def _view(artifact: Artifact, source: Input) -> Path:
    """A folder with all files of an artifact.

    Raises:
        StageError: a file that was rebuilt is another one.
    """
    rebuilt = cast(Rebuilt, artifact.rebuilt)
    read, spared = readable(source).path, artifact.spared_by(source)
    parent = _own_folder(artifact.folder.parents[1])
    folder = Path(mkdtemp(dir=parent, prefix=f"{artifact.stage}-{artifact.fingerprint[:8]}-"))
    for name in artifact.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name not in spared:
            _same(artifact.path / name, folder / name)
        elif name != rebuilt.file:
            _same(read / Path(name).relative_to(rebuilt.folder), folder / name)
    _rebuilder(rebuilt).rebuild(artifact.path, read, folder / rebuilt.file)
    if digest_file(folder / rebuilt.file) != artifact.files[rebuilt.file]:
        shutil.rmtree(folder, ignore_errors=True)
        raise StageError(
            f"{artifact.name}: {rebuilt.file}, rebuilt from {source.artifact.name}, is not what "
            "was trained: this processor or these libraries compute other last bits. Run the "
            f"experiment with --refresh {artifact.stage}, or where it was trained"
        )
    _views[artifact.folder] = folder
    return folder


def _rebuilder(rebuilt: Rebuilt) -> Rebuilder:
    return cast(Rebuilder, importlib.import_module(rebuilt.by))


def _same(file: Path, other: Path) -> None:
    """The file under another name: a second name where the disk has those, or a copy."""
    try:
        os.link(file, other)
    except OSError:
        shutil.copyfile(file, other)


def _own_folder(store: Path) -> Path:
    """The folder of this process for rebuilt files; it is deleted when the process ends."""
    folder = store / FOLDER / this_process()
    if _owners.get(folder) != os.getpid() or not folder.is_dir():
        tidy(store)
        folder.mkdir(parents=True, exist_ok=True)
        _owners[folder] = os.getpid()
        weakref.finalize(_owner, _delete, folder, os.getpid())
    return folder


class _Owner:
    """What lives as long as this process."""


_owner = _Owner()


def _delete(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not a fork of the process
        shutil.rmtree(folder, ignore_errors=True)


def tidy(store: Path) -> None:
    """Delete the rebuilt files of processes that have ended."""
    for folder in (store / FOLDER).glob("*"):
        with contextlib.suppress(OSError):
            written = folder.stat().st_mtime
            recent = time.time() - written < FORGOTTEN_AFTER
            if not (is_alive(folder.name, written) if is_here(folder.name) else recent):
                shutil.rmtree(folder, ignore_errors=True)
