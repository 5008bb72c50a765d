"""The store: artifacts as folders named by stage and fingerprint, their manifest written last.

    store/<stage>/<fingerprint>/
        output/          what the stage wrote: the artifact
        writing/         a stage that is being computed; renamed to output when it is complete
        checkpoints/     what training keeps to go on from, removed when the stage is complete
        metrics.jsonl    metrics by step, a line each
        manifest.json    the key, the files' digests, metrics, facts, seconds: it says "complete"
        record.json      the MLflow run and model that this artifact is recorded as

An artifact without a manifest does not exist. One whose files are not what the manifest says is
damaged: a miss.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from tasks.machinery.fingerprint import digest, digest_file

SHOWN = "show/"


class Input(BaseModel):
    """What a stage reads of an artifact: a path, and the digest of what is to be read there."""

    model_config = ConfigDict(frozen=True)

    path: Path
    files: dict[str, str]
    artifact: Artifact

    @property
    def digest(self) -> str:
        """Digest of the files by name and content."""
        return digest(self.files)

    def __truediv__(self, name: str) -> Input:
        """One file, or the files of one folder."""
        if name in self.files:
            chosen = {Path(name).name: self.files[name]}
        else:
            start = f"{name}/"
            chosen = {
                k.removeprefix(start): v for k, v in self.files.items() if k.startswith(start)
            }
        if not chosen:
            raise KeyError(f"{self.artifact.stage} has no {name}; it has {', '.join(self.files)}")
        return Input(path=self.path / name, files=chosen, artifact=self.artifact)

    def only(self, *names: str) -> Input:
        """The same folder, of which nothing but these files is read."""
        chosen = {name: self.files[name] for name in names}
        return Input(path=self.path, files=chosen, artifact=self.artifact)

    def without(self, *names: str) -> Input:
        """The same folder, of which these files are not read."""
        chosen = {name: value for name, value in self.files.items() if name not in names}
        return Input(path=self.path, files=chosen, artifact=self.artifact)


class Artifact(BaseModel):
    """A complete stage in the store."""

    model_config = ConfigDict(frozen=True)

    stage: str
    fingerprint: str
    folder: Path
    key: dict[str, Any]
    files: dict[str, str]
    sizes: dict[str, int]
    metrics: dict[str, float]
    facts: dict[str, str | float]
    seconds: float

    @property
    def path(self) -> Path:
        """The folder that the stage wrote."""
        return self.folder / "output"

    @property
    def record(self) -> dict[str, str]:
        """The MLflow run and model that this artifact is recorded as; empty if it is not yet."""
        file = self.folder / "record.json"
        return json.loads(file.read_text()) if file.is_file() else {}

    def write_record(self, record: dict[str, str]) -> None:
        """Keep which MLflow run and model this artifact is recorded as."""
        write_atomically(self.folder / "record.json", record)

    @property
    def whole(self) -> Input:
        """All that the stage wrote, but for what is only shown."""
        files = {name: value for name, value in self.files.items() if not name.startswith(SHOWN)}
        return Input(path=self.path, files=files, artifact=self)

    def __truediv__(self, name: str) -> Input:
        """One file or folder of the artifact, as another stage reads it."""
        return self.whole / name

    def damage(self) -> str | None:
        """What is wrong with the files, or None: `<file> is missing` or `<file> differs`."""
        for name, expected in self.files.items():
            file = self.path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != self.sizes[name] or digest_file(file) != expected:
                return f"{name} differs"
        return None


class Store:
    """All artifacts under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, fingerprint: str) -> Path:
        """Where an artifact is, or will be."""
        return self.root / stage / fingerprint[:32]

    def load(self, stage: str, fingerprint: str) -> Artifact | None:
        """The complete artifact of a fingerprint, its files not yet verified."""
        return _read_manifest(self.folder(stage, fingerprint))

    def artifacts(self, stage: str) -> list[Artifact]:
        """All complete artifacts of a stage, the newest first."""
        found = []
        for file in (self.root / stage).glob("*/manifest.json"):
            artifact = _read_manifest(file.parent)
            if artifact is not None:
                with contextlib.suppress(FileNotFoundError):
                    found.append((file.stat().st_mtime, artifact))
        return [artifact for _, artifact in sorted(found, key=lambda each: -each[0])]

    @contextlib.contextmanager
    def locked(self, stage: str, fingerprint: str, waiting: Any = None) -> Iterator[Path]:
        """Hold a fingerprint: one computation at a time, across processes.

        The lock is the kernel's (flock): it is gone with its owner, however that died.
        `waiting(owner)` is called once if another process holds it.
        """
        folder = self.folder(stage, fingerprint)
        folder.mkdir(parents=True, exist_ok=True)
        owner = folder / "owner"
        lock = FileLock(folder.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting is not None:
                waiting(owner.read_text() if owner.is_file() else "another process")
            lock.acquire()
        try:
            owner.write_text(f"process {os.getpid()}")
            yield folder
        finally:
            owner.unlink(missing_ok=True)
            lock.release()

    def begin(self, folder: Path) -> Path:
        """An empty folder to write to: what an earlier try left is gone, but its checkpoints.

        An earlier artifact stays until `complete` replaces it.
        """
        writing = folder / "writing"
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        return writing

    def complete(
        self,
        folder: Path,
        key: dict[str, Any],
        metrics: dict[str, float],
        facts: dict[str, str | float],
        seconds: float,
    ) -> Artifact:
        """Put what was written in place, then the manifest: from here on the artifact exists."""
        output = folder / "output"
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(output, ignore_errors=True)
        (folder / "writing").rename(output)
        names = sorted(
            file.relative_to(output).as_posix() for file in output.rglob("*") if file.is_file()
        )
        artifact = Artifact(
            stage=key["stage"],
            fingerprint=digest(key),
            folder=folder,
            key=key,
            files={name: digest_file(output / name) for name in names},
            sizes={name: (output / name).stat().st_size for name in names},
            metrics=metrics,
            facts=facts,
            seconds=seconds,
        )
        write_atomically(
            folder / "manifest.json", artifact.model_dump(mode="json", exclude={"folder"})
        )
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return artifact


def _read_manifest(folder: Path) -> Artifact | None:
    """The artifact in a folder; None without a readable manifest."""
    try:
        values = json.loads((folder / "manifest.json").read_text())
        return Artifact(folder=folder, **values)
    except (OSError, ValueError, TypeError):
        return None


def write_atomically(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
