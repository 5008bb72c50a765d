"""The experiment that a function of Python is given: an object, a preset or a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.presets.loading import changed_experiment, load_any
from tasks.experiment import experiment as schema
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError, validated

Settings = Mapping[str, Any] | Sequence[str]
Whole = schema.Experiment | ImageExperiment
Given = Whole | str | Path


class Experiment(schema.Experiment):
    """What to run: the fields of an experiment's file, by name (`temper fields` lists them).

    Experiment(name="moods", corpus={"source": "texts/"}, downstream=[{"source": "moods.csv"}])

    Raises:
        InvalidExperimentError: with a line for each mistake: field, value found, accepted.
    """

    def __init__(self, **values: Any) -> None:
        validated(values)  # for its messages
        super().__init__(**values)


def as_experiment(given: Given, settings: Settings = ()) -> Whole:
    """The experiment, with changes.

    Args:
        given: an experiment, the name of a preset, or the path of a YAML file.
        settings: changes as `{"downstream.mood.epochs": 3}`, or as `--set` has them: `["seed=1"]`.

    Raises:
        InvalidExperimentError: there is no such experiment, or a value is not valid.
    """
    changes = settings_of(settings)
    if isinstance(given, Whole):
        return changed_experiment(given, changes)
    return load_any(str(given), changes)


def settings_of(settings: Settings) -> list[str]:
    """Changes as `--set` has them: a text that YAML would read as another value is quoted.

    Raises:
        InvalidExperimentError: they are no changes.
    """
    if not isinstance(settings, Mapping):
        given = [settings] if isinstance(settings, str) else settings
        if not isinstance(given, Sequence) or not all(isinstance(each, str) for each in given):
            raise InvalidExperimentError(
                [
                    f"settings: found {settings!r:.80}; accepted: changes as "
                    '{"downstream.mood.epochs": 3}, or a list as --set has them: ["seed=1"]'
                ]
            )
        return list(given)
    return [f"{path}={_written(value)}" for path, value in settings.items()]


def _written(value: Any) -> str:
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        try:
            plain = yaml.safe_load(value) == value
        except yaml.YAMLError:
            plain = False
        if plain:
            return value
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except TypeError:
        raise InvalidExperimentError(
            [f"settings: found {value!r:.80}; accepted: text, numbers, lists, groups of fields"]
        ) from None


def _plain(value: Any) -> Any:
    """A number of numpy, or an array, as Python has it; a path as text."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value))
