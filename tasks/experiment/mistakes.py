"""The mistakes in an experiment, as messages with which a person can fix them.

Every line names the field's path (and the line of the file), the value found, what is accepted, and
the nearest right spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tasks.experiment import variants
from tasks.experiment.consistency import mistakes
from tasks.experiment.experiment import Experiment
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.spelling import nearest

FieldPath = tuple[str | int, ...]
Model = type[BaseModel]
Whole = TypeVar("Whole", bound=BaseModel)
MOST_LINES = 20  # of mistakes that are shown


class InvalidExperimentError(ValueError):
    """An experiment that cannot run, with one line per mistake."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


def validated(
    values: Mapping[str, Any],
    lines: Mapping[FieldPath, str] | None = None,
    whole: type[Whole] = Experiment,  # type: ignore[assignment]
) -> Whole:
    """The experiment of raw values.

    Args:
        values: as read from YAML.
        lines: where each path stands, as `file:line`, to be named in the mistakes.
        whole: what is described: an experiment on text, or on images.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    found: list[Any] = [_unlike(path, value) for path, value in _truths(values, (), whole)]
    try:
        experiment = whole.model_validate(values)
    except ValidationError as error:
        found += error.errors()
    else:
        if not found:
            return experiment
    said = [_said(problem, lines or {}, values, whole) for problem in found[: MOST_LINES + 1]]
    raise InvalidExperimentError(bounded(said, len(found)))


def bounded(lines: Sequence[str], count: int = 0) -> list[str]:
    """The first lines, and how many more there are; `count` where not all were composed."""
    more = max(count, len(lines)) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more:,} more mistakes"] if more > 0 else list(lines)


def _truths(value: Any, path: FieldPath, whole: Model) -> Iterator[tuple[FieldPath, bool]]:
    """Booleans given for numbers, which Pydantic would accept as 1 and 0, also `yes`."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for step, item in items:
        if isinstance(item, Mapping | list):
            yield from _truths(item, (*path, step), whole)
        elif isinstance(item, bool) and _is_number((*path, step), whole):
            yield (*path, step), item


def _is_number(path: FieldPath, whole: Model) -> bool:
    return _schema(path, whole).get("type") in ("integer", "number")


def _unlike(path: FieldPath, value: Any) -> dict[str, Any]:
    """The mistake of a value of the wrong type, in Pydantic's format."""
    return {"loc": path, "type": "unlike", "input": value}


def check(experiment: Experiment) -> None:
    """Check that the parts fit together.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    refuse(mistakes(experiment))


def check_fields(part: BaseModel) -> None:
    """Check that every given value counts with the chosen variants.

    Raises:
        InvalidExperimentError: with a line for each that does not.
    """
    refuse(variants.mistakes(part))


def refuse(mistakes: Iterable[tuple[str, str]]) -> None:
    """Raise an InvalidExperimentError if there are mistakes: paths of fields, and messages."""
    found = [f"{path}: {message}" for path, message in mistakes]
    if found:
        raise InvalidExperimentError(bounded(found))


def _said(
    error: Any, lines: Mapping[FieldPath, str], values: Mapping[str, Any], whole: Model
) -> str:
    path: FieldPath = tuple(error["loc"])
    place = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), "")
    where = f"{place}: " if place else ""
    return f"{where}{spelt(path, values)}: {_problem(error, path, whole)}"


def spelt(path: FieldPath, values: Any) -> str:
    """A path with problems by their name: downstream.library.epochs."""
    words = []
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            values = None
        named = isinstance(step, int) and isinstance(values, Mapping) and values.get("name")
        words.append(str(values["name"] if named else step))
    return ".".join(words) or "experiment"


def _problem(error: Any, path: FieldPath, whole: Model) -> str:
    found = error["input"]
    if error["type"] in ("extra_forbidden", "invalid_key"):
        fields = fields_at(path[:-1], whole)
        return f"no such field{nearest(str(path[-1]), fields)}. Accepted here: {', '.join(fields)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in ("model_type", "model_attributes_type"):
        fields = fields_at(path, whole)
        return f"found {_quoted(found)}; accepted: fields, of {', '.join(fields)}"
    hint = ""
    if _schema(path, whole).get("type") == "string" and isinstance(found, int | float | date):
        hint = " (in quotes it is text)"
    if error["type"] == "literal_error" and isinstance(found, str):
        hint = nearest(found, _schema(path, whole).get("enum", []))
    return f"found {_quoted(found)}; accepted: {accepted_at(path, whole)}{hint}"


def _quoted(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return f"a {'list' if isinstance(value, list) else 'group of fields'}"
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, date) else repr(value)
    return cut(text, 80)


def model_at(path: FieldPath, whole: Model = Experiment) -> Model | None:
    """The model at a path, skipping list positions."""
    model = whole
    for step in path:
        if isinstance(step, int):
            continue
        info = model.model_fields.get(step)
        inner = getattr(info.annotation, "__args__", [info.annotation])[0] if info else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        model = inner
    return model


def fields_at(path: FieldPath, whole: Model = Experiment) -> list[str]:
    """The names of the fields that are accepted under a path."""
    model = model_at(path, whole)
    return list(model.model_fields) if model else []


def _schema(path: FieldPath, whole: Model) -> dict[str, Any]:
    if path and isinstance(path[-1], int):  # an item of a list
        items: dict[str, Any] = _schema(path[:-1], whole).get("items", {})
        return items
    model = model_at(path[:-1], whole)
    if model is None or not path:
        return {}
    found: dict[str, Any] = model.model_json_schema()["properties"].get(path[-1], {})
    return found


_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
}
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "not shorter than {} characters",
    "maxLength": "of at most {} characters",
    "pattern": "matching {}",
    "maxItems": "of at most {} items",
    "minItems": "of at least {} items",
}


def accepted_at(path: FieldPath, whole: Model = Experiment) -> str:
    """What a field accepts, as text: `a whole number, at least 1`."""
    schema = _schema(path, whole)
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "enum" in schema.get("items", {}):
        return f"a list of {', '.join(schema['items']['enum'])}"
    words = [_KINDS.get(schema.get("type", ""), "something else")]
    words += [text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema]
    return ", ".join(words)
