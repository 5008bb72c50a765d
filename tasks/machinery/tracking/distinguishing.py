"""What distinguishes a run from the one before it: its name in lists begins with it.

Lists cut long names at their end, and the runs of an experiment have the rest in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.machinery.naming.metric_name import DOWNSTREAM
from tasks.machinery.naming.title import Title
from tasks.machinery.tracking.tags import used_stages

_MOST = 3  # values that a name begins with
_LONGEST = 40  # characters of a value
# They are in every name, or change no result.
_KNOWN = {"model.family", "model.layers", "model.hidden_size"}
_KNOWN |= {"pretraining.steps", "pretraining.minutes", "pretraining.log_every"}
_NEW_DATA = "new data: "
_DATA = ("dataset", "corpus")  # the stages that read what people change outside of an experiment


def changed_values(before: Mapping[str, str], now: Mapping[str, Any]) -> str:
    """`mood.epochs=3, seed=1, …`: the parameters that differ from those of another run.

    Args:
        before: the parameters of the other run, as MLflow has them.
        now: the parameters of the run.
    """
    values = {name: str(value) for name, value in now.items()}
    new, gone = _parts(values) - _parts(before), _parts(before) - _parts(values)
    said = [f"with {part}" for part in sorted(new)] + [f"without {part}" for part in sorted(gone)]
    for name in sorted(values.keys() | before.keys()):
        if name in _KNOWN or _part(name) in new | gone or values.get(name) == before.get(name):
            continue
        value = values.get(name, "default")
        short = value if len(value) <= _LONGEST else f"…{value[1 - _LONGEST :]}"
        said.append(f"{name.removeprefix(f'{DOWNSTREAM}.')}={short}")
    return ", ".join([*said[:_MOST], *(["…"] if len(said) > _MOST else [])])


def _part(name: str) -> str:
    """The downstream problem that a parameter belongs to; empty if it belongs to none."""
    first, *others = name.split(".")
    return others[0] if first == DOWNSTREAM and others else ""


def _parts(names: Mapping[str, str]) -> set[str]:
    return {_part(name) for name in names} - {""}


def changed_data(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """`new data: mood, corpus`: the data that differ from those of another run, by the tags."""
    known, found = used_stages(before), used_stages(now)
    changed = [
        Title.parse(title)
        for title in sorted(found)
        if Title.parse(title).stage in _DATA
        and title in known
        and known[title].digest != found[title].digest
    ]
    said = ", ".join(title.label or title.stage for title in changed)
    return f"{_NEW_DATA}{said}" if changed else ""


def without_new_data(name: str) -> str:
    """The name of a run without what it says about its data."""
    return name.partition(" · ")[2] if name.startswith(_NEW_DATA) else name
