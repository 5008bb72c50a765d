"""Fields that count with one variant only: the one place that decides whether a field counts.

    tags: str = field("tags", …, only_with={"problem": ("token-classification",)})

A choice is looked up by its name in the same part, then in the parts around it; a dotted name
(`model.family`) leads into a section there. Where no part has the choice, the field counts. A field
that does not count is not in the key, not in MLflow's parameters, and accepts its default only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

OnlyWith = Mapping[str, Sequence[str]]
Around = tuple[Any, ...]  # the parts around a field, or the arguments of a stage; outermost first

_NOTHING = object()


def in_words(only_with: OnlyWith) -> str:
    """The choices with which a field counts: `token-classification`, or `without published`."""
    words = [
        f"without {choice.rpartition('.')[2]}" if tuple(accepted) == ("",) else ", ".join(accepted)
        for choice, accepted in only_with.items()
    ]
    return "; ".join(words)


def extra(info: FieldInfo) -> dict[str, Any]:
    """The properties of a field beside its type and bounds."""
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def counts(info: FieldInfo, around: Around) -> bool:
    """Whether a field counts with the choices of the parts around it."""
    return _hindrance(info, around) is None


def keyed(part: BaseModel, around: Around) -> dict[str, Any]:
    """The fields of a part that are in a key: those that count and can change a result.

    A field at its value `absent` is left out: the computation is what it was before the field.
    """
    inside = (*around, part)
    return {
        name: value
        for name, value, info in _fields(part)
        if extra(info).get("in_key", True)
        and counts(info, inside)
        and value != extra(info).get("absent", _NOTHING)
    }


def asked(part: BaseModel, around: Around = ()) -> dict[str, Any]:
    """A part as plain values, without the fields that do not count."""
    inside = (*around, part)
    return {
        name: _plain(value, inside) for name, value, info in _fields(part) if counts(info, inside)
    }


def mistakes(part: BaseModel, around: Around = (), path: str = "") -> Iterator[tuple[str, str]]:
    """Fields that do not count but differ from their default: the path and the message."""
    inside = (*around, part)
    for name, value, info in _fields(part):
        here = f"{path}{name}"
        hindrance = _hindrance(info, inside)
        if hindrance is None:
            yield from _mistakes_in(value, inside, here)
        elif value != info.get_default(call_default_factory=True):
            yield here, _refusal(value, info, *hindrance)


def _mistakes_in(value: Any, around: Around, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from mistakes(value, around, f"{path}.")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _mistakes_in(item, around, f"{path}.{getattr(item, 'name', number)}")


def _refusal(value: Any, info: FieldInfo, choice: str, found: Any) -> str:
    default = info.get_default(call_default_factory=True)
    only = in_words({choice: extra(info)["only_with"][choice]})
    there = only if only.startswith("without") else f"with {only}"
    usual = "" if isinstance(default, BaseModel) else f" (accepted here: {default!r})"
    shown = "a group of fields" if isinstance(value, BaseModel) else repr(value)
    return f"found {shown}, but {choice} is {found!r}; the field counts only {there}{usual}"


def _plain(value: Any, around: Around) -> Any:
    if isinstance(value, BaseModel):
        return asked(value, around)
    return [_plain(item, around) for item in value] if isinstance(value, list) else value


def _fields(part: BaseModel) -> Iterator[tuple[str, Any, FieldInfo]]:
    for name, info in type(part).model_fields.items():
        yield name, getattr(part, name), info


def _hindrance(info: FieldInfo, around: Around) -> tuple[str, Any] | None:
    """The choice with which a field does not count, and what was chosen."""
    for choice, accepted in extra(info).get("only_with", {}).items():
        found = _chosen(choice, around)
        if found is not _NOTHING and found not in accepted:
            return choice, found
    return None


def _chosen(choice: str, around: Around) -> Any:
    """The value of a choice in the nearest part that has it."""
    first, *deeper = choice.split(".")
    for part in reversed(around):
        value = _value(part, first)
        if value is not _NOTHING:
            for name in deeper:
                value = _value(value, name)
            return value
    return _NOTHING


def _value(part: Any, name: str) -> Any:
    if isinstance(part, Mapping):
        return part.get(name, _NOTHING)
    return getattr(part, name) if name in getattr(type(part), "model_fields", {}) else _NOTHING
