"""`temper fields`: every field of an experiment, with its default, bounds and unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from flows.terminal.in_process import out, stop
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import Model, accepted_at, fields_at, model_at
from tasks.experiment.variants import extra, in_words
from tasks.machinery.naming.spelling import nearest

PartArgument = Annotated[
    str,
    typer.Argument(metavar="[PART]", help="Only this part or field: pretraining, model.layers, …"),
]


def fields(
    part: PartArgument = "",
    *,
    images: Annotated[
        bool, typer.Option("--images", help="Of an experiment on images instead of text.")
    ] = False,
) -> None:
    """List the fields of an experiment: default, accepted values, and meaning."""
    whole: Model = ImageExperiment if images else Experiment
    every = {".".join(path): path for path in paths((), whole)}
    wanted = _unnamed(part, whole)
    chosen = [path for name, path in every.items() if not part or f"{name}.".startswith(wanted)]
    if not chosen:
        parts = fields_at((), whole)
        hint = nearest(wanted.removesuffix("."), [*parts, *every])
        stop([f"no part or field {part!r}{hint}. Accepted: {', '.join(parts)}, or a field of them"])
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    table.add_column("field", no_wrap=True)
    for column in ("default", "accepted", "counts with", "meaning"):
        table.add_column(column, overflow="fold")
    for path in chosen:
        table.add_row(*row_of(path, whole))
    out.print(table, highlight=False, markup=False)


def _unnamed(part: str, whole: Model) -> str:
    """A part without the name of a problem, which `--set` accepts: downstream.library.epochs."""
    words = part.rstrip(".").split(".")
    known = fields_at(("downstream",), whole)
    if words[0] == "downstream" and len(words) > 1 and words[1] not in known:
        del words[1]
    return f"{'.'.join(words)}."


def paths(path: tuple[str, ...], whole: Model = Experiment) -> Iterator[tuple[str, ...]]:
    """The path of every field with a value, in the order of the form."""
    for name in fields_at(path, whole):
        inner = (*path, name)
        if model_at(inner, whole) is None:
            yield inner
        else:
            yield from paths(inner, whole)


def row_of(path: tuple[str, ...], whole: Model = Experiment) -> list[str]:
    """A field: its default as YAML has it, what it accepts, with what it counts, what it is."""
    model = model_at(path[:-1], whole)
    assert model is not None, path
    info = model.model_fields[path[-1]]
    default = str(info.default).lower() if isinstance(info.default, bool) else str(info.default)
    only = in_words(extra(info).get("only_with", {}))
    meaning = (info.description or "").removesuffix(f" ({only})")
    return [".".join(path), default or '""', accepted_at(path, whole), only, meaning]
