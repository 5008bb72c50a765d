"""A side in the configuration of a model from elsewhere."""

from __future__ import annotations

from typing import Any


def side_of(value: Any) -> int:
    """The side of a square in pixels, which a configuration has as one number or as two."""
    return int(value[0] if isinstance(value, list) else value)
