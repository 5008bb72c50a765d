"""`temper fields`: every field of an experiment, with its default, bounds and unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from flows.in_process import out, stop
from tasks.mistakes import accepted_at, fields_at, model_at
from tasks.spelling import nearest

PartArgument = Annotated[
    str,
    typer.Argument(metavar="[PART]", help="Only this part or field: pretraining, model.layers, …"),
]


def fields(part: PartArgument = "") -> None:
    """List the fields of an experiment: default, what is accepted, and what each means."""
    chosen = [path for path in paths(()) if f"{'.'.join(path)}.".startswith(f"{part}.") or not part]
    if not chosen:
        known = fields_at(())
        stop([f"no part or field {part!r}{nearest(part, known)}. Accepted: {', '.join(known)}"])
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    table.add_column("field", no_wrap=True)
    for column in ("default", "accepted", "meaning"):
        table.add_column(column, overflow="fold")
    for path in chosen:
        table.add_row(*row_of(path))
    out.print(table, highlight=False, markup=False)


def paths(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The path of every field that holds a value, in the order of the form."""
    for name in fields_at(path):
        inner = (*path, name)
        if model_at(inner) is None:
            yield inner
        else:
            yield from paths(inner)


def row_of(path: tuple[str, ...]) -> list[str]:
    """A field, its default, what it accepts and what it is, with its unit."""
    model = model_at(path[:-1])
    assert model is not None, path
    info = model.model_fields[path[-1]]
    default = str(info.default) or '""'
    return [".".join(path), default, accepted_at(path), info.description or ""]
