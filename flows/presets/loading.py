"""Loading an experiment from a preset or a YAML file, with `--set` on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.presets.variant import variant_of
from flows.presets.yaml_file import read_yaml
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.consistency import check as check_images
from tasks.experiment.images.experiment import SECTIONS, ImageExperiment
from tasks.experiment.mistakes import FieldPath, InvalidExperimentError, check, validated
from tasks.experiment.model import NUMBERS
from tasks.experiment.renamed import new_path, renew
from tasks.experiment.renamed import note as note_of
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.paths import has_scheme, place
from tasks.machinery.naming.spelling import nearest

PRESETS = Path(__file__).parent
FURTHER = PRESETS / "further"


def offered() -> dict[str, Path]:
    """The shipped experiments that the Prefect UI offers too, by name."""
    return {file.stem: file for file in sorted(PRESETS.glob("*.yaml"))}


def presets() -> dict[str, Path]:
    """The shipped experiments by name, those of the UI first."""
    return offered() | {file.stem: file for file in sorted(FURTHER.glob("*.yaml"))}


def summary_of(preset: Path) -> str:
    """The description of a preset: the first comment of its file."""
    first = preset.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def to_stderr(text: str) -> None:
    """Print a message for the person who runs a command."""
    sys.stderr.write(f"temper: {text}\n")


def of_images(file: Path) -> bool:
    """Whether a file describes an experiment on images: by its sections."""
    return bool({*SECTIONS} & {*read_yaml(file)[0]})


def load_experiment(
    name: str, settings: Sequence[str] = (), note: Callable[[str], None] = to_stderr
) -> Experiment:
    """The experiment on text of a preset or a file, with settings applied; see `load_any`.

    Raises:
        InvalidExperimentError: with one line per mistake, or that it is an experiment on images.
    """
    found = load_any(name, settings, note)
    if isinstance(found, ImageExperiment):
        raise InvalidExperimentError(
            [
                f"{name} is an experiment on images (it has the section "
                f"{' or '.join(SECTIONS)}); accepted here: an experiment on text. `temper run` and "
                "`temper plan` accept both"
            ]
        )
    return found


def load_any(
    name: str, settings: Sequence[str] = (), note: Callable[[str], None] = to_stderr
) -> Experiment | ImageExperiment:
    """The experiment of a preset or a file, on text or on images, with settings applied.

    Args:
        name: name of a preset, or path of a YAML file.
        settings: `a.b=value`; a downstream problem by its name or its index.
        note: called with messages about old names of fields.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    file = _find(name)
    values, lines = read_yaml(file)
    lines = _by_new_names(values, lines, note)
    if file.parent not in (PRESETS, FURTHER):
        _anchor(values, file.parent)
    return _changed(values, lines, settings, note)


def changed_experiment(
    experiment: Experiment | ImageExperiment,
    settings: Sequence[str] = (),
    note: Callable[[str], None] = to_stderr,
) -> Experiment | ImageExperiment:
    """An experiment with settings applied; its relative paths are those of the working directory.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    values = experiment.model_dump()
    _anchor(values, Path.cwd())
    return _changed(values, {}, settings, note)


def _changed(
    values: dict[str, Any],
    lines: dict[FieldPath, str],
    settings: Sequence[str],
    note: Callable[[str], None],
) -> Experiment | ImageExperiment:
    """The experiment of raw values, with settings applied."""
    changes: dict[FieldPath, str] = {}
    for given in settings:
        setting = _by_new_name(given, note)
        place = apply(values, setting)
        if place == ("model", "size"):  # it was asked for after the numbers of the file
            for number in [("model", name) for name in NUMBERS]:
                if number not in changes:
                    values["model"].pop(number[-1], None)
        lines, changes = _without(lines, place), _without(changes, place)
        lines[place] = f"--set {cut(setting, 200)}"
        changes[place] = setting.partition("=")[2]
    if isinstance(values.get("variant", ""), str) and ("variant",) not in changes:
        values["variant"] = variant_of(values, changes)
    if {*SECTIONS} & {*values}:
        described = validated(values, lines, ImageExperiment)
        check_images(described)
        return described
    experiment: Experiment = validated(values, lines)
    check(experiment)
    return experiment


def _by_new_names(
    values: dict[str, Any], lines: dict[FieldPath, str], note: Callable[[str], None]
) -> dict[FieldPath, str]:
    """Rename values in place; returns the lines under the new names."""
    try:
        for old, new in renew(values):
            line = f"{lines[old]}: " if old in lines else ""  # none where YAML merged it in
            note(line + note_of(old, new))
            lines = {new if path == old else path: line for path, line in lines.items()}
    except ValueError as error:
        raise InvalidExperimentError([str(error)]) from None
    return lines


def _by_new_name(setting: str, note: Callable[[str], None]) -> str:
    name, equals, text = setting.partition("=")
    old = name.strip().split(".")
    new = new_path(old)
    if new == old:
        return setting
    note(f"--set {setting}: {note_of(tuple(old), tuple(new))}")
    return f"{'.'.join(new)}{equals}{text}"


def _without(places: dict[FieldPath, str], place: FieldPath) -> dict[FieldPath, str]:
    """The entries for other places, without this one and those below it."""
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


def _anchor(values: dict[str, Any], folder: Path) -> None:
    """Make the relative paths in a file relative to the file, wherever the command is run."""
    parts = [(values.get(name), "source") for name in ("corpus", "images")]
    parts += [(values.get("tokenizer"), "published"), (values, "start")]
    problems = values.get("downstream")
    for problem in problems if isinstance(problems, list) else []:
        also = problem.get("evaluate_also") if isinstance(problem, dict) else None
        further = also if isinstance(also, list) else []
        parts += [(each, "source") for each in (problem, *further)]
    for part, name in parts:
        if isinstance(part, dict) and isinstance(part.get(name), str):
            part[name] = _anchored(part[name], folder)


def _anchored(location: str, folder: Path) -> str:
    if not location or (has_scheme(location) and not (folder / location).exists()):
        return location
    return str((folder / place(location)).absolute())


def apply(values: dict[str, Any], setting: str) -> FieldPath:
    """Set one value in place; returns its path.

    Raises:
        InvalidExperimentError: the setting is not `a.b=value`, or its path does not exist.
    """
    name, equals, text = setting.partition("=")
    if not equals or not name.strip():
        raise InvalidExperimentError([f"--set {setting}: accepted: --set a.b=value"])
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except (yaml.YAMLError, ValueError, RecursionError):  # `2026-13-45` is no date
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
    if isinstance(value, str) and steps[-1] in ("source", "published", "start"):
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
