"""Printing a page to the terminal: tables that fit its width, without figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.console import Console, Group, JustifyMethod
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tasks.pages.document import Document, Grid, Item, Paragraph

MOST_ROWS = 40
_GAP = 2
_WORDY = 30  # a narrower column is not folded


class _LeftHeading(Heading):
    """A heading at the left, as in the file."""

    LEVEL_ALIGN: ClassVar[dict[str, JustifyMethod]] = {**Heading.LEVEL_ALIGN, "h1": "left"}


class LeftMarkdown(Markdown):
    """Markdown whose headings are not centred."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _LeftHeading,
    }


def print_page(page: Document, console: Console, width: int) -> None:
    """Print the sections of a page, except asides."""
    console.print(Text(page.title, style="bold"), width=width)
    for section in page.sections:
        if section.aside or section.is_drawn:
            continue
        console.print()
        console.print(Text(section.title, style="bold underline"), width=width)
        for block in section.blocks:
            if isinstance(block, Paragraph):
                console.print(Text(block.text, style="dim"), width=width, soft_wrap=False)
            elif isinstance(block, Grid):
                _print_grid(block, console, width)
            elif isinstance(block, Item):
                console.print(_item(block), width=width, soft_wrap=False)


def _print_grid(grid: Grid, console: Console, width: int) -> None:
    """Print a table in parts that fit; only the first rows of a long table."""
    shown = Grid(grid.header, grid.rows[:MOST_ROWS], grid.turns)
    for part in fitting(shown, width):
        console.print(as_table(part, width), width=width, soft_wrap=False)
    if any(cell.strong for row in shown.rows for cell in row):
        console.print(Text(f"* {grid.strong}", "green"), width=width)
    hidden = len(grid.rows) - len(shown.rows)
    if hidden:
        console.print(Text(f"… and {hidden} more: write them to a file (see --help)", "dim"))


def fitting(grid: Grid, width: int) -> Iterator[Grid]:
    """The table, or its transpose if that fits; otherwise parts, each with the first column."""
    if width_of(grid) <= width or _folds(grid, width):
        yield grid
        return
    if grid.turns and grid.rows and width_of(grid.transposed()) <= width:
        yield grid.transposed()
        return
    yield from _parts(grid, width)


def _parts(grid: Grid, width: int) -> Iterator[Grid]:
    """As few parts as possible, with equally many columns if that fits."""
    sizes = column_widths(grid)
    spans = _packed(sizes, width)
    each = -(-(len(sizes) - 1) // len(spans))
    even = [(s, min(s + each, len(sizes))) for s in range(1, len(sizes), each)]
    if all(_width(sizes, *span) <= width for span in even):
        spans = even
    for start, end in spans:
        yield Grid(
            [grid.header[0], *grid.header[start:end]],
            [[row[0], *row[start:end]] for row in grid.rows],
        )


def _packed(sizes: Sequence[int], width: int) -> list[tuple[int, int]]:
    """First and last-plus-one column of each part, filled greedily."""
    spans, start = [], 1
    while start < len(sizes):
        end = start + 1
        while end < len(sizes) and _width(sizes, start, end + 1) <= width:
            end += 1
        spans.append((start, end))
        start = end
    return spans


def _width(sizes: Sequence[int], start: int, end: int) -> int:
    return sizes[0] + sum(sizes[start:end]) + _GAP * (end - start)


def _folds(grid: Grid, width: int) -> bool:
    """Whether the table fits once its last column, if it has sentences, is folded."""
    sizes = column_widths(grid)
    return sizes[-1] > _WORDY and width_of(grid) - sizes[-1] + _WORDY <= width


def column_widths(grid: Grid) -> list[int]:
    """The widest text of each column, including the mark of the best."""
    columns = zip(*grid.rows, strict=True) if grid.rows else [()] * len(grid.header)
    return [
        max([len(name), *(len(cell.text) + 2 * cell.strong for cell in cells)])
        for name, cells in zip(grid.header, columns, strict=True)
    ]


def width_of(grid: Grid) -> int:
    """The width of a table."""
    sizes = column_widths(grid)
    return sum(sizes) + _GAP * (len(sizes) - 1)


def as_table(grid: Grid, width: int) -> Table:
    """The table as a `rich` table."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    folds = width_of(grid) > width
    for number, name in enumerate(grid.header):
        last = number == len(grid.header) - 1
        table.add_column(name, no_wrap=not (folds and last), overflow="fold")
    for row in grid.rows:
        table.add_row(
            *(
                Text(f"{cell.text} *" if cell.strong else cell.text, "green" if cell.strong else "")
                for cell in row
            )
        )
    return table


def _item(item: Item) -> Group:
    facts: Sequence[Text] = [
        Text.assemble((f"{name:<6}", "bold"), f"{mark} " if mark else "", said)
        for name, said, mark in item.facts
    ]
    body = Group(Text(item.text), *facts)
    return Group(Text(item.title, style="cyan"), Padding(body, (0, 0, 0, 2)))
