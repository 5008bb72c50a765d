"""From a preset or a YAML file, and `--set` on the command line, to an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.presets.variant import variant_of
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check, validated
from tasks.machinery.naming.paths import place
from tasks.machinery.naming.spelling import nearest

PRESETS = Path(__file__).parent

Place = tuple[str | int, ...]

_DEEPEST, _MOST_NODES = 20, 100_000  # of the values in a file: far more than an experiment has


def presets() -> dict[str, Path]:
    """The shipped experiments by name."""
    return {file.stem: file for file in sorted(PRESETS.glob("*.yaml"))}


def summary_of(preset: Path) -> str:
    """What a preset says of itself: the first comment of the file."""
    first = preset.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def load_experiment(name: str, settings: Sequence[str] = ()) -> Experiment:
    """The experiment of a preset or a file, with settings applied.

    Args:
        name: name of a preset, or path of a YAML file.
        settings: `a.b=value`; a downstream problem by its name or its index.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    file = _find(name)
    values, lines = read_yaml(file)
    if file.parent != PRESETS:
        _anchor(values, file.parent)
    changes: dict[Place, str] = {}
    for setting in settings:
        place = apply(values, setting)
        lines, changes = _without(lines, place), _without(changes, place)
        lines[place] = f"--set {setting}"
        changes[place] = setting.partition("=")[2]
    if isinstance(values.get("variant", ""), str) and ("variant",) not in changes:
        values["variant"] = variant_of(values, changes)
    experiment = validated(values, lines)
    check(experiment)
    return experiment


def _without(places: dict[Place, str], place: Place) -> dict[Place, str]:
    """What is said of other places, not of this one nor of what is below it."""
    return {path: text for path, text in places.items() if path[: len(place)] != place}


def _find(name: str) -> Path:
    known = presets()
    if name in known:
        return known[name]
    file = Path(name)
    if name and file.is_dir():
        raise InvalidExperimentError([f"{name} is a folder; accepted: a .yaml file"])
    if file.suffix.lower() not in (".yaml", ".yml"):
        beside = Path(f"{name}.yaml")
        meant = f". Did you mean {beside}?" if beside.is_file() else nearest(name, list(known))
        raise InvalidExperimentError(
            [f"no preset {name!r}{meant}. Accepted: {', '.join(known)}, or a .yaml file"]
        )
    if not file.is_file():
        there = (
            sorted(str(f.name) for f in file.parent.glob("*.y*ml")) if file.parent.is_dir() else []
        )
        hint = nearest(file.name, there)
        raise InvalidExperimentError([f"{file}: no such file{hint}"])
    return file


def read_yaml(file: Path) -> tuple[dict[str, Any], dict[Place, str]]:
    """The values of a YAML file, and `file:line` of each path in it.

    Raises:
        InvalidExperimentError: where it is not YAML, not UTF-8, or not a mapping.
    """
    try:
        text = file.read_text(encoding="utf-8")
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
    _require_plain(node, file)
    twice = list(_repeated(node, ()))
    if twice:
        raise InvalidExperimentError(
            [f"{file}:{line}: {name} is given twice" for name, line in twice]
        )
    return values, {path: f"{file}:{line}" for path, line in _lines(node, ())}


def _parsed(text: str, file: Path) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {error.character!r}" if error.character else error.reason
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem)
    except RecursionError:
        line, problem = 1, "lists in lists without end"
    except ValueError as error:  # 2026-13-45 is no date
        line, problem = 1, str(error)
    raise InvalidExperimentError([f"{file}:{line}: not valid YAML: {problem}"]) from None


def _require_plain(node: yaml.Node | None, file: Path) -> None:
    """Refuse a mapping or list that is inside of itself, or that aliases make endless.

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
        waiting += [(value, depth + 1) for _, _, value in _children(here)]


def _kind(values: object) -> str:
    return "an empty file" if values is None else type(values).__name__


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """The children of a node: name or number, where it starts, value."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((number, value, value) for number, value in enumerate(node.value))


def _lines(node: yaml.Node | None, path: Place) -> Iterator[tuple[Place, int]]:
    for step, start, value in _children(node):
        yield (*path, step), start.start_mark.line + 1
        yield from _lines(value, (*path, step))


def _repeated(node: yaml.Node | None, path: Place) -> Iterator[tuple[str, int]]:
    seen = set()
    for step, start, value in _children(node):
        if step in seen:
            yield ".".join(map(str, (*path, step))), start.start_mark.line + 1
        seen.add(step)
        yield from _repeated(value, (*path, step))


def _anchor(values: dict[str, Any], folder: Path) -> None:
    """Make the relative paths in a file relative to the file, wherever the command is run."""
    parts = [(values.get("corpus"), "source"), (values.get("tokenizer"), "published")]
    problems = values.get("downstream")
    parts += [(problem, "source") for problem in problems] if isinstance(problems, list) else []
    for part, name in parts:
        if isinstance(part, dict) and isinstance(part.get(name), str):
            part[name] = _anchored(part[name], folder)


def _anchored(location: str, folder: Path) -> str:
    if not location or location.startswith(("builtin:", "hf:")):
        return location
    return str((folder / place(location)).absolute())


def apply(values: dict[str, Any], setting: str) -> Place:
    """Set one value in place; returns its path.

    Raises:
        InvalidExperimentError: where the setting is not `a.b=value` or leads nowhere.
    """
    name, equals, text = setting.partition("=")
    if not equals or not name.strip():
        raise InvalidExperimentError([f"--set {setting}: accepted: --set a.b=value"])
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except yaml.YAMLError:
        value = text
    path: list[str | int] = []
    here: Any = values
    steps = name.strip().split(".")
    for step in steps[:-1]:
        here, chosen = _enter(here, step, setting)
        path.append(chosen)
    if isinstance(here, list):
        last = _position(here, steps[-1], setting)
        here[last] = value
        return (*path, last)
    if not isinstance(here, dict):
        raise InvalidExperimentError([f"--set {setting}: {'.'.join(steps[:-1])} has no fields"])
    if isinstance(value, str) and steps[-1] in ("source", "published"):
        value = _anchored(value, Path.cwd())
    here[steps[-1]] = value
    return (*path, steps[-1])


def _enter(here: Any, step: str, setting: str) -> tuple[Any, str | int]:
    if isinstance(here, list):
        position = _position(here, step, setting)
        return here[position], position
    if not isinstance(here, dict):
        raise InvalidExperimentError([f"--set {setting}: nothing to set under {step}"])
    if here.get(step) is None:
        here[step] = [] if step == "downstream" else {}
    return here[step], step


def _position(problems: list[Any], step: str, setting: str) -> int:
    """The index of a problem, by its name or its number."""
    names = [str(p.get("name", "")) if isinstance(p, dict) else "" for p in problems]
    if step in names:
        return names.index(step)
    if step.isdigit() and int(step) < len(problems):
        return int(step)
    raise InvalidExperimentError(
        [
            f"--set {setting}: no downstream problem {step!r}{nearest(step, names)}. "
            f"Accepted: {', '.join(names) or 'none is listed'}, or an index below {len(problems)}"
        ]
    )
