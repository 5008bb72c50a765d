"""A YAML file of fields: its values, and the line of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tasks.experiment.mistakes import FieldPath, InvalidExperimentError, bounded
from tasks.machinery.naming.cut import cut

# Far more than an experiment has: bytes of a file, depth and number of its values, and characters
# of one.
_MOST_BYTES, _DEEPEST, _MOST_NODES, _LONGEST = 1_000_000, 20, 100_000, 10_000


def read_yaml(file: Path) -> tuple[dict[str, Any], dict[FieldPath, str]]:
    """The values of a YAML file, and `file:line` of each path in it.

    Raises:
        InvalidExperimentError: where it is not YAML, not UTF-8, or not a mapping.
    """
    try:
        text = _bytes_of(file).decode("utf-8")
    except OSError as error:
        raise InvalidExperimentError([f"{file}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidExperimentError(
            [f"{file}:{line}: not UTF-8 text (byte {error.start} of the file)"]
        ) from None
    node, values = _parsed(text, file)
    if not isinstance(values, dict):
        raise InvalidExperimentError(
            [f"{file}: found {_kind(values)}; accepted: fields, as `name: value`"]
        )
    twice = list(_repeated(node, ()))
    if twice:
        raise InvalidExperimentError(
            bounded([f"{file}:{line}: {name} is given twice" for name, line in twice])
        )
    return values, {path: f"{file}:{line}" for path, line in _lines(node, ())}


def _bytes_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        found = opened.read(_MOST_BYTES + 1)
    if len(found) > _MOST_BYTES:
        raise InvalidExperimentError(
            [f"{file}: more than {_MOST_BYTES:,} bytes; accepted: an experiment, at most that"]
        )
    return found


def _parsed(text: str, file: Path) -> tuple[yaml.Node | None, Any]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _require_plain(node, file)  # first: merging aliases takes memory
        return node, yaml.safe_load(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {error.character!r}" if error.character else error.reason
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem)
    except RecursionError:
        line, problem = 1, "lists in lists without end"
    except InvalidExperimentError:
        raise
    except ValueError as error:  # 2026-13-45 is no date
        line, problem = 1, str(error)
    raise InvalidExperimentError([f"{file}:{line}: not valid YAML: {problem}"]) from None


def _require_plain(node: yaml.Node | None, file: Path) -> None:
    """Check that values are neither nested without end (by aliases, too) nor too long.

    Raises:
        InvalidExperimentError: with the line.
    """
    waiting, left = [(node, 0)], _MOST_NODES
    while waiting:
        here, depth = waiting.pop()
        left -= 1
        if depth > _DEEPEST or not left:
            line = here.start_mark.line + 1 if here else 1
            raise InvalidExperimentError(
                [f"{file}:{line}: lists in lists without end (an alias to what it stands in?)"]
            )
        if isinstance(here, yaml.ScalarNode) and len(here.value) > _LONGEST:
            raise InvalidExperimentError(
                [
                    f"{file}:{here.start_mark.line + 1}: a value of {len(here.value):,} "
                    f"characters ({cut(here.value, 40)!r}); accepted: at most {_LONGEST:,}"
                ]
            )
        for _, key, value in _children(here):
            waiting += [(each, depth + 1) for each in ((value,) if key is value else (key, value))]


def _kind(values: object) -> str:
    return "an empty file" if values is None else type(values).__name__


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """The children of a node: name or number, where it starts, value."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((number, value, value) for number, value in enumerate(node.value))


def _lines(node: yaml.Node | None, path: FieldPath) -> Iterator[tuple[FieldPath, int]]:
    for step, start, value in _children(node):
        yield (*path, step), start.start_mark.line + 1
        yield from _lines(value, (*path, step))


def _repeated(node: yaml.Node | None, path: FieldPath) -> Iterator[tuple[str, int]]:
    seen = set()
    for step, start, value in _children(node):
        if step in seen:
            yield ".".join(map(str, (*path, step))), start.start_mark.line + 1
        seen.add(step)
        yield from _repeated(value, (*path, step))
