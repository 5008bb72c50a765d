"""Pictures in folders: by split, and below that by class, or beside their masks.

Where the folders below those of splits are `images` and `masks`, the mask of a picture is the file
of `masks` with its name, whatever the ending. The split may be a folder below both, too:
`images/train/7.png` has the mask `masks/train/7.png`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tasks.contract import StageError
from tasks.data.images.picture import Picture
from tasks.data.rows import Split
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.images.picture_bytes import read_mask_file, read_picture

IMAGES, MASKS = "images", "masks"  # folders of pictures, and of their masks


def have_masks(names: Sequence[str]) -> bool:
    """Whether there are folders of pictures and of their masks among those of files."""
    return {IMAGES, MASKS} <= {_place(name)[1] for name in names}


def is_beside(name: str) -> bool:
    """Whether a file is in neither of the two folders."""
    return _place(name)[1] not in (IMAGES, MASKS)


def by_class(files: Sequence[tuple[str, Path]]) -> Iterator[Picture]:
    """The pictures with the folders that they are in as labels."""
    for name, path in files:
        split, folder, _ = _place(name)
        yield read_picture(Picture(name, b"", folder or None, "", split, name), path)


def with_masks(files: Sequence[tuple[str, Path]]) -> Iterator[Picture]:
    """The pictures of the folder images with the masks beside them.

    Raises:
        StageError: masks have no picture, or two masks have one name.
    """
    masks: dict[tuple[Split, str], tuple[str, Path]] = {}
    for name, path in files:
        split, folder, stem = _place(name)
        if folder != MASKS:
            continue
        if (split, stem) in masks:
            raise StageError(
                f"{name}: {masks[split, stem][0]} has the same name; a picture has one mask; "
                "remove one"
            )
        masks[split, stem] = name, path
    for name, path in files:
        split, folder, stem = _place(name)
        if folder != IMAGES:
            continue
        given = masks.pop((split, stem), None)
        mask = None if given is None else read_mask_file(given[1], given[0])
        yield read_picture(Picture(name, b"", None, "", split, name, mask=mask), path)
    if masks:
        alone = [name for name, _ in masks.values()]
        raise StageError(
            f"{len(alone):,} masks have no picture of their name, such as {', '.join(alone[:3])}; "
            "accepted: for each file of masks one of images, with the same name but for the ending"
        )


def _place(name: str) -> tuple[Split, str, str]:
    """The split of a file, the folder that is its label or kind, and its name below without ending.

    The split is the first folder; of pictures and masks, it may be the first one below those.
    """
    folders = list(PurePosixPath(name).parent.parts)
    split = _split(folders)
    folder = folders.pop(0) if folders else ""
    if folder in (IMAGES, MASKS) and not split:
        split = _split(folders)
    return split, folder, "/".join([*folders, PurePosixPath(name).stem])


def _split(folders: list[str]) -> Split:
    """The split that the first folder says, which is taken off."""
    if folders and folders[0].lower() in SPLIT_WORDS:
        return SPLIT_WORDS[folders.pop(0).lower()]
    return ""
