"""Files of pictures: a folder of them, a table of them, or IDX files.

A folder contains pictures at any depth. A first folder named train, validation or test is the
split; the folder below it is the label: `train/cat/7.png`. A folder with a table at its top
(`labels.csv`, `train.jsonl`) has the pictures and labels that its tables say, as a table alone has.
Paths in a table are relative to its folder, and do not leave it. A Parquet table may have the
pictures themselves, as `datasets` writes them. IDX files are those of MNIST.

The identity is one digest over the names and the digests of all files that are read, so moving a
folder changes nothing.

Folders `images` and `masks` are in picture_folders.py, tables in picture_tables.py, and files of
boxes in `tasks/sources/boxes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tasks.contract import StageError
from tasks.data.images.picture import Picture
from tasks.experiment.images.pictures import PictureColumns
from tasks.machinery.host.digest_memo import digest_files
from tasks.machinery.naming.links import outside
from tasks.machinery.naming.paths import place
from tasks.machinery.naming.spelling import nearest_path
from tasks.sources import Progress, Source
from tasks.sources.boxes import formats
from tasks.sources.boxes.written import passed_over
from tasks.sources.folders import hidden_under, require_names
from tasks.sources.images import idx as idx_files
from tasks.sources.images import picture_folders
from tasks.sources.images.picture_bytes import read_picture
from tasks.sources.images.picture_tables import TABLES, of_tables
from tasks.sources.lines import suffix_of

WRITTEN = "a folder of pictures, or a table of them"
LIBRARIES = ("pillow",)
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_ACCEPTED = f"pictures ({', '.join(ENDINGS)}), a table of them ({', '.join(TABLES)}), or IDX files"


@dataclass(frozen=True)
class Found:
    """What is read of a location.

    Attributes:
        kind: how it is read.
        files: the files that are read by their names in the folder, in order.
        every: all files of the folder.
        remarks: pictures and other files that are passed over, and why.
    """

    kind: Literal["tables", "idx", "boxes", "masks", "classes"]
    files: dict[str, Path]
    every: dict[str, Path]
    remarks: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> list[str]:
        """The names of the pictures that are read."""
        return [name for name in self.files if is_picture(name)]


def is_picture(name: str) -> bool:
    """Whether a file is a picture by its ending."""
    return name.lower().endswith(ENDINGS)


def is_here(_location: str) -> bool:
    """Every location may be a path: this kind is asked last."""
    return True


def identify(location: str, field: str) -> dict[str, str]:
    """The number of files, the first name, and a digest over all names and contents.

    Raises:
        StageError: there is no such file or folder, no picture in it, or a file beside them is
            not valid.
    """
    root = place(location)
    try:
        if not root.exists():
            raise StageError(f"{field}: there is no file or folder {root}{nearest_path(root)}")
        files = list(_found_of(root, field).files.items())
        if not files or (root.is_file() and suffix_of(root) not in TABLES):
            found = sorted({path.suffix or path.name for path in every_file(root)})[:8]
            raise StageError(
                f"{field}: found {', '.join(found) or 'nothing'} at {root}; accepted: {_ACCEPTED}"
                + "".join(f". {each[0].upper()}{each[1:]}" for each in _left(root))
            )
        require_names((name for name, _ in files), field)
        whole = hashlib.sha256()
        digests = digest_files([path for _, path in files])
        for (name, _), digest in zip(files, digests, strict=True):
            whole.update(f"{name}\0{digest}\n".encode())
    except OSError as error:
        raise StageError(
            f"{field}: {error.filename or location} cannot be read: {error.strerror}"
        ) from None
    return {"files": str(len(files)), "first": files[0][0], "digest": whole.hexdigest()}


def name_of(identity: dict[str, str]) -> str:
    """The name of the first file, and how many more there are."""
    more = int(identity["files"]) - 1
    return f"{identity['first']} and {more:,} more" if more else identity["first"]


def size(source: Source) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in _found(place(source.location)).files.values())


def remarks(source: Source) -> list[str]:
    """Files of other types, which are passed over, and what is not followed."""
    root = place(source.location)
    if not root.is_dir():
        return []
    found = _found(root)
    said = found.kind in ("boxes", "masks")  # of pictures
    passed = [n for n in found.every if n not in found.files and not (said and is_picture(n))]
    found.remarks.extend(_left(root))
    if not passed:
        return found.remarks
    many = f"{len(passed)} files are" if len(passed) > 1 else "a file is"
    why = "being no pictures or not of a table"
    return [*found.remarks, f"{many} passed over, {why}, such as {passed[0]}"]


def pictures(source: Source, columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The pictures in the order of their names, or of the rows of the tables.

    Raises:
        StageError: a table cannot be read, or a file was changed after the run was planned.
    """
    root = place(source.location)
    total = int(source.identity["files"])
    for number, picture in enumerate(_read(root, _found(root), columns), 1):
        yield picture
        progress(number, max(number, total), "pictures")
    if identify(source.location, source.location) != source.identity:
        raise StageError(
            f"{source.location}: its files were changed after the run was planned; run it again to "
            "read the current files"
        )


