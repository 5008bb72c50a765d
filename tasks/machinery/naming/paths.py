"""Paths as a person writes them."""

from __future__ import annotations

import os
import re
from pathlib import Path


def has_scheme(location: str) -> bool:
    """Whether a location is no path but a name of another kind, as `hf:…` and `builtin:…` are."""
    return re.match(r"[a-z][a-z0-9+-]+:", location) is not None


def place(location: str) -> Path:
    """The path that a person wrote, with `~` expanded."""
    return Path(os.path.expanduser(location))  # noqa: PTH111  (pathlib's fails for unknown users)
