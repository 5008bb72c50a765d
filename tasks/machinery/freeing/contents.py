"""The contents of the store: complete artifacts and unfinished work, sizes and times of use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.machinery.store.artifact import read_manifest, read_run, read_uses
from tasks.machinery.store.store import Store


@dataclass(frozen=True)
class Item:
    """A folder of the store.

    Attributes:
        name: `stage/fingerprint`, as in ledgers and tags.
        folder: its path.
        size: bytes of all its files.
        complete: whether it is an artifact; otherwise it is unfinished work.
        last_used: when an experiment last used it, or when it was last written to.
        experiments: the names of the experiments that have used it.
        run: the run in MLflow that it is recorded as, or is being recorded as; empty if none.
        needs: the name of the item that files of it are rebuilt from; empty if it has them all.
    """

    name: str
    folder: Path
    size: int
    complete: bool
    last_used: datetime
    experiments: tuple[str, ...]
    run: dict[str, str]
    needs: str = ""

    @property
    def stage(self) -> str:
        """The stage that wrote it."""
        return self.name.partition("/")[0]


def take_stock(store: Store) -> list[Item]:
    """All items of a store, the least recently used first."""
    found = []
    for folder in store.root.glob("[!.]*/[!.]*/"):
        with contextlib.suppress(FileNotFoundError):  # deleted or renamed at this moment
            found.append(_item(folder))
    return sorted(found, key=lambda item: (item.last_used, item.name))


def _item(folder: Path) -> Item:
    artifact, uses = read_manifest(folder), read_uses(folder)
    complete = artifact is not None
    size, written = _measure(folder)
    times = list(_times(uses.values()))
    runs = [_read(folder / name) for name in ("record.json", "run.json")]
    return Item(
        name=f"{folder.parent.name}/{folder.name}",
        folder=folder,
        size=size,
        complete=complete,
        last_used=max(times) if complete and times else datetime.fromtimestamp(written, UTC),
        experiments=tuple(sorted(uses)),
        needs="" if artifact is None else artifact.needs,
        run=next((run for run in (runs if complete else reversed(runs)) if run), {}),
    )


def _times(texts: Iterable[str]) -> Iterator[datetime]:
    """The valid times among some texts."""
    for text in texts:
        with contextlib.suppress(ValueError, TypeError):
            yield datetime.fromisoformat(text).astimezone(UTC)


def _measure(folder: Path) -> tuple[int, float]:
    """Bytes of all files below a folder, and when the last of them was written."""
    size, written = 0, folder.stat().st_mtime
    for file in _files(str(folder)):
        found = file.stat(follow_symlinks=False)
        size, written = size + found.st_size, max(written, found.st_mtime)
    return size, written


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry


def _read(file: Path) -> dict[str, str]:
    with contextlib.suppress(OSError):
        return read_run(file)
    return {}
