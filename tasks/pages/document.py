"""The parts of a page, to be written as Markdown, as HTML or to a terminal."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.machinery.naming.markdown import escaped

_NUMBER = re.compile(r"[-+<≥–]* ?\d[\d.,e+-]*( \[.*\])?$|–$")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table; the table's `strong` says what a strong cell means."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; the first column names its rows.

    Attributes:
        turns: it may be transposed if it is too wide.
        strong: what its strong cells mean.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    turns: bool = True
    strong: str = "the best"

    @property
    def wordy(self) -> list[bool]:
        """Which columns are words, not numbers: those are left-aligned."""
        columns = zip(*self.rows, strict=True) if self.rows else ()
        return [any(not _NUMBER.match(cell.text) for cell in cells) for cells in columns]

    def transposed(self) -> Grid:
        """The same with rows and columns exchanged."""
        columns = list(zip(*self.rows, strict=True))
        header = [self.header[0], *(cell.text for cell in columns[0])]
        rows = [
            [Cell(name), *cells] for name, cells in zip(self.header[1:], columns[1:], strict=True)
        ]
        return Grid(header, rows)


@dataclass(frozen=True)
class Picture:
    """A figure, with an alternative text."""

    name: str
    words: str
    png: bytes

    @property
    def data_uri(self) -> str:
        """The figure as a data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Item:
    """An example: a text, and facts about it; a fact is a name, a text, and a mark."""

    title: str
    text: str
    facts: Sequence[tuple[str, str, str]]


Block = Paragraph | Grid | Picture | Item


@dataclass(frozen=True)
class Section:
    """A part with a heading; an `aside` section is omitted where there is little room."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    aside: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether it is figures, and words about them."""
        kinds = {type(block) for block in self.blocks}
        return Picture in kinds and kinds <= {Picture, Paragraph}


@dataclass(frozen=True)
class Document:
    """A page."""

    title: str
    sections: list[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All figures of the page."""
        return [b for section in self.sections for b in section.blocks if isinstance(b, Picture)]


def to_markdown(page: Document, place: Callable[[Picture], str] | None) -> str:
    """The page as Markdown.

    Args:
        page: what to write.
        place: returns the address of a figure; None omits the figures, and what is about them.
    """
    parts = [f"# {escaped(page.title)}"]
    for section in page.sections:
        if place is None and section.is_drawn:
            continue
        parts.append(f"## {escaped(section.title)}")
        for block in section.blocks:
            if not isinstance(block, Picture):
                parts.append(_as_markdown(block))
            elif place is not None:
                parts.append(f"![{escaped(block.words)}]({place(block)})")
    return "\n\n".join(parts) + "\n"


def _as_markdown(block: Paragraph | Grid | Item) -> str:
    if isinstance(block, Paragraph):
        return escaped(block.text)
    if isinstance(block, Item):
        lines = [f"**{escaped(block.title)}**", f"> {escaped(block.text)}"]
        facts = [f"- {escaped(name)}: {mark} {escaped(said)}" for name, said, mark in block.facts]
        return "\n\n".join([*lines, "\n".join(facts)])
    lines = [_line([escaped(name) for name in block.header])]
    lines.append(_line(["---" if words else "---:" for words in block.wordy]))
    lines += [_line([as_cell(cell) for cell in row]) for row in block.rows]
    return "\n".join(lines)


def as_cell(cell: Cell) -> str:
    """A cell of a table in Markdown."""
    return f"**{escaped(cell.text)}**" if cell.strong else escaped(cell.text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write_markdown(page: Document, file: Path) -> None:
    """Write the page, with its figures in a folder beside it."""
    folder = file.with_name(f"{file.stem}-figures")
    for picture in page.pictures:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / picture.name).write_bytes(picture.png)
    text = to_markdown(page, lambda picture: f"{folder.name.replace(' ', '%20')}/{picture.name}")
    file.write_text(text, encoding="utf-8")
