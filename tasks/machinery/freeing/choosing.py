"""Deleting artifacts from the store by rules, never those in use.

Choosing is pure (`choose`): from the contents of the store, the rules, and the references of
MLflow's runs to the artifacts to delete, with reasons. Deleting (`Freeing`) is safe at any moment:
a folder is renamed while no process can start to use it, and deleted afterwards.

    store/.freeing/    renamed folders; those left by a kill are deleted the next time
"""

from __future__ import annotations

import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.machinery.freeing.contents import Item
from tasks.machinery.host.ledger import freeing_lock, used_by_runs
from tasks.machinery.host.space import human
from tasks.machinery.naming.durations import age
from tasks.machinery.store import rebuilding
from tasks.machinery.store.lease import beside
from tasks.machinery.store.store import Store

if TYPE_CHECKING:  # it imports MLflow, which only one of the rules needs
    from tasks.machinery.freeing.referred import Referred


@dataclass(frozen=True)
class Rules:
    """What to delete: everything that at least one of the rules selects.

    Attributes:
        older_than: artifacts last used longer ago than this.
        keep: the least recently used artifacts, until the store is at most this many bytes.
        unreferenced: artifacts that no existing run in MLflow refers to.
    """

    older_than: timedelta | None = None
    keep: int | None = None
    unreferenced: bool = False


@dataclass(frozen=True)
class Choice:
    """An item of the store, and why it is to be deleted or kept."""

    item: Item
    why: str


@dataclass(frozen=True)
class Choices:
    """The result of applying the rules."""

    freed: tuple[Choice, ...]
    kept: tuple[Choice, ...]

    @property
    def size(self) -> int:
        """Bytes to be deleted."""
        return sum(choice.item.size for choice in self.freed)


def choose(
    items: Sequence[Item],
    rules: Rules,
    used: frozenset[str],
    refers: Referred | None,
    now: datetime,
) -> Choices:
    """The items to delete, the least recently used first, and the items kept, with reasons.

    Args:
        items: the contents of the store.
        rules: the rules to apply.
        used: the artifacts that runs in progress use.
        refers: what runs in MLflow refer to; needed only by the rule `unreferenced`.
        now: the current time.
    """
    freed, kept = dict[str, Choice](), dict[str, Choice]()
    left = sum(item.size for item in items)
    needing = _needing(items)
    for item in sorted(items, key=lambda item: _use(item, needing)):
        why = _why(item, rules, refers, now)
        if not why and rules.keep is not None and left > rules.keep and item.complete:
            why = f"the store is limited to {human(rules.keep)}"
        if why and item.name in used:
            kept[item.name] = Choice(item, "a run in progress uses it")
        elif why and (stays := [each for each in needing[item.name] if each.name not in freed]):
            other = stays[0].name
            kept[item.name] = Choice(item, f"{other} is stored without it, and is rebuilt from it")
        elif why:
            freed[item.name] = Choice(item, why)
            left -= item.size
        elif rules.unreferenced and refers is not None and _is_elsewhere(item, refers):
            uri = item.run["tracking_uri"]
            kept[item.name] = Choice(item, f"its run is in another MLflow: {uri}")
    return Choices(tuple(freed.values()), tuple(kept.values()))


def _needing(items: Sequence[Item]) -> defaultdict[str, list[Item]]:
    """The items that are rebuilt from another, by the name of that."""
    needing = defaultdict[str, list[Item]](list)
    for item in items:
        if item.needs:
            needing[item.needs].append(item)
    return needing


def _use(item: Item, needing: Mapping[str, list[Item]]) -> tuple[datetime, int, str]:
    """The order of items, the least recently used first.

    Who uses one that is rebuilt uses what it is rebuilt from too, which comes after it.
    """
    others = [_use(other, needing) for other in needing.get(item.name, [])]
    latest = max([item.last_used, *(each[0] for each in others)])
    return latest, 1 + max((each[1] for each in others), default=0), item.name


def _why(item: Item, rules: Rules, refers: Referred | None, now: datetime) -> str:
    """Why an item is to be deleted, regardless of the store's size; empty if it is not."""
    if rules.older_than is not None and now - item.last_used >= rules.older_than:
        return f"last used {age(now - item.last_used)} ago"
    if rules.unreferenced and refers is not None and _is_unreferenced(item, refers):
        return "no run in MLflow refers to it"
    return ""


def _is_unreferenced(item: Item, refers: Referred) -> bool:
    if item.name in refers.artifacts or _is_elsewhere(item, refers):
        return False
    if item.complete:
        return True
    return bool(item.run) and item.run.get("run_id") not in refers.runs


def _is_elsewhere(item: Item, refers: Referred) -> bool:
    """Whether another MLflow has its run, so that its references are unknown here."""
    return bool(item.run) and item.run.get("tracking_uri") != refers.uri


class Freeing:
    """Deletes the chosen items.

    Attributes:
        kept: the items that turned out to be in use.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.kept = store, list[Choice]()
        self._freeing = store.root / ".freeing"

    def free(self, choices: Sequence[Choice]) -> Iterator[Choice]:
        """Delete one after the other; yields each deleted choice."""
        for choice in choices:
            refusal = self._move_aside(choice.item)
            if refusal:
                self.kept.append(Choice(choice.item, refusal))
                continue
            self._delete()
            yield choice

    def _move_aside(self, item: Item) -> str:
        """Rename an item so that no process finds it; returns the reason if it is in use."""
        with freeing_lock():
            if not item.folder.is_dir():
                return "another process has deleted it"
            if item.name in used_by_runs():
                return "a run in progress uses it"
            with self.store.locked_now(item.stage, item.folder.name) as whose:
                if whose:
                    return f"in use by {whose}"
                item.folder.rename(self._aside(item))
                beside(item.folder, ".lock").unlink(missing_ok=True)
        return ""

    def _aside(self, item: Item) -> Path:
        """A path where no process looks. On a full disk, where no folder fits, a hidden name."""
        try:
            self._freeing.mkdir(exist_ok=True)
        except OSError:
            return item.folder.with_name(f".{item.folder.name}")
        return self._freeing / uuid.uuid4().hex

    def _delete(self) -> None:
        # Not the folder itself: another process may be moving something into it.
        for folder in (*self._freeing.glob("*"), *self.store.root.glob("[!.]*/.*/")):
            shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> int:
        """Delete what a kill left: renamed folders, locks of deleted artifacts, checkpoints.

        Returns:
            The bytes of what complete artifacts still had of their computation.
        """
        self._delete()
        rebuilding.tidy(self.store.root)
        left = sum(self.store.clean(folder) for folder in self.store.root.glob("[!.]*/[!.]*/"))
        for end in (".lock", ".lease"):
            for file in self.store.root.glob(f"[!.]*/*{end}"):
                self._remove_lock(file.parent.name, file.name.removesuffix(end))
        return left

    def _remove_lock(self, stage: str, fingerprint: str) -> None:
        folder = self.store.folder(stage, fingerprint)
        if not folder.exists():
            with self.store.locked_now(stage, fingerprint) as whose:
                if not whose and not folder.exists():  # the lock excludes its creation meanwhile
                    beside(folder, ".lock").unlink(missing_ok=True)
