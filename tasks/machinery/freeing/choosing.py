"""Frees space in the store: chooses by rules, and never what something uses.

To choose is pure (`choose`): what the store holds, the rules and what MLflow's runs refer to go in,
and what is to be freed comes out, with the reason. To free (`Freeing`) is safe at any moment: a
folder is moved aside while nobody can take it into use, and deleted afterwards.

    store/.freeing/    what was moved aside; a kill in the middle leaves it for the next time
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.machinery.freeing.contents import Item
from tasks.machinery.host.ledger import freeing_lock, used_by_runs
from tasks.machinery.host.space import human
from tasks.machinery.store.lease import beside
from tasks.machinery.store.store import Store

if TYPE_CHECKING:  # it imports MLflow, which only one of the rules needs
    from tasks.machinery.freeing.referred import Referred


@dataclass(frozen=True)
class Rules:
    """What is to be freed: all that one of the rules names.

    Attributes:
        older_than: what was last used longer ago than this.
        keep: the least recently used artifacts, until the store has no more bytes than this.
        unreferenced: what no living run in MLflow refers to.
    """

    older_than: timedelta | None = None
    keep: int | None = None
    unreferenced: bool = False


@dataclass(frozen=True)
class Choice:
    """Something in the store, and why it is to be freed or kept."""

    item: Item
    why: str


@dataclass(frozen=True)
class Choices:
    """What the rules come to."""

    freed: tuple[Choice, ...]
    kept: tuple[Choice, ...]

    @property
    def size(self) -> int:
        """Bytes that are to be freed."""
        return sum(choice.item.size for choice in self.freed)


def choose(
    items: Sequence[Item],
    rules: Rules,
    used: frozenset[str],
    refers: Referred | None,
    now: datetime,
) -> Choices:
    """What is to be freed, the least recently used first, and what a rule spares and why.

    Args:
        items: what the store holds.
        rules: what is asked for.
        used: the artifacts that runs in progress use.
        refers: what runs in MLflow refer to; needed by the rule `unreferenced` alone.
        now: the time.
    """
    freed, kept = dict[str, Choice](), dict[str, Choice]()
    left = sum(item.size for item in items)
    for item in sorted(items, key=lambda item: (item.last_used, item.name)):
        why = _why(item, rules, refers, now)
        if not why and rules.keep is not None and left > rules.keep and item.complete:
            why = f"the store is to have {human(rules.keep)} at most"
        if why and item.name in used:
            kept[item.name] = Choice(item, "a run in progress uses it")
        elif why:
            freed[item.name] = Choice(item, why)
            left -= item.size
        elif rules.unreferenced and refers is not None and _is_elsewhere(item, refers):
            uri = item.run["tracking_uri"]
            kept[item.name] = Choice(item, f"its run is in another MLflow: {uri}")
    return Choices(tuple(freed.values()), tuple(kept.values()))


def _why(item: Item, rules: Rules, refers: Referred | None, now: datetime) -> str:
    """Why an item is to be freed, whatever the size of the store; empty if it is not."""
    if rules.older_than is not None and now - item.last_used >= rules.older_than:
        return f"last used {days(now - item.last_used)} ago"
    if rules.unreferenced and refers is not None and _is_unreferenced(item, refers):
        return "no run in MLflow refers to it"
    return ""


def days(time: timedelta) -> str:
    """`3 days`, `7 hours`, `2 minutes`: how long ago something was used."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if time >= length:
            return _counted(time // length, unit)
    return _counted(time // timedelta(minutes=1), "minute")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"


def _is_unreferenced(item: Item, refers: Referred) -> bool:
    if item.name in refers.artifacts or _is_elsewhere(item, refers):
        return False
    if item.complete:
        return True
    return bool(item.run) and item.run.get("run_id") not in refers.runs


def _is_elsewhere(item: Item, refers: Referred) -> bool:
    """Whether another MLflow has its run: which nobody can judge from here."""
    return bool(item.run) and item.run.get("tracking_uri") != refers.uri


class Freeing:
    """Frees what was chosen.

    Attributes:
        kept: what turned out to be in use.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.kept = store, list[Choice]()
        self._freeing = store.root / ".freeing"

    def free(self, choices: Sequence[Choice]) -> Iterator[Choice]:
        """Free one after the other; yields each that is gone."""
        for choice in choices:
            refusal = self._move_aside(choice.item)
            if refusal:
                self.kept.append(Choice(choice.item, refusal))
                continue
            self._delete()
            yield choice

    def _move_aside(self, item: Item) -> str:
        """Take an item out of everybody's reach; why not, where something uses it."""
        with freeing_lock():
            if not item.folder.is_dir():
                return "another process has freed it"
            if item.name in used_by_runs():
                return "a run in progress uses it"
            with self.store.locked_now(item.stage, item.folder.name) as whose:
                if whose:
                    return f"in use by {whose}"
                item.folder.rename(self._aside(item))
                beside(item.folder, ".lock").unlink(missing_ok=True)
        return ""

    def _aside(self, item: Item) -> Path:
        """Where nobody looks for it; a full disk has no room for another folder, but for a name."""
        try:
            self._freeing.mkdir(exist_ok=True)
        except OSError:
            return item.folder.with_name(f".{item.folder.name}")
        return self._freeing / uuid.uuid4().hex

    def _delete(self) -> None:
        # Not the folder itself: another process may be about to move something into it.
        for folder in (*self._freeing.glob("*"), *self.store.root.glob("[!.]*/.*/")):
            shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a kill left: folders that were moved aside, and locks of what is gone."""
        self._delete()
        for end in (".lock", ".lease"):
            for file in self.store.root.glob(f"[!.]*/*{end}"):
                self._remove_lock(file.parent.name, file.name.removesuffix(end))

    def _remove_lock(self, stage: str, fingerprint: str) -> None:
        folder = self.store.folder(stage, fingerprint)
        if not folder.exists():
            with self.store.locked_now(stage, fingerprint) as whose:
                if not whose and not folder.exists():  # still: nobody can make it meanwhile
                    beside(folder, ".lock").unlink(missing_ok=True)
