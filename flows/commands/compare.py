"""`temper compare` and `temper leaderboard`: past runs side by side, and all of them ranked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.calls.comparing import compared
from flows.terminal.in_process import FAILED, INVALID, err, require_writable, stop
from flows.terminal.results_files import write_whole
from tasks.comparison.past_run import UnknownRunError
from tasks.contract import StageError, UnreachableError
from tasks.machinery.host.home import store_folder

if TYPE_CHECKING:
    from tasks.pages.document import Document

WIDTH = 120  # of the output if it is not a terminal

out = Console(width=None if sys.stdout.isatty() else WIDTH)

MarkdownOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.md", help="Also write it as Markdown.", dir_okay=False),
]
BoardOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE.json",
        help="Also write it as JSON: `groups` of the same test data, each with `rows`.",
        dir_okay=False,
    ),
]
JsonOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE.json", help="Also write it as JSON.", dir_okay=False),
]


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Runs of experiments, by name, id or the start of an id. Default: the last 2 of "
            "the experiment that ran last.",
            show_default=False,
        ),
    ] = [],  # noqa: B006  (typer reads the default and never changes it)
    *,
    last: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="The last N finished runs.", show_default=False),
    ] = 0,
    narrowed: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="FILTER",
            help="Select runs by a filter of MLflow: 'params.`model.layers` = \"2\"'.",
        ),
    ] = "",
    experiment: Annotated[
        str, typer.Option(metavar="NAME", help="Only runs of this experiment.")
    ] = "",
    examples: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="How many rows to show per problem where the runs disagree."
        ),
    ] = 10,
    watts: Annotated[
        float | None,
        typer.Option(
            metavar="W",
            min=0.1,
            help="Power of the processors at full load. Default: 12 W for each core of this "
            "machine.",
        ),
    ] = None,
    markdown: MarkdownOption = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Also write it as one file for a browser.", dir_okay=False
        ),
    ] = None,
    as_json: JsonOption = None,
) -> None:
    """Compare runs: what differs, the results, whether they differ significantly, and the cost.

    Exit status: 0 done, 2 not two known runs, 1 MLflow is unreachable.
    """
    files = {"--markdown": markdown, "--html": html, "--json": as_json}
    _require_folders(files)
    with _answering(), err.status("querying MLflow …") as status:
        from tasks.comparison.as_json import as_json as json_of
        from tasks.comparison.page import page_of
        from tasks.pages.document import write_markdown
        from tasks.pages.html import to_html

        comparison = compared(
            runs,
            last=last,
            narrowed=narrowed,
            experiment=experiment,
            examples=examples,
            watts=watts,
            say=lambda text: status.update(f"{text} …"),
        )
        page = page_of(comparison, figures=bool(markdown or html))
        if markdown:
            write_markdown(page, markdown)
        if html:
            write_whole(html, to_html(page))
        if as_json:
            _write_json(as_json, json_of(comparison))
    _show(page, files)


def leaderboard(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT", help="Only its runs. Default: all.", show_default=False
        ),
    ] = "",
    metric: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Rank by this metric: library/accuracy, pretraining/validation_loss. Default: the "
            "headline metric of each problem.",
        ),
    ] = "",
    markdown: MarkdownOption = None,
    as_json: BoardOption = None,
) -> None:
    """Rank all finished runs of experiments: a row per setting, a table per set of test data.

    Exit status: 0 done, 2 no such experiment or metric, 1 MLflow is unreachable.
    """
    files = {"--markdown": markdown, "--json": as_json}
    _require_folders(files)
    with _answering(), err.status("querying MLflow …"):
        from tasks.comparison.past_runs import PastRuns, seconds_of
        from tasks.comparison.ranking.leaderboard import (
            fold,
            grouped,
            metrics_to_rank,
            with_seconds,
        )
        from tasks.comparison.ranking.page import leaderboard_json, leaderboard_page
        from tasks.machinery.store.store import Store
        from tasks.pages.document import write_markdown

        past = PastRuns()
        entries = fold(past.experiments_runs(experiment))
        if not entries:
            raise UnknownRunError("no run of an experiment has finished yet: run `temper run`")
        runs = [run for entry in entries for run in entry.runs]
        names = metrics_to_rank(runs, metric)
        spent = seconds_of(runs, past, Store(store_folder()))
        groups = grouped(with_seconds(entries, spent), names)
        page = leaderboard_page(groups, experiment or "All experiments")
        if markdown:
            write_markdown(page, markdown)
        if as_json:
            _write_json(as_json, leaderboard_json(groups))
    _show(page, files)


def _show(page: Document, files: dict[str, Path | None]) -> None:
    """Print a page, and the files that it was written to."""
    from flows.terminal.pages import print_page

    print_page(page, out, out.width)
    for file in files.values():
        if file:
            out.print(f"written: {file}", markup=False, highlight=False, soft_wrap=True)


def _write_json(file: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(file, text + "\n")


def _require_folders(files: dict[str, Path | None]) -> None:
    for option, file in files.items():
        require_writable(option, file)


@contextmanager
def _answering() -> Iterator[None]:
    """End the program with a message, without a traceback, on a mistake in the arguments."""
    from tasks.comparison.ranking.leaderboard import UnknownMetricError

    try:
        yield
    except (UnknownRunError, UnknownMetricError) as error:
        stop([str(error)])
    except StageError as error:
        stop([str(error)], FAILED if isinstance(error, UnreachableError) else INVALID)
    except OSError as error:
        from tasks.machinery.tracking.outage import is_outage, reason

        if is_outage(error):
            stop([f"MLflow became unreachable: {reason(error)}"], FAILED)
        stop([f"cannot write {error.filename}: {error.strerror}"], FAILED)
