"""What sets a run apart from others of its experiment, as the end of its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from tasks.experiment.mistakes import Path, spelt

LONGEST = 80  # characters
_IN_TITLE: tuple[Path, ...] = (
    ("name",),
    *(("model", name) for name in ("family", "layers", "hidden_size")),
    *(("pretraining", name) for name in ("steps", "minutes")),
)


def variant_of(values: Mapping[str, Any], changes: Mapping[Path, str]) -> str:
    """What an experiment's file calls itself, and what settings change: `seed=1, library.epochs=2`.

    Args:
        values: of the experiment, as read, with the settings applied.
        changes: the settings that hold: where each is in the values, and the text that it gave.

    Returns:
        At most 80 characters; of more, the last: that is what differs between runs of a sweep.
    """
    said = [
        f"{spelt(path, values).removeprefix('downstream.')}={_short(path, text)}"
        for path, text in changes.items()
        if path not in _IN_TITLE and path[0] != "checkpoints"
    ]
    text = ", ".join([str(values["variant"]), *said] if values.get("variant") else said)
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"


def _short(path: Path, text: str) -> str:
    """A value in one line; of the path of a file, its end."""
    line = " ".join(text.split())
    if path[-1] in ("source", "published") and not line.startswith(("hf:", "builtin:")):
        return "/".join(PurePath(line).parts[-2:])
    return line
