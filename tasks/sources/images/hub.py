"""`hf:NAME[:CONFIGURATION][@REVISION]`: pictures of the Hugging Face Hub, read by `datasets`.

Pictures are read several times, so the data set is downloaded into the cache of `datasets`, not
streamed as text is. The identity is the commit, under the name with the configuration. No code of
the repository is run: `datasets` reads data files only. Pictures are handed on as the bytes of
their files, which stage `images` checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.experiment.images.pictures import PictureColumns
from tasks.sources import Progress, Source
from tasks.sources.columns import require
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.hub import claims as is_here
from tasks.sources.hub import identify, name_of, reading
from tasks.sources.images import Picture
from tasks.sources.images.picture_tables import picture_in, wanted_of

__all__ = ["identify", "is_here", "name_of", "pictures", "remarks"]  # the first three as of text

WRITTEN = "hf:NAME[:CONFIGURATION][@REVISION]"
LIBRARIES = ("datasets", "pillow")
HIDDEN = -1  # the number of a class that the Hub does not tell


def remarks(source: Source) -> list[str]:
    """The splits that are not read."""
    splits = _load(source)
    chosen = _read(splits)
    left = [f"{name} ({len(splits[name]):,} pictures)" for name in splits if name not in chosen]
    return [f"splits of other names are not read: {', '.join(left)}"] if left else []


def pictures(source: Source, columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The pictures of the splits for train, validation and test, labels by their names.

    The position of a picture, which names it, omits the revision, so that two spellings of the same
    commit give the same pictures.
    """
    splits = _load(source)
    chosen = _read(splits)
    if not chosen:
        raise StageError(
            f"{source.location}: no training split among {', '.join(splits)}; accepted names: "
            f"{', '.join(SPLIT_WORDS)}"
        )
    wanted, done = wanted_of(columns), 0
    total = sum(len(splits[split]) for split in chosen)
    (name,) = source.identity
    for split in chosen:
        table, given = _undecoded(splits[split]), SPLIT_WORDS.get(split.lower(), "")
        with reading(source):
            for number, values in enumerate(table, 1):
                where = f"hf:{name}, split {split}, row {number}"
                require(wanted, list(values), where)
                found = {n: _plain(value, table.features[n]) for n, value in values.items()}
                _, picture = picture_in(found, columns, where, given, Path())
                if not picture.name:
                    raise StageError(
                        f"{where}: column {columns.image!r} contains {found[columns.image]!r:.60}; "
                        "accepted: a column of images, or of the bytes of their files"
                    )
                yield picture
                done += 1
                progress(done, total, "pictures")


def _read(splits: Mapping[str, Any]) -> list[str]:
    """The splits that are read: those whose names say for what, or the only one."""
    known = [split for split in splits if split.lower() in SPLIT_WORDS]
    return known or ([*splits] if len(splits) == 1 else [])


def _undecoded(table: Any) -> Any:
    """A split whose images are the bytes of their files."""
    from datasets import Image

    for name, feature in table.features.items():
        if isinstance(feature, Image):
            table = table.cast_column(name, Image(decode=False))
    return table


def _plain(value: Any, feature: Any) -> Any:
    """An image as its bytes, a class by its name, also in lists; others as they are."""
    from datasets import Image

    if isinstance(feature, Image) and value is not None:
        path = value["path"] or ""
        data = value["bytes"] if value["bytes"] is not None else Path(path).read_bytes()
        return {"bytes": data, "path": Path(path).name}
    inner = getattr(feature, "feature", None)
    names = getattr(feature, "names", None) or getattr(inner, "names", None)
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [names[number] if number != HIDDEN else None for number in value]
    return names[value] if value != HIDDEN else None


def _load(source: Source) -> Any:
    """The splits of the data set by name, from the cache if it is there.

    Raises:
        StageError: it cannot be read, or is cached as of another commit alone.
    """
    from datasets import load_dataset_builder
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    ((written, commit),) = source.identity.items()
    name, _, configuration = written.partition(":")
    with reading(source):
        builder = load_dataset_builder(name, configuration or None, revision=commit)
        if builder.hash != commit:  # without the Hub, `datasets` takes the latest that is cached
            raise StageError(
                f"{source.location}: the Hub cannot be reached, and the cache of `datasets` has "
                f"the commit {str(builder.hash)[:12]}, not {commit[:12]}. Run again when the Hub "
                "can be reached"
            )
        builder.download_and_prepare()
        return builder.as_dataset()
