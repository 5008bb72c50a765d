"""Planning: what a run would do, and why, from the same recipe, without computing anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.contract import Stage
from tasks.machinery.execution.offloading import require_offloading
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.title import Title
from tasks.machinery.store.call import Arguments, inputs_of, key_of
from tasks.machinery.store.checkpoints import last_step
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Artifact, Input, Store

_MOST_REASONS = 12
_LONGEST = 80  # characters of a value in a reason
_MOST_CANDIDATES = 200  # artifacts of a stage that are read to explain a plan
_CONTENT = "source.identity."
# How the time of a training grows with a field: with which power of it.
_POWERS = {"steps": 1, "epochs": 1, "batch_size": 1, "sequence_length": 1, "layers": 1}
_POWERS |= {"hidden_size": 2}


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
    _recent: dict[str, list[Artifact]] = field(default_factory=dict)  # by stage
    _unknown: set[str] = field(default_factory=set)  # what is pending and like no earlier artifact

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Add the stage to the plan; its artifact, or one that is pending."""
        require_offloading(arguments)
        key = key_of(stage, arguments)
        fingerprint = digest(key)
        title = str(Title(stage.name, label))
        found = self.store.load(stage.name, fingerprint)
        checkpoints = self.store.folder(stage.name, fingerprint) / "checkpoints"
        begun = 0 if found else last_step(checkpoints)
        comparable = [found] if found else self._comparable(key, stage.module)
        given = [*inputs_of(arguments).values()]
        related = _nearest([each for each in comparable if self._reads_alike(each, given)], key)
        nearest = related or _nearest(comparable, key)
        if related is None:
            self._unknown.add(fingerprint)
        reasons = self._reasons(stage, key, arguments, found, related, begun)
        if found and not reasons:
            self.steps.append(Step(title, stage.name, "cached", [], fingerprint, found.seconds))
            return found
        seconds = scaled(nearest.seconds, nearest.key["part"], key["part"]) if nearest else None
        self.steps.append(Step(title, stage.name, "run", reasons, fingerprint, seconds, begun))
        return pending(stage.name, title, key)

    def _comparable(self, key: dict[str, Any], module: str) -> list[Artifact]:
        """The recent artifacts of the stage that are comparable, the newest first.

        Stages of text and of images have the same names, and are in different modules.
        """
        stage = key["stage"]
        if stage not in self._recent:
            self._recent[stage] = self.store.artifacts(stage, newest=_MOST_CANDIDATES)
        return [
            found
            for found in self._recent[stage]
            if module in found.key["code"] and _comparable(found.key, key)
        ]

    def _reads_alike(self, found: Artifact, given: Sequence[Input]) -> bool:
        """Whether an artifact read one of these inputs, or an earlier version of one.

        If not, it is of another experiment: it tells how long a stage takes, but no reason to run.
        """
        read = set(found.key["inputs"].values())
        return not given or any(
            each.artifact.fingerprint not in self._unknown
            if isinstance(each, PendingInput)
            else each.digest in read
            for each in given
        )

    def _reasons(  # noqa: PLR0917
        self,
        stage: Stage,
        key: dict[str, Any],
        arguments: Arguments,
        found: Artifact | None,
        related: Artifact | None,
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
        if related is None:
            return reasons or ["not in the store"]
        titles = {step.fingerprint: step.title for step in self.steps}
        names = {
            name: titles.get(given.artifact.fingerprint, "")
            for name, given in inputs_of(arguments).items()
        }
        reasons += differences(related.key, key, names)
        if waiting:
            reasons.append(
                f"reads {', '.join(map(str, waiting))} (cached if its bytes stay the same)"
            )
        return reasons


def _nearest(artifacts: Sequence[Artifact], key: dict[str, Any]) -> Artifact | None:
    """The one whose key differs least; among equals, the first."""
    return min(artifacts, key=lambda found: len(differences(found.key, key)), default=None)


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


def _comparable(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two keys are comparable: another problem, or other data, explain nothing.

    Data are other ones if no file has the same name or the same content.
    """
    kinds = [{n: v for n, v in key["part"].items() if n.endswith("problem")} for key in (old, new)]
    if kinds[0] != kinds[1]:
        return False
    before, now = (
        {name: value for name, value in key["part"].items() if _is_content(name)}
        for key in (old, new)
    )
    shared = before.keys() & now.keys() or set(before.values()) & set(now.values())
    return bool(shared) or not now


def _is_content(name: str) -> bool:
    """Whether a field of a source is the digest or version of a part of its content."""
    return name.startswith(_CONTENT) and name != f"{_CONTENT}documents"


def scaled(seconds: float, old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """What an earlier training took, scaled to the steps and the size of another one.

    A step costs about as much as its tokens, its layers and the square of its width. Where the time
    is limited, it takes that at most.

    Args:
        seconds: what the earlier one took.
        old: the values of its key.
        new: the values of the key of the other.
    """
    trains = any(name.endswith(".steps") for name in new)
    for name, value in new.items():
        field_ = name.rpartition(".")[2]
        power = _POWERS.get(field_, 0)
        before = old.get(name)
        if power and value and before and (trains or field_ != "batch_size"):
            seconds *= (float(value) / float(before)) ** power
    minutes = next((v for n, v in new.items() if n.endswith(".minutes")), 0)
    return min(seconds, 60 * float(minutes)) if minutes else seconds


def differences(
    old: dict[str, Any], new: dict[str, Any], titles: Mapping[str, str] | None = None
) -> list[str]:
    """The differences between two keys, old → new, one per line.

    Args:
        old: the earlier key.
        new: the other.
        titles: of the stage that wrote each input, if known.
    """
    lines = []
    for section in ("part", "inputs", "code", "libraries"):
        before, now = old.get(section, {}), new.get(section, {})
        for name in sorted(before.keys() | now.keys()):
            line = _difference(section, name, before.get(name), now.get(name))
            title = (titles or {}).get(name, "") if section == "inputs" else ""
            line = line.replace(f"content of {name}", f"content of {name} ({title})", bool(title))
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
