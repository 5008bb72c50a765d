"""Renamed fields: files, settings and deployments with the old names are still accepted.

To rename a field: rename it in its part, and add the old name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from tasks.experiment.fields import Part

FieldPath = tuple[str | int, ...]

_ROWS = {
    "text_column": "columns.text",
    "label_column": "columns.label",
    "tokens_column": "columns.tokens",
    "tags_column": "columns.tags",
    "document_column": "columns.document",
}

# By the field that contains the part: old name -> new name.
RENAMED: Mapping[str, Mapping[str, str]] = {"downstream": _ROWS, "held_out": _ROWS, "data": _ROWS}


class Whole(Part):
    """A complete file or form, in which old names are accepted."""

    @model_validator(mode="before")
    @classmethod
    def _by_new_names(cls, values: Any) -> Any:
        copy = _copied(values)
        list(renew(copy))
        return copy


def new_path(path: Sequence[str]) -> list[str]:
    """The path of a field by its new name: `downstream.mood.columns.text`."""
    new = RENAMED.get(path[0], {}).get(path[-1], path[-1]) if path else ""
    return [*path[:-1], *new.split(".")]


def renew(values: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, FieldPath]]:
    """Rename values in place; yields the old and the new path of each.

    Raises:
        ValueError: a value is given under its old name and under its new one.
    """
    if isinstance(values, list):
        for number, value in enumerate(values):
            yield from renew(value, (*path, number))
    if isinstance(values, dict):
        place = next((step for step in reversed(path) if isinstance(step, str)), "")
        for old, new in RENAMED.get(place, {}).items():
            if old in values:
                yield (*path, old), (*path, *_move(values, old, new, path))
        for name, value in list(values.items()):
            yield from renew(value, (*path, name))


def notes(values: Any) -> list[str]:
    """One line per old name in the values, with the new one."""
    return [note(old, new) for old, new in renew(_copied(values))]


def note(old: FieldPath, new: FieldPath) -> str:
    """The message about a value given under its old name."""
    return f"{_dotted(old)} is an old name, read as {_dotted(new)}"


def _move(values: dict[Any, Any], old: str, new: str, path: FieldPath) -> list[str]:
    *above, last = new.split(".")
    inner: Any = values
    for step in above:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner
    if not isinstance(inner, dict) or last in inner:
        raise ValueError(
            f"{_dotted((*path, old))} is the old name of {new}, which is given too; remove one"
        )
    inner[last] = values.pop(old)
    return [*above, last]


def _dotted(path: FieldPath) -> str:
    return ".".join(map(str, path))


def _copied(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _copied(value) for name, value in values.items()}
    return [_copied(value) for value in values] if isinstance(values, list) else values
