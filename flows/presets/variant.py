"""What a run's name begins with: what distinguishes it from others of its experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from tasks.experiment.mistakes import FieldPath, spelt
from tasks.machinery.naming.paths import has_scheme

LONGEST = 80  # characters
_IN_TITLE: tuple[FieldPath, ...] = (
    ("name",),
    *(("model", name) for name in ("family", "layers", "hidden_size", "size")),
    *(("pretraining", name) for name in ("steps", "minutes")),
)


def variant_of(values: Mapping[str, Any], changes: Mapping[FieldPath, str]) -> str:
    """The `variant` of an experiment's file, and the changed settings: `seed=1, library.epochs=2`.

    Args:
        values: the experiment as read, with the settings applied.
        changes: the effective settings: the path of each in the values, and its text.

    Returns:
        At most 80 characters; of a longer text the end, which differs between runs of a sweep.
    """
    said = [
        f"{spelt(path, values).removeprefix('downstream.')}={_short(path, text)}"
        for path, text in changes.items()
        if path not in _IN_TITLE and path[0] != "checkpoints"
    ]
    text = ", ".join([str(values["variant"]), *said] if values.get("variant") else said)
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"


def _short(path: FieldPath, text: str) -> str:
    """A value in one line; only the end of a file's path."""
    line = " ".join(text.split())
    if path[-1] in ("source", "published") and not has_scheme(line):
        return "/".join(PurePath(line).parts[-2:])
    return line
