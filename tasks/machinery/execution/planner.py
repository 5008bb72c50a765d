"""Planning: what a run would do, and why, from the same recipe, without computing anything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.contract import Stage
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.title import Title
from tasks.machinery.store.call import Arguments, inputs_of, key_of
from tasks.machinery.store.checkpoints import last_step
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Artifact, Input, Store

_MOST_REASONS = 12
_LONGEST = 80  # characters of a value in a reason


class PendingInput(Input):
    """An input that is not computed yet: its content is unknown."""

    @property
    def digest(self) -> str:
        """A placeholder: the digest is unknown before it is computed."""
        return f"pending {self.artifact.fingerprint}"

    def __truediv__(self, name: str) -> Input:
        """A part of it is pending too."""
        return self

    def only(self, *names: str) -> Input:  # noqa: ARG002
        """Some files of it are pending too."""
        return self

    without = only


class PendingArtifact(Artifact):
    """The artifact of a stage that has not run yet."""

    @property
    def whole(self) -> Input:
        """All of it is pending."""
        return PendingInput(path=self.path, files={}, artifact=self)


@dataclass
class Step:
    """A line of a plan.

    Attributes:
        title: the stage, with the problem it is about.
        state: `cached`, or `run`.
        reasons: why it runs.
        seconds: how long it, or the nearest earlier run, took; None if there is none.
        begun: the step that it resumes from, if it was interrupted.
    """

    title: str
    name: str
    state: str
    reasons: list[str]
    fingerprint: str
    seconds: float | None
    begun: int = 0


@dataclass
class Planner:
    """Predicts each stage of a recipe: cached or run, and why."""

    store: Store
    refresh: frozenset[str] = frozenset()
    steps: list[Step] = field(default_factory=list)

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Add the stage to the plan; its artifact, or one that is pending."""
        key = key_of(stage, arguments)
        fingerprint = digest(key)
        title = str(Title(stage.name, label))
        found = self.store.load(stage.name, fingerprint)
        checkpoints = self.store.folder(stage.name, fingerprint) / "checkpoints"
        begun = 0 if found else last_step(checkpoints)
        reasons = self._reasons(stage, key, arguments, found, begun)
        if found and not reasons:
            self.steps.append(Step(title, stage.name, "cached", [], fingerprint, found.seconds))
            return found
        nearest = found or nearest_artifact(self.store, key)
        seconds = nearest.seconds if nearest else None
        self.steps.append(Step(title, stage.name, "run", reasons, fingerprint, seconds, begun))
        return pending(stage.name, title, key)

    def _reasons(
        self,
        stage: Stage,
        key: dict[str, Any],
        arguments: Arguments,
        found: Artifact | None,
        begun: int,
    ) -> list[str]:
        """Why the stage would run; empty if it would not."""
        if stage.name in self.refresh:
            return ["requested by --refresh"]
        if found:
            damage = found.damage()
            return [damage] if damage else []
        waiting = sorted(
            {
                given.artifact.facts["title"]
                for given in inputs_of(arguments).values()
                if isinstance(given, PendingInput)
            },
            key=str,
        )
        reasons = [f"was interrupted: resumes from step {begun:,}"] if begun else []
        nearest = nearest_artifact(self.store, key)
        if nearest is None:
            return reasons or ["not in the store"]
        reasons += differences(nearest.key, key)
        if waiting:
            reasons.append(
                f"reads {', '.join(map(str, waiting))} (cached if its bytes stay the same)"
            )
        return reasons


def pending(name: str, title: str, key: dict[str, Any]) -> PendingArtifact:
    """The artifact that a stage will have."""
    return PendingArtifact(
        stage=name,
        fingerprint=digest(key),
        folder=Path(name),
        key=key,
        files={},
        sizes={},
        metrics={},
        facts={"title": title},
        seconds=0.0,
    )


def nearest_artifact(store: Store, key: dict[str, Any]) -> Artifact | None:
    """The earlier artifact of the stage whose key differs least; among equals, the newest."""
    candidates = [found for found in store.artifacts(key["stage"]) if _comparable(found.key, key)]
    return min(candidates, key=lambda found: len(differences(found.key, key)), default=None)


def _comparable(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two keys are comparable: a run of another problem explains nothing."""
    kinds = [{n: v for n, v in key["part"].items() if n.endswith("problem")} for key in (old, new)]
    return kinds[0] == kinds[1]


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The differences between two keys, old → new, one per line."""
    lines = []
    for section in ("part", "inputs", "code", "libraries"):
        before, now = old.get(section, {}), new.get(section, {})
        for name in sorted(before.keys() | now.keys()):
            line = _difference(section, name, before.get(name), now.get(name))
            if line:
                lines.append(line)
    return lines


def _difference(section: str, name: str, before: Any, now: Any) -> str:
    """One difference, or "" if there is none to show."""
    if before == now or (section == "inputs" and str(now).startswith("pending")):
        return ""
    if section == "part":
        return f"{name}: {_shown(before)} → {_shown(now)}"
    if section == "libraries":
        return f"library {name}: {_shown(before)} → {_shown(now)}"
    if section == "code":
        return f"code of {name} changed: {_short(before)} → {_short(now)}"
    return f"content of {name} changed: {_short(before)} → {_short(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    text = str(value)
    if re.fullmatch("[0-9a-f]{40,64}", text):
        return text[:8]
    line = text.partition("\n")[0]
    return cut(line if line == text else f"{line}…", _LONGEST)


def _short(value: Any) -> str:
    return "absent" if value is None else str(value)[:8]


def shortened(reasons: list[str]) -> list[str]:
    """The first few reasons, and how many more there are."""
    more = len(reasons) - _MOST_REASONS
    return reasons if more <= 1 else [*reasons[:_MOST_REASONS], f"and {more} more"]
