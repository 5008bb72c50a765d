"""An artifact: what a complete stage wrote, and how another stage refers to a part of it."""

from __future__ import annotations

import contextlib
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.files import alone_in, write_atomically
from tasks.machinery.host.folders import printable, stranger
from tasks.machinery.host.small_files import read_small
from tasks.machinery.naming.secrets import plain_values, without_credentials
from tasks.machinery.store.fingerprint import digest

SHOWN = "show/"
REBUILT = "rebuilt.json"
SET_ASIDE = "metrics.before.jsonl"

LOST = "is missing"

_TEXTS = TypeAdapter(dict[str, str])


class Input(BaseModel):
    """What a stage reads of an artifact: a path and the digests of the files read."""

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
        """The same folder, restricted to these files."""
        chosen = {name: self.files[name] for name in names}
        return Input(path=self.path, files=chosen, artifact=self.artifact)

    def without(self, *names: str) -> Input:
        """The same folder, except for these files."""
        chosen = {name: value for name, value in self.files.items() if name not in names}
        return Input(path=self.path, files=chosen, artifact=self.artifact)


class Rebuilt(BaseModel):
    """What a stage wrote to `rebuilt.json`: a file that the store need not keep.

    Attributes:
        file: its name in the artifact. Files beside it are not kept either where the source has
            the same.
        reads: the argument of the stage with the source: the model that the file is computed from.
        by: the module that computes it, see `tasks.contract`.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    reads: str
    by: str = Field(pattern=r"^tasks\.[a-z_.]+$")

    @property
    def folder(self) -> str:
        """The folder of the file in the artifact."""
        return self.file.rpartition("/")[0]


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
    reads: dict[str, str] = {}  # the artifacts it was computed from: provenance, not in the key

    @property
    def name(self) -> str:
        """Its name in ledgers, tags and tables: `stage/fingerprint`."""
        return f"{self.stage}/{self.fingerprint[:32]}"

    @property
    def path(self) -> Path:
        """The folder that the stage wrote."""
        return self.folder / "output"

    @property
    def pages(self) -> Path:
        """The folder of its pages: beside the output, or in it where the stage only shows."""
        return self.folder / "show" if self._are_beside else self.path / "show"

    @property
    def page_names(self) -> list[str]:
        """The files of its pages, by their names in that folder: no other file is shown."""
        if self._are_beside:
            return sorted(read_shown(self.folder).get("files", {}))
        return sorted(name.removeprefix(SHOWN) for name in self.files if name.startswith(SHOWN))

    @property
    def _are_beside(self) -> bool:
        return bool(self.pages_key) and (self.folder / "show").is_dir()

    @property
    def pages_key(self) -> str:
        """The key of the pages that were rendered last; empty where there are none."""
        return read_shown(self.folder).get("key", "")

    @property
    def curve(self) -> Path:
        """Its metrics by step; the copy set aside while it is being recomputed."""
        aside = self.folder / SET_ASIDE
        return aside if aside.is_file() else self.folder / "metrics.jsonl"

    @property
    def record(self) -> dict[str, str]:
        """The MLflow run and model that this artifact is recorded as; empty if it is not yet."""
        return read_run(self.folder / "record.json")

    def write_record(self, record: dict[str, str]) -> None:
        """Store the MLflow run and model that this artifact is recorded as."""
        write_atomically(self.folder / "record.json", record)

    @property
    def used(self) -> dict[str, str]:
        """When each experiment last used it, as ISO times in UTC."""
        return read_uses(self.folder)

    def use(self, experiment: str) -> None:
        """Record that an experiment uses it now, for `temper gc`.

        Failures are ignored: the artifact may be in deletion, or the disk full.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.suppress(OSError), alone_in(self.folder):
            uses = read_uses(self.folder) | {experiment: now}
            write_atomically(self.folder / "used.json", {"experiments": uses})

    @property
    def whole(self) -> Input:
        """All files that the stage wrote, except those that are only shown."""
        files = {name: value for name, value in self.files.items() if not name.startswith(SHOWN)}
        return Input(path=self.path, files=files, artifact=self)

    def __truediv__(self, name: str) -> Input:
        """One file or folder of the artifact, as another stage reads it."""
        return self.whole / name

    @property
    def rebuilt(self) -> Rebuilt | None:
        """Which file the store need not keep; None where the stage says nothing of it."""
        if REBUILT not in self.files:
            return None
        with contextlib.suppress(OSError, ValidationError):  # damaged: see `damage`
            return Rebuilt.model_validate_json((self.path / REBUILT).read_bytes())
        return None

    @property
    def needs(self) -> str:
        """The name of the artifact that its files are rebuilt from; empty if it has them all."""
        rebuilt = self.rebuilt
        if rebuilt is None or (self.path / rebuilt.file).is_file():
            return ""
        return self.reads.get(rebuilt.reads, "")

    @property
    def source(self) -> Input | None:
        """What its files are rebuilt from, unaltered; None if there is no such artifact."""
        rebuilt = self.rebuilt
        if rebuilt is None or rebuilt.reads not in self.reads:
            return None
        stage, _, fingerprint = self.reads[rebuilt.reads].partition("/")
        found = read_manifest(self.folder.parents[1] / stage / fingerprint)
        if found is None or found.damage():
            return None
        parts = [found.whole]
        with contextlib.suppress(KeyError):
            parts.insert(0, found / rebuilt.folder)
        read = self.key["inputs"].get(rebuilt.reads)
        return next((part for part in parts if part.digest == read), None)

    def spared_by(self, source: Input) -> list[str]:
        """The files that need not be kept beside their source: see `Rebuilt`."""
        rebuilt = self.rebuilt
        if rebuilt is None:
            return []
        beside = {f"{rebuilt.folder}/{name}": value for name, value in source.files.items()}
        same = [name for name, value in self.files.items() if beside.get(name) == value]
        return sorted({rebuilt.file, *same})

    def damage(self) -> str | None:
        """What is wrong with the files, or None: `<file> is missing` or `<file> differs`.

        A file that can be rebuilt may be missing, see `Rebuilt`.

        Files, folders and links that the manifest does not name are damage too: who reads a folder
        (`from_pretrained`) would read them. Reads the files that changed since they were last read;
        all within `verifying("full")`.
        """
        try:
            lost = []
            for name, expected in self.files.items():
                wrong = self._damage_of(self.path / name, self.sizes[name], expected)
                if wrong == LOST and self.rebuilt is not None:
                    lost.append(name)
                elif wrong:
                    return f"{printable(name)} {wrong}"
            if lost:
                return self._lost(lost)
            added = stranger(self.path, self.files)
        except OSError as error:
            return f"{printable(str(error.filename))} cannot be read ({error.strerror})"
        return f"{printable(added)} is not in the manifest" if added else None

    def _lost(self, names: list[str]) -> str | None:
        """What is wrong where files are missing; None if they can be rebuilt."""
        source, needed = self.source, self.needs
        if source is None and needed:
            return f"{printable(names[0])} is rebuilt from {needed}, which is missing or altered"
        spared = [] if source is None else self.spared_by(source)
        lost = [name for name in names if name not in spared]
        return f"{printable(lost[0])} {LOST}" if lost else None

    @staticmethod
    def _damage_of(file: Path, size: int, expected: str) -> str:
        """What is wrong with a file; empty if nothing is."""
        try:
            found = file.lstat()
            if stat.S_ISLNK(found.st_mode):
                return "is a link"
            same = stat.S_ISREG(found.st_mode) and found.st_size == size
            return "" if same and digest_file(file) == expected else "differs"
        except (FileNotFoundError, NotADirectoryError):
            return LOST


