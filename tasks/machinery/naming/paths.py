"""Paths as a person writes them."""

from __future__ import annotations

import os
from pathlib import Path


def place(location: str) -> Path:
    """The path that a person wrote, with `~` expanded."""
    return Path(os.path.expanduser(location))  # noqa: PTH111  (pathlib's fails for unknown users)
