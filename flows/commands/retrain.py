"""`temper retrain`, `history`, `promote`, `rollback`: a registered model and its champion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from flows.commands.arguments import ExperimentArgument, SetOption, VerifyOption
from flows.terminal.in_process import FAILED, err, in_process, out, require_writable, stop
from flows.terminal.results_files import write_whole
from tasks.contract import StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.retraining import Rule
from tasks.machinery.host.home import make_home
from tasks.machinery.servers.reachable import require_reachable_servers
from tasks.machinery.tracking.decisions import WORDS, Recorded, before, why_it_lost

if TYPE_CHECKING:
    from tasks.machinery.tracking.registry import Registry

USUAL = Rule()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of a registered model.")]


def _told(field: str) -> Any:
    """The option of a field of the rule."""
    return typer.Option(help=f"{Rule.model_fields[field].description}.")


def retrain(
    experiment: ExperimentArgument = "demo",
    *,
    problem: Annotated[
        str,
        typer.Option(help="The downstream problem whose fine-tuned model is the challenger."),
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the registered model in MLflow.")
    ],
    settings: SetOption = [],  # noqa: B006  (typer reads the default and never changes it)
    minimum_gain: Annotated[float, _told("minimum_gain")] = USUAL.minimum_gain,
    confidence: Annotated[float, _told("confidence")] = USUAL.confidence,
    bootstrap_samples: Annotated[int, _told("bootstrap_samples")] = USUAL.bootstrap_samples,
    worst_class_loss: Annotated[float, _told("worst_class_loss")] = USUAL.worst_class_loss,
    worst_slice_loss: Annotated[float, _told("worst_slice_loss")] = USUAL.worst_slice_loss,
    verify: VerifyOption = "quick",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Also write the decision as JSON.", dir_okay=False),
    ] = None,
) -> None:
    """Run the experiment if anything is new; promote its model if it beats the champion.

    Exit status: 0 decided, or nothing new; 1 a stage failed; 2 the experiment is invalid;
    130 interrupted.
    """
    from flows.presets.loading import load_any
    from flows.runs.rule_bounds import require_bounds
    from tasks.experiment.retraining import problem_of, require_name, rule_of

    try:
        chosen = load_any(experiment, settings)
        kind = problem_of(chosen, problem).kind
        require_name(model)
        rule = rule_of(
            minimum_gain=minimum_gain,
            confidence=confidence,
            bootstrap_samples=bootstrap_samples,
            worst_class_loss=worst_class_loss,
            worst_slice_loss=worst_slice_loss,
        )
        require_bounds(rule, kind)
    except InvalidExperimentError as error:
        stop(error.lines)
    require_writable("--output", output)

    def call() -> Any:
        from flows.retrain import retrain as on_texts
        from flows.retrain_images import retrain_images as on_images

        flow: Any = on_images if isinstance(chosen, ImageExperiment) else on_texts
        state = flow(chosen, problem, model, rule, verify, return_state=True)
        return state.message, state.result()

    message, result = in_process(call)
    if "page" in result:
        out.print()
        out.print(Markdown(result["page"]), soft_wrap=False)
        out.print()
    out.print(message, highlight=False, markup=False)
    if output is not None:
        write_whole(output, json.dumps(result | {"message": message}, indent=2) + "\n")


def history(name: NameArgument) -> None:
    """List every decision about a registered model: what, why, by how much, by whom, when."""
    with registered(name) as registry:
        decisions, aliases = registry.decisions(), registry.aliases()
        outside = {str(each.version) for each in registry.versions()} - {
            each.version for each in decisions
        }
    out.print(f"[bold]{name}[/bold]  champion: {_aliased(aliases, 'champion')}", highlight=False)
    if decisions:
        out.print(history_table(decisions))
    if outside:
        listed = ", ".join(sorted(outside, key=int))
        out.print(f"versions without a decision by Temper: {listed}", highlight=False)
    last = decisions[-1].champion if decisions else ""
    if aliases.get("champion", "") != last:
        out.print("the champion was changed in MLflow after the last decision", style="yellow")


def _aliased(aliases: dict[str, str], alias: str) -> str:
    return f"version {aliases[alias]}" if alias in aliases else "none"


def history_table(decisions: list[Recorded]) -> Table:
    """The decisions, one per line, the oldest first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for column in ("#", "when", "version", "outcome", "gain", "champion", "by"):
        table.add_column(column, no_wrap=True)
    table.add_column("why")
    for each in decisions:
        style = {"kept": "yellow", "refused": "yellow"}.get(each.outcome, "green")
        before = each.champion_before or "–"
        moved = before if each.champion == each.champion_before else f"{before} → {each.champion}"
        table.add_row(
            str(each.number),
            f"{each.when.astimezone():%Y-%m-%d %H:%M}",
            each.version,
            Text(WORDS[each.outcome], style=style),
            each.gain_text,
            moved,
            each.by,
            Text(each.brief),
        )
    return table


def promote(
    name: NameArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The new champion.")],
) -> None:
    """Make a version the champion by hand; the former champion becomes `previous`."""
    with registered(name) as registry, registry.alone():
        registry.version(version)
        champion = registry.champion()
        if version == champion:
            raise StageError(f"version {version} of {name} is already the champion")
        lost = why_it_lost(version, registry.decisions())
        _by_hand(registry, version, "by hand", champion, lost)
        if lost:
            err.print(f"temper: note: {lost[0]}", style="yellow", markup=False, highlight=False)


def rollback(name: NameArgument) -> None:
    """Restore the previous champion; a second time, the one before that."""
    with registered(name) as registry, registry.alone():
        champion, previous = registry.champion(), registry.previous()
        if previous in ("", champion):
            names = ", ".join(str(each.version) for each in registry.versions())
            raise StageError(
                f"{name} has no previous champion to roll back to: choose a version with "
                f"`temper promote {name} VERSION`. Accepted: {names}"
            )
        _by_hand(registry, previous, "rolled back", before(previous, registry.decisions()))
        out.print(f"version {champion} will not be promoted automatically again", highlight=False)


def _by_hand(
    registry: Registry, version: str, outcome: str, previous: str, remarks: Sequence[str] = ()
) -> None:
    from flows.runs.triggered_by import person

    champion = registry.champion()
    decision = Recorded(
        number=registry.next_number(),
        version=version,
        outcome=outcome,
        by=person(),
        when=datetime.now(UTC),
        reasons=[*remarks, f"by hand: version {version} instead of {champion or 'none'}"],
        champion_before=champion,
        champion=version,
        previous=previous,
    )
    registry.record(decision)
    out.print(
        f"version {version} is the champion of {registry.name} (models:/{registry.name}@champion)",
        highlight=False,
    )


@contextmanager
def registered(name: str) -> Iterator[Registry]:
    """An existing registered model; a mistake ends the program."""
    try:
        make_home()
        require_reachable_servers(prefect=False)
        with err.status("querying MLflow …"):
            from tasks.machinery.tracking.registry import Registry
            from tasks.machinery.tracking.tracking import Tracking

            registry = Registry(Tracking("").client, name)
            registry.require()
        yield registry
    except StageError as error:
        stop([str(error)], FAILED)
