"""Files of pictures: a folder of them, a table of them, or IDX files.

A folder contains pictures at any depth. A first folder named train, validation or test is the
split; the folder below it is the label: `train/cat/7.png`. A folder with a table at its top
(`labels.csv`, `train.jsonl`) has the pictures and labels that its tables say, as a table alone has.
Paths in a table are relative to its folder, and do not leave it. A Parquet table may have the
pictures themselves, as `datasets` writes them. IDX files are those of MNIST.

The identity is one digest over the names and the digests of all files, so moving a folder changes
nothing.

Where the folders (below those of splits) are `images` and `masks`, the mask of a picture is the
file of `masks` with its name, whatever the ending; a table may name masks in a column. Files of
boxes are in box_files.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Split
from tasks.experiment.images.pictures import PictureColumns
from tasks.experiment.images.problem import LabelledColumns
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.naming.links import outside
from tasks.machinery.naming.paths import place
from tasks.machinery.naming.spelling import nearest_path
from tasks.sources import Progress, Source
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.formats import READERS
from tasks.sources.images import MaskFile, Picture, box_files
from tasks.sources.images import idx as idx_files
from tasks.sources.lines import File, suffix_of

WRITTEN = "a folder of pictures, or a table of them"
LIBRARIES = ("pillow",)
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
IMAGES, MASKS = "images", "masks"  # folders of pictures, and of their masks
LEADS_OUT = "the path leads out of the folder of the table; accepted: paths in it"
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".arrow")
_ACCEPTED = f"pictures ({', '.join(ENDINGS)}), a table of them ({', '.join(TABLES)}), or IDX files"


def is_here(_location: str) -> bool:
    """Every location may be a path: this kind is asked last."""
    return True


def identify(location: str, field: str) -> dict[str, str]:
    """The number of files, the first name, and a digest over all names and contents.

    Raises:
        StageError: there is no such file or folder, or no picture in it.
    """
    root = place(location)
    try:
        if not root.exists():
            raise StageError(f"{field}: there is no file or folder {root}{nearest_path(root)}")
        files = list(_files(root))
        if not files or (root.is_file() and suffix_of(root) not in TABLES):
            found = sorted({path.suffix or path.name for path in every_file(root)})[:8]
            raise StageError(
                f"{field}: found {', '.join(found) or 'nothing'} at {root}; accepted: {_ACCEPTED}"
            )
        whole = hashlib.sha256()
        for name, path in files:
            whole.update(f"{name}\0{digest_file(path)}\n".encode())
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
    return sum(path.stat().st_size for _, path in _files(place(source.location)))


def remarks(source: Source) -> list[str]:
    """Files of other types, which are passed over."""
    root = place(source.location)
    if not root.is_dir():
        return []
    read = {path for _, path in _files(root)}
    passed = [path for path in every_file(root) if path not in read]
    if not passed:
        return []
    example = passed[0].relative_to(root).as_posix()
    many = f"{len(passed)} files are" if len(passed) > 1 else "a file is"
    return [f"{many} passed over, being no pictures or not of a table, such as {example}"]


def pictures(source: Source, columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The pictures in the order of their names, or of the rows of the tables.

    Raises:
        StageError: a table cannot be read, or a file was changed after the run was planned.
    """
    root = place(source.location)
    tables = [(name, path) for name, path in _files(root) if suffix_of(path) in TABLES]
    if tables:
        found = _of_tables(tables, columns)
    elif root.is_dir() and idx_files.pairs(root):
        found = idx_files.pictures(root)
    elif root.is_dir() and box_files.format_of(_every(root)):
        found = _with_boxes(root)
    else:
        found = _of_folder(list(_files(root)))
    total = int(source.identity["files"])
    for number, picture in enumerate(found, 1):
        yield picture
        progress(number, max(number, total), "pictures")
    if identify(source.location, source.location) != source.identity:
        raise StageError(
            f"{source.location}: its files were changed after the run was planned; run it again to "
            "read the current files"
        )


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """The files that are read, by their name in the folder, in order."""
    folder = root if root.is_dir() else root.parent
    every = list(every_file(folder))
    if root.is_dir():
        tables = [p for p in every if p.parent == folder and suffix_of(p) in TABLES]
        idx = [] if tables else [path for pair in idx_files.pairs(folder) for path in pair]
    else:
        tables, idx = [root], []
    chosen = [path for path in every if path.suffix.lower() in ENDINGS]
    if not root.is_dir() and suffix_of(root) not in TABLES:
        chosen = []
    boxed = [] if tables or idx or not root.is_dir() else box_files.read_files(_every(root))
    for path in sorted({*tables, *(idx or chosen), *(folder / name for name in boxed)}):
        yield path.relative_to(folder).as_posix(), path