def share_of_pictures(folder: Path) -> float:
    """The share of pictures, and of files of their boxes, in all files of a folder."""
    found = _found(folder)
    read = sum(is_picture(name) for name in found.every)
    if found.kind == "boxes":
        read += sum(not is_picture(name) for name in found.files)
    return read / max(1, len(found.every))


def _read(root: Path, found: Found, columns: PictureColumns) -> Iterator[Picture]:
    files = list(found.files.items())
    match found.kind:
        case "tables":
            tables = [(name, path) for name, path in files if suffix_of(path) in TABLES]
            yield from of_tables(tables, columns)
        case "idx":
            yield from idx_files.pictures(root)
        case "boxes":
            for picture in formats.with_boxes(found.every, found.pictures):
                yield picture if picture.problem else read_picture(picture, root / picture.name)
        case "masks":
            yield from picture_folders.with_masks(files)
        case "classes":
            yield from picture_folders.by_class(files)


def _found_of(root: Path, field: str) -> Found:
    try:
        return _found(root)
    except StageError as error:  # a file beside pictures
        raise StageError(f"{field}: {error}") from None


def _found(root: Path) -> Found:
    """How a location is read, and which of its files."""
    folder = root if root.is_dir() else root.parent
    every = {path.relative_to(folder).as_posix(): path for path in every_file(folder)}
    names = [name for name in every if is_picture(name)]
    if not root.is_dir():
        is_table = suffix_of(root) in TABLES
        return Found("tables", _files(folder, [*(names if is_table else []), root.name]), every)
    tables = [n for n, path in every.items() if path.parent == folder and suffix_of(path) in TABLES]
    if tables:
        return Found("tables", _files(folder, [*names, *tables]), every)
    if pairs := [path.name for pair in idx_files.pairs(folder) for path in pair]:
        return Found("idx", _files(folder, pairs), every)
    if boxes := formats.reading_of(every, names):
        files = _files(folder, [*boxes.pictures, *boxes.files])
        return Found("boxes", files, every, boxes.remarks)
    if picture_folders.have_masks(names):
        inside = [name for name in names if not picture_folders.is_beside(name)]
        left = [name for name in names if picture_folders.is_beside(name)]
        why = "as the folders images and masks do not have them"
        return Found("masks", _files(folder, inside), every, passed_over(left, why))
    return Found("classes", _files(folder, names), every)


def _files(folder: Path, names: list[str]) -> dict[str, Path]:
    paths = sorted({folder / name for name in names})
    return {path.relative_to(folder).as_posix(): path for path in paths}


def every_file(folder: Path) -> Iterator[Path]:
    """All files below a folder, in order, without hidden ones and what `_is_left` names."""
    if folder.is_file():
        yield folder
        return
    for entry in _below(folder):
        if not _is_left(entry):
            yield entry


def _below(folder: Path) -> Iterator[Path]:
    """What is below a folder and is no folder itself, in order, without hidden ones."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)
        else:
            yield entry


def _is_left(entry: Path) -> bool:
    """Whether it is not read: a link out of its folder or to a folder, a pipe, a device."""
    if not entry.is_symlink():  # resolving each of very many paths would take longer than reading
        return not entry.is_file()
    return not entry.is_file() or outside(entry.parent, entry.name) is not None


def _left(root: Path) -> list[str]:
    """Remarks on what is below a folder and is hidden or cannot be read."""
    if not root.is_dir():
        return []
    hidden = hidden_under(root)
    found = [path for path in _below(root) if _is_left(path)]
    if not found:
        return hidden
    first = found[0].relative_to(root)
    kind = "a link" if found[0].is_symlink() else "no file"
    many = f"{len(found)} entries are" if len(found) > 1 else "an entry is"
    return [
        *hidden,
        f"{many} not read, as links out of the folder, links to folders and what is no file are "
        f"not followed: {first} is {kind}. Copy the files, or name their own folder as the source",
    ]
