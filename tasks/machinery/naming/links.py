"""Links in folders that a person names: none leads out of its folder.

A folder of a model or a tokenizer may come from somebody else. Who packed it must not choose which
files of this machine are read and copied (`vocab.txt -> /etc/passwd`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tasks.contract import StageError


def require_inside(folder: Path, names: Iterable[str], where: str) -> None:
    """Check that files of a folder are in it, links resolved.

    Links inside the folder are followed. So are those of the Hub's cache, where
    `snapshots/COMMIT/` links to `blobs/` of the same repository.

    Args:
        folder: the folder; it may be a link itself.
        names: the files, relative to the folder.
        where: the name of the folder for messages.

    Raises:
        StageError: with the first file that is elsewhere.
    """
    for name in names:
        target = outside(folder, name)
        if target is not None:
            raise StageError(
                f"{where}: {name} is a link to {target}, outside of the folder, and is not read; "
                "accepted: files, and links to files in the same folder. If you trust it, put a "
                "copy of the file in place of the link"
            )


def outside(folder: Path, name: str) -> Path | None:
    """The file or folder that a name leads to, where that is not in the folder; else None."""
    own = Path(os.path.realpath(folder))
    places = [own, own.parents[1] / "blobs"] if own.parent.name == "snapshots" else [own]
    target = Path(os.path.realpath(own / name))
    return None if any(target.is_relative_to(place) for place in places) else target