def every_file(folder: Path) -> Iterator[Path]:
    """All files below a folder, in order, without hidden ones and links that lead out of it."""
    if folder.is_file():
        yield folder
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from every_file(entry)
        elif entry.is_file() and outside(entry.parent, entry.name) is None:
            yield entry


def _every(folder: Path) -> dict[str, Path]:
    """All files of a folder by their names in it."""
    return {path.relative_to(folder).as_posix(): path for path in every_file(folder)}


def _with_boxes(root: Path) -> Iterator[Picture]:
    """The pictures of a folder with files of boxes."""
    every = _every(root)
    named = [name for name, path in every.items() if path.suffix.lower() in ENDINGS]
    for picture in box_files.with_boxes(every, named):
        yield picture if picture.problem else _read(picture, root / picture.name)


def _of_folder(files: Sequence[tuple[str, Path]]) -> Iterator[Picture]:
    """Pictures by the folders that they are in, with their masks."""
    found = [(name, path, *_by_folders(name)) for name, path in files]
    if {label for *_, label in found} == {IMAGES, MASKS}:
        yield from _with_masks(found)
        return
    for name, path, split, label in found:
        yield _read(Picture(name, b"", label, "", split, name), path)


def _with_masks(found: Sequence[tuple[str, Path, Split, str | None]]) -> Iterator[Picture]:
    """The pictures of a folder with the masks beside them.

    Raises:
        StageError: masks have no picture, or two masks have one name.
    """
    masks: dict[tuple[str, str], tuple[str, Path]] = {}
    for name, path, split, label in found:
        key = (split, _stem(name))
        if label == MASKS and key in masks:
            raise StageError(
                f"{name}: {masks[key][0]} has the same name; a picture has one mask; remove one"
            )
        if label == MASKS:
            masks[key] = name, path
    for name, path, split, label in found:
        if label == MASKS:
            continue
        given = masks.pop((split, _stem(name)), None)
        mask = None if given is None else _mask(given[1], given[0])
        yield _read(Picture(name, b"", None, "", split, name, mask=mask), path)
    if masks:
        alone = [name for name, _ in masks.values()]
        raise StageError(
            f"{len(alone):,} masks have no picture of their name, such as {', '.join(alone[:3])}; "
            "accepted: for each file of masks one of images, with the same name but for the ending"
        )


def _stem(name: str) -> str:
    """The name of a file below its folder images or masks, without the ending."""
    path = PurePosixPath(name)
    folders = [*path.parent.parts]
    place = 1 + next(i for i, each in enumerate(folders) if each in (IMAGES, MASKS))
    return "/".join([*folders[place:], path.stem])


def _mask(path: Path, where: str) -> MaskFile:
    try:
        return MaskFile(path.read_bytes(), where)
    except OSError as error:
        return MaskFile(b"", where, f"cannot be read: {error.strerror}")


