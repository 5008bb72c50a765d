"""`temper gc`: list the artifacts in the store, and delete those no longer needed."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from flows.terminal.in_process import FAILED, err, out, stop
from tasks.contract import StageError
from tasks.machinery.freeing.choosing import Choice, Choices, Freeing, Rules, choose
from tasks.machinery.freeing.contents import Item, take_stock
from tasks.machinery.host.home import home, store_folder
from tasks.machinery.host.ledger import used_by_runs
from tasks.machinery.host.space import human, read_size
from tasks.machinery.naming.durations import age
from tasks.machinery.store.store import Store

if TYPE_CHECKING:
    from tasks.machinery.freeing.referred import Referred

_OLD = timedelta(days=30)  # the age in the list's example


def gc(
    older_than: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            max=36_500,
            help="Delete artifacts last used longer ago than this.",
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            parser=_size,
            help="Delete the least recently used until the store is at most this large: 5GB.",
        ),
    ] = None,
    unreferenced: Annotated[
        bool,
        typer.Option("--unreferenced", help="Delete artifacts that no run in MLflow refers to."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without confirmation.")] = False,
) -> None:
    """List the artifacts in the store, or delete those selected by the options.

    Artifacts that a run in progress uses are never deleted; deleted artifacts are recomputed when
    they are needed. Exit status: 0 done, 2 invalid options or no confirmation, 1 MLflow is
    unreachable.
    """
    oldest = None if older_than is None else timedelta(days=older_than)
    rules, store = Rules(oldest, keep, unreferenced), Store(store_folder())
    items = take_stock(store)
    if rules == Rules():
        _list(items)
        return
    choices = choose(items, rules, frozenset(used_by_runs()), _asked(rules), datetime.now(UTC))
    _show(choices)
    held = sum(item.size for item in items)
    if dry_run:
        out.print(f"would delete {human(choices.size)} of {human(held)}", highlight=False)
        return
    if choices.freed and not yes:
        _ask(choices)
    out.print(f"deleted {human(_free(store, choices))} of {human(held)}", highlight=False)


def _size(text: str) -> int:
    try:
        return read_size(text)
    except StageError as error:
        raise typer.BadParameter(str(error)) from None


def _asked(rules: Rules) -> Referred | None:
    """What MLflow's runs refer to, if a rule needs it; the program ends if it is unreachable."""
    if not rules.unreferenced:
        return None
    from tasks.machinery.freeing.referred import referred

    try:
        return referred()
    except StageError as error:
        stop([f"{error}. Nothing was deleted"], FAILED)


def _ask(choices: Choices) -> None:
    if not sys.stdin.isatty():
        stop(["not a terminal, so no confirmation is possible; nothing was deleted. Add --yes"])
    if not typer.confirm(f"Delete {human(choices.size)}?"):
        raise typer.Exit(0)


def _free(store: Store, choices: Choices) -> int:
    """Delete the chosen artifacts, with a progress bar; returns the number of bytes."""
    freeing, freed = Freeing(store), 0
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("deleting", total=choices.size or None)
        for choice in freeing.free(choices.freed):
            freed += choice.item.size
            progress.update(bar, completed=freed)
        left = freeing.tidy()
    if left:
        out.print(f"deleted {human(left)} of checkpoints of complete stages", highlight=False)
    for choice in freeing.kept:
        out.print(f"kept {choice.item.name}: {choice.why}", highlight=False)
    return freed + left


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for name in columns:
        right = name in ("artifacts", "size", "unfinished")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "why")
    return table


def _show(choices: Choices) -> None:
    """Show the artifacts to delete and those kept, with the reasons."""
    for title, chosen in (("to delete", choices.freed), ("kept", choices.kept)):
        if chosen:
            out.print(_choice_table(title, chosen))
            out.print()
    if not choices.freed:
        out.print("nothing to delete")


def _choice_table(title: str, chosen: Sequence[Choice]) -> Table:
    now = datetime.now(UTC)
    table = _table(title, "experiments", "size", "last used", "why")
    for item, why in ((choice.item, choice.why) for choice in chosen):
        name = f"{item.stage} {item.folder.name[:12]}{'' if item.complete else ' (unfinished)'}"
        ago = f"{age(now - item.last_used)} ago"
        table.add_row(name, ", ".join(item.experiments) or "–", human(item.size), ago, why)
    return table


def _list(items: Sequence[Item]) -> None:
    """List the store by stage and by experiment, and what each rule would delete."""
    total = human(sum(item.size for item in items))
    out.print(f"[bold]{total}[/bold] in {home()}/store", highlight=False)
    if not items:
        return
    by_stage, by_experiment = defaultdict[str, list[Item]](list), defaultdict[str, list[Item]](list)
    for item in items:
        by_stage[item.stage].append(item)
        for name in item.experiments or ("–",):
            by_experiment[name].append(item)
    out.print(_summary("stage", by_stage.items()))
    out.print()
    out.print(_summary("experiment", by_experiment.items()))
    out.print("an artifact used by several experiments is counted for each of them\n")
    _predict(items)


def _summary(what: str, groups: Iterable[tuple[str, list[Item]]]) -> Table:
    now = datetime.now(UTC)
    table = _table(what, "artifacts", "unfinished", "size", "last used")
    for name, items in sorted(groups):
        complete = sum(item.complete for item in items)
        table.add_row(
            name,
            f"{complete:,}",
            f"{len(items) - complete:,}" if complete < len(items) else "",
            human(sum(item.size for item in items)),
            f"{age(now - max(item.last_used for item in items))} ago",
        )
    return table


def _predict(items: Sequence[Item]) -> None:
    """Show what each rule would delete."""
    from tasks.machinery.freeing.referred import referred

    used, now = frozenset(used_by_runs()), datetime.now(UTC)
    out.print(f"in use by runs in progress: {len(used)}", highlight=False)
    rules = [
        (f"--older-than {_OLD.days}", Rules(older_than=_OLD)),
        ("--unreferenced", Rules(unreferenced=True)),
        ("--keep 0", Rules(keep=0)),
    ]
    for name, rule in rules:
        try:
            refers = referred() if rule.unreferenced else None
        except StageError as error:
            out.print(f"{name:<16} unknown: {error}", highlight=False, markup=False)
            continue
        choices = choose(items, rule, used, refers, now)
        count = len(choices.freed)
        out.print(f"{name:<16} would delete {count:,}, {human(choices.size)}", highlight=False)