def sealed(artifact: Artifact) -> dict[str, Any]:
    """The manifest of an artifact, with a digest of itself that reveals any alteration.

    Addresses in its texts have no credentials, also those in examples of the data.
    """
    values = plain_values(artifact.model_dump(mode="json", exclude={"folder"}))
    return values | {"seal": digest(values)}


def read_manifest(folder: Path) -> Artifact | None:
    """The artifact in a folder; None without an unaltered manifest."""

    def check(values: dict[str, Any]) -> Artifact:
        seal = values.pop("seal")
        if digest(values) != seal:
            raise ValueError("it was altered")
        return Artifact(folder=folder, **values)

    lost = "The artifact counts as unfinished: its stage is computed again when it is needed"
    with contextlib.suppress(OSError):
        return read_small(folder / "manifest.json", check, lost)
    return None


def read_run(file: Path) -> dict[str, str]:
    """The run in MLflow that a file of an artifact's folder names; empty if it names none."""

    def check(values: object) -> dict[str, str]:
        found = _TEXTS.validate_python(values)
        if not {"run_id", "tracking_uri"} <= found.keys():
            raise ValueError("it names no run")
        uri = without_credentials(found["tracking_uri"])  # older ones had some
        return found | {"tracking_uri": uri}

    lost = "Which run in MLflow has the stage is unknown: it gets a new run"
    return read_small(file, check, lost) or {}


def read_shown(folder: Path) -> dict[str, Any]:
    """The key and the files of the pages in a folder; empty where that cannot be read."""

    def check(values: dict[str, Any]) -> dict[str, Any]:
        return {"key": str(values["key"]), "files": _TEXTS.validate_python(values["files"])}

    lost = "Its pages are rendered again"
    with contextlib.suppress(OSError):
        return read_small(folder / "show.json", check, lost) or {}
    return {}


def read_uses(folder: Path) -> dict[str, str]:
    """Which experiments used the artifact in a folder, and when; empty if unreadable."""

    def check(values: dict[str, Any]) -> dict[str, str]:
        return _TEXTS.validate_python(values["experiments"])

    lost = "When experiments used the artifact is unknown: `temper gc` goes by its files' times"
    with contextlib.suppress(OSError):
        return read_small(folder / "used.json", check, lost) or {}
    return {}