def _by_folders(name: str) -> tuple[Split, str | None]:
    """The split and the label of a picture by the folders in its name."""
    folders = list(PurePosixPath(name).parent.parts)
    split: Split = ""
    if folders and folders[0].lower() in SPLIT_WORDS:
        split = SPLIT_WORDS[folders.pop(0).lower()]
    return split, (folders[0] if folders else None)


def _of_tables(tables: Sequence[tuple[str, Path]], columns: PictureColumns) -> Iterator[Picture]:
    """The rows of tables; a table that is named after a split has its rows in it."""
    named = [(columns.image, "image"), (columns.label, ""), (columns.group, "group")]
    named.append((columns.mask if isinstance(columns, LabelledColumns) else "", ""))
    wanted = [Column(name, role and f"columns.{role}") for name, role in named if name]
    if columns.split:
        wanted.append(Column(columns.split, "columns.split"))
    for name, path in tables:
        told = SPLIT_WORDS.get(path.name.partition(".")[0].lower(), "")
        seen: dict[str, int] = {}
        for where, values in READERS[suffix_of(path)](File(path, name), wanted):
            split = _split(values.get(columns.split), where) if columns.split else told
            group = str(values.get(columns.group) or "") if columns.group else ""
            named_as, data = _cell(values[columns.image], f"{where}: column {columns.image!r}")
            row = Picture("", data or b"", values.get(columns.label), group, split, where)
            if isinstance(columns, LabelledColumns) and values.get(columns.mask) is not None:
                row = replace(row, mask=_mask_beside(values[columns.mask], path.parent, where))
            if data is None:
                yield _beside(named_as, path.parent, row, seen)
            else:
                key = f"{where}: {named_as}" if named_as else where
                yield replace(row, name=key, where=key)


def _mask_beside(cell: Any, folder: Path, where: str) -> MaskFile:
    """The mask that a cell of a table has, or names."""
    written, data = _cell(cell, f"{where}: the mask")
    where = f"{where}: {written}" if written else where
    if data is not None:
        return MaskFile(data, where)
    return (
        MaskFile(b"", where, LEADS_OUT)
        if _leaves(written, folder)
        else _mask(folder / written, where)
    )


def _leaves(written: str, folder: Path) -> bool:
    """Whether a path leads out of a folder."""
    path = PurePosixPath(written)
    return path.is_absolute() or ".." in path.parts or outside(folder, written) is not None


def _beside(written: str, folder: Path, row: Picture, seen: dict[str, int]) -> Picture:
    """The picture at a path beside a table; a path that stands in several rows is numbered."""
    seen[written] = seen.get(written, 0) + 1
    name = written if seen[written] == 1 else f"{written} ({seen[written]})"
    row = replace(row, name=name, where=f"{row.where}: {written}")
    if _leaves(written, folder):
        return replace(row, problem=LEADS_OUT)
    return _read(row, folder / written)


def _read(row: Picture, path: Path) -> Picture:
    """The picture with the bytes of its file, or with what is wrong with that."""
    try:
        return replace(row, data=path.read_bytes())
    except OSError as error:
        return replace(row, problem=f"cannot be read: {error.strerror}")


def _cell(cell: Any, where: str) -> tuple[str, bytes | None]:
    """The path in a cell, or the bytes of a picture and perhaps its path.

    Raises:
        StageError: it contains neither.
    """
    if isinstance(cell, dict) and (isinstance(cell.get("bytes"), bytes) or cell.get("path")):
        return str(cell.get("path") or ""), cell.get("bytes")
    if isinstance(cell, bytes):
        return "", cell
    if isinstance(cell, str) and cell.strip():
        return cell.strip(), None
    raise StageError(f"{where}: found {cell!r:.60}; accepted: the path of a picture, or its bytes")


def _split(value: Any, where: str) -> Split:
    found = SPLIT_WORDS.get(str(value).strip().lower())
    if found is None:
        raise StageError(
            f"{where}: found {value!r:.40} as the split; accepted: {', '.join(sorted(SPLIT_WORDS))}"
        )
    return found
