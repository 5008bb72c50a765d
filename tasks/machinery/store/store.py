"""The store: artifacts as folders named by stage and fingerprint, their manifest written last.

    store/<stage>/<fingerprint>/
        output/          what the stage wrote: the artifact
        writing/         a stage that is being computed; becomes the output when it is complete
        checkpoints/     checkpoints to resume from, deleted when the stage is complete
        metrics.jsonl    metrics by step, one line each
        pictures/        what a training looked at, by step
        metrics.before.jsonl    those of a complete artifact that is being recomputed
        manifest.json    the key, the files' digests, metrics, facts, seconds: marks it complete
        record.json      the MLflow run and model that this artifact is recorded as
        used.json        when each experiment last used it
        owner.json       the process that computes into the folder: see `lease.py`

An artifact without a manifest does not exist. One whose files differ from its manifest, or that
has a file more, is damaged, and counts as a miss.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.files import flush, write_atomically
from tasks.machinery.host.folders import printable
from tasks.machinery.store.artifact import SET_ASIDE, Artifact, Input, read_manifest, sealed
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.lease import LEASE_SECONDS, Lease, Owner, Waiting, held

__all__ = ["Artifact", "Input", "Store"]


class Store:
    """All artifacts under one folder.

    Args:
        root: the folder.
        lease: seconds without a heartbeat after which another host takes a computation over.
            It is the same for all processes that share the folder.
    """

    def __init__(self, root: Path, lease: float = LEASE_SECONDS) -> None:
        self.root, self.lease = root, lease
        self._leases: dict[Path, Lease] = {}

    def folder(self, stage: str, fingerprint: str) -> Path:
        """Where an artifact is, or will be."""
        return self.root / stage / fingerprint[:32]

    def load(self, stage: str, fingerprint: str) -> Artifact | None:
        """The complete artifact of a fingerprint, its files not yet verified."""
        return read_manifest(self.folder(stage, fingerprint))

    def named(self, name: str) -> Artifact | None:
        """The complete artifact called `stage/fingerprint`; None if there is none."""
        stage, _, fingerprint = name.partition("/")
        return self.load(stage, fingerprint) if stage and fingerprint else None

    def name_of(self, folder: Path) -> str:
        """The name of the artifact whose output, or a folder in that, this is; empty if of none."""
        place = folder.absolute()
        inside = place.relative_to(self.root) if place.is_relative_to(self.root) else Path()
        return "/".join(inside.parts[:2]) if inside.parts[2:3] == ("output",) else ""

    def artifacts(self, stage: str, newest: int | None = None) -> list[Artifact]:
        """The complete artifacts of a stage, the newest first.

        Args:
            stage: name of the stage.
            newest: only so many of them; None for all.
        """
        written: list[tuple[float, Path]] = []
        for file in (self.root / stage).glob("*/manifest.json"):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                written.append((file.stat().st_mtime, file.parent))
        written.sort(key=lambda each: -each[0])
        found = [read_manifest(folder) for _, folder in written[:newest]]
        return [artifact for artifact in found if artifact is not None]

    @contextlib.contextmanager
    def locked(
        self,
        stage: str,
        fingerprint: str,
        waiting: Waiting | None = None,
        *,
        experiment: str = "",
    ) -> Iterator[Path]:
        """Lock a fingerprint: one computation at a time, across processes and hosts.

        Args:
            stage: name of the stage.
            fingerprint: the fingerprint to lock.
            waiting: called once, with the owner, if another process has locked it.
            experiment: what processes that wait for this one show as its work.
        """
        folder = self.folder(stage, fingerprint)
        with held(folder, f"{experiment} {stage}".strip(), self.lease, waiting) as lease:
            self._leases[folder] = lease
            try:
                yield folder
            finally:
                del self._leases[folder]

    @contextlib.contextmanager
    def locked_now(self, stage: str, fingerprint: str) -> Iterator[str]:
        """Lock a fingerprint if it is unlocked; yields "", or else its owner in words."""
        folder = self.folder(stage, fingerprint)
        lease = Lease(folder, self.lease, Owner.this_process(f"deleting {stage}"))
        try:
            yield "" if lease.try_acquire() else lease.whose()
        finally:
            lease.release()

    def check_held(self, folder: Path) -> None:
        """Check that another host has not taken over a locked folder meanwhile.

        Raises:
            StageError: it has; nothing may be written to it any more.
        """
        self._leases[folder].check()

    def set_aside(self, folder: Path) -> None:
        """Keep the old artifact until its recomputation is complete.

        Idempotent: after an interruption the recomputation resumes.
        """
        aside, curve = folder / SET_ASIDE, folder / "metrics.jsonl"
        if aside.is_file():
            return
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        (folder / "run.json").unlink(missing_ok=True)
        curve.touch()
        curve.rename(aside)

    def begin(self, folder: Path) -> Path:
        """An empty folder to write to. Files of an earlier try are deleted, except checkpoints.

        Its name is unique for this claim: an owner that was taken over does not write among the
        files of its successor. An earlier artifact stays until `complete` replaces it.
        """
        shutil.rmtree(folder / "writing", ignore_errors=True)
        writing = self._writing(folder)
        writing.mkdir(parents=True)
        return writing

    def _writing(self, folder: Path) -> Path:
        return folder / "writing" / self._leases[folder].token[:8]

    def complete(
        self,
        folder: Path,
        key: dict[str, Any],
        metrics: dict[str, float],
        facts: dict[str, str | float],
        seconds: float,
        *,
        reads: Mapping[str, str] | None = None,
    ) -> Artifact:
        """Move the written files to their place, then write the manifest: the artifact exists.

        Raises:
            StageError: another host took the computation over, or the stage wrote something that
                is not a plain file; nothing is stored.
        """
        self.check_held(folder)
        writing = self._writing(folder)
        names = _written(writing, key["stage"])
        for name in names:  # survive a power cut: files reach the disk before their manifest
            flush(writing / name)
        artifact = Artifact(
            stage=key["stage"],
            fingerprint=digest(key),
            folder=folder,
            key=key,
            files={name: digest_file(writing / name) for name in names},
            sizes={name: (writing / name).stat().st_size for name in names},
            metrics=metrics,
            facts=facts,
            seconds=seconds,
            reads=dict(reads or {}),
        )
        self.check_held(folder)  # again, since hashing gigabytes takes a while
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder / "output", ignore_errors=True)
        writing.rename(folder / "output")
        for name in ("record.json", SET_ASIDE):  # of the previous artifact
            (folder / name).unlink(missing_ok=True)
        write_atomically(folder / "manifest.json", sealed(artifact))
        self._delete_left(folder)
        return artifact

    def clean(self, folder: Path) -> int:
        """Delete what a kill after the manifest was written left of the computation.

        Nothing is deleted where a process computes, or where an interrupted recomputation of the
        artifact resumes from its checkpoints.

        Returns:
            The bytes that were deleted.
        """
        if not left_in(folder):
            return 0
        with self.locked_now(folder.parent.name, folder.name) as whose:
            return 0 if whose else self._delete_left(folder)

    @staticmethod
    def _delete_left(folder: Path) -> int:
        size = 0
        for left in left_in(folder):
            size += sum(file.lstat().st_size for file in left.rglob("*") if not file.is_dir())
            shutil.rmtree(left, ignore_errors=True)
        return size


def left_in(folder: Path) -> list[Path]:
    """The folders that the computation of a complete artifact left in its folder."""
    if not (folder / "manifest.json").is_file() or (folder / SET_ASIDE).exists():
        return []
    names = [folder / "writing", folder / "checkpoints", *folder.glob("showing-*")]
    return [path for path in names if path.is_dir()]


def _written(folder: Path, stage: str) -> list[str]:
    """The files that a stage wrote, by their names; its empty folders are deleted."""
    names = []
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        mode, name = path.lstat().st_mode, path.relative_to(folder).as_posix()
        if stat.S_ISREG(mode):
            names.append(name)
        elif not stat.S_ISDIR(mode):
            raise StageError(
                f"{stage} wrote {printable(name)}, which is a link or a device; accepted: plain "
                "files, since an artifact is what its manifest names"
            )
        elif not any(path.iterdir()):
            path.rmdir()
    return sorted(names)
