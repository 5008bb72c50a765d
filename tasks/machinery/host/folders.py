"""The entries of a folder: which of them somebody added, and names that can be printed."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path


def stranger(folder: Path, names: Collection[str]) -> str:
    """The first entry below a folder that is not expected there.

    Expected are the files of these names, which are relative to the folder, and the folders that
    they are in. Links are not followed.

    Returns:
        Its name relative to the folder, with a slash behind that of a folder; empty if there is
        none.

    Raises:
        OSError: the folder, or one below it, cannot be listed.
    """
    parents = {str(parent) for name in names for parent in Path(name).parents}
    for place, folders, files in os.walk(folder, onerror=_raise):
        inside = Path(place).relative_to(folder)
        for name in sorted(files):
            if str(inside / name) not in names:
                return str(inside / name)
        for name in sorted(folders):
            if str(inside / name) not in parents:
                return f"{inside / name}/"
            if (Path(place) / name).is_symlink():
                return str(inside / name)
    return ""


def printable(name: str) -> str:
    """A name as it can be printed: line ends, control characters and broken ones are escaped."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _raise(problem: OSError) -> None:
    raise problem
