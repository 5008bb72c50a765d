"""A store of very many artifacts, each of one small file, written without computing anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.machinery.store.artifact import Artifact, sealed
from tasks.machinery.store.fingerprint import digest


def write_many(root: Path, key: dict[str, Any], field: str, number: int) -> None:
    """Write artifacts whose keys differ in one field.

    Args:
        root: the folder of the store.
        key: of the stage.
        field: the field of the part; its values are the numbers from 0.
        number: how many to write.
    """
    for value in range(number):
        each = key | {"part": key["part"] | {field: value}}
        fingerprint = digest(each)
        folder = root / key["stage"] / fingerprint[:32]
        made = Artifact(
            stage=key["stage"],
            fingerprint=fingerprint,
            folder=folder,
            key=each,
            files={"number.txt": digest(value)},
            sizes={"number.txt": 1},
            metrics={},
            facts={"title": key["stage"]},
            seconds=1.0,
        )
        (folder / "output").mkdir(parents=True)
        (folder / "output" / "number.txt").write_text("1")
        (folder / "manifest.json").write_text(json.dumps(sealed(made)))
