"""The pages of an artifact: rendered from its folder, with a key of their own.

The key is the content of the artifact, the code of the function that shows, and the versions of
the libraries it draws with. If it is unchanged, the pages stay; otherwise they are rendered again,
which takes seconds and recomputes nothing. They are beside the output and in no other key:

    store/<stage>/<fingerprint>/
        show/        card.md, figures, tables
        show.json    the key, and the digests of the files
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.contract import Stage
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.folders import stranger
from tasks.machinery.store.artifact import Artifact, read_shown
from tasks.machinery.store.fingerprint import code_digests, digest, library_versions

LIBRARIES = ("matplotlib", "numpy", "pandas")


def key_of_pages(stage: Stage, artifact: Artifact) -> str:
    """The key of an artifact's pages."""
    return digest(
        {
            "artifact": artifact.files,
            "show": stage.show,
            "code": code_digests([stage.show.partition(":")[0]]),
            "libraries": library_versions(LIBRARIES),
        }
    )


def render(stage: Stage, artifact: Artifact) -> bool:
    """Render the pages of an artifact, unless they exist.

    Call it while the artifact's folder is locked.

    Returns:
        Whether they were rendered.
    """
    key = key_of_pages(stage, artifact) if stage.show else ""
    if not key or is_whole(artifact.folder, key):
        return False
    for left in artifact.folder.glob("showing-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=artifact.folder, prefix="showing-") as folder:
        written = Path(folder) / "show"
        written.mkdir()
        stage.load_show()(artifact.path, written)
        place = artifact.folder / "show"
        (artifact.folder / "show.json").unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        written.rename(place)
    files = {str(f.relative_to(place)): digest_file(f) for f in place.rglob("*") if f.is_file()}
    write_atomically(artifact.folder / "show.json", {"key": key, "files": files})
    return True


def is_whole(folder: Path, key: str) -> bool:
    """Whether the pages in an artifact's folder have this key and are unaltered, none added."""
    shown = read_shown(folder)
    if shown.get("key") != key:
        return False
    try:
        files, place = dict(shown["files"]), folder / "show"
        whole = all(digest_file(place / name) == value for name, value in files.items())
        return whole and not stranger(place, files)
    except (OSError, KeyError, TypeError, ValueError):
        return False
