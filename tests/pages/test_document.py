"""Pages: one file without anything from outside, and tables that fit the terminal."""

import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from flows.terminal.pages import fitting, print_page, width_of
from tasks.pages.document import (
    Cell,
    Document,
    Grid,
    Item,
    Paragraph,
    Picture,
    Section,
    to_markdown,
)
from tasks.pages.html import to_html

EVIL = "a|b <script>alert(1)</script> *x* [y](http://evil)\nnew line & more"
PNG = b"\x89PNG\r\n\x1a\n..."


def grid(columns, rows=3, wide=20):
    header = ["metric", *(f"run{i}" for i in range(columns))]
    body = [
        [Cell(f"m{r}"), *(Cell("9" * wide, i == 0) for i in range(columns))] for r in range(rows)
    ]
    return Grid(header, body)


def page(*blocks):
    return Document("A page", [Section("Part", list(blocks))])


class Outline(HTMLParser):
    """The elements of a page; fails where one is not closed."""

    EMPTY = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_text_from_data_stays_text():
    found = page(
        Paragraph(EVIL),
        Grid(["a", EVIL], [[Cell(EVIL), Cell("1")]]),
        Item(EVIL, EVIL, [(EVIL, EVIL, "")]),
    )
    html = to_html(found)
    assert {tag for tag, _ in Outline(html).seen}.isdisjoint({"script", "a", "b", "i", "em"})
    markdown = to_markdown(found, None)
    assert "<script>" not in markdown.replace("\\<script\\>", "")
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


def test_figures_are_inside_the_html():
    html = to_html(page(Picture("a.png", "what it shows", PNG)))
    [(_, image)] = [each for each in Outline(html).seen if each[0] == "img"]
    assert image["src"].startswith("data:image/png;base64,")
    assert image["alt"] == "what it shows"


@pytest.mark.parametrize("columns", [1, 2, 4, 9, 30])
def test_tables_fit_the_width_and_lose_nothing(columns):
    wide = grid(columns)
    parts = list(fitting(wide, 120))
    assert all(width_of(part) <= 120 for part in parts)
    shown = [name for part in parts for name in part.header[1:]]
    assert shown == list(wide.header[1:]) or parts[0] == wide.transposed()


def test_a_table_that_must_not_be_turned_is_split():
    wide = Grid(grid(9).header, grid(9).rows, turns=False)
    assert all(part.header[0] == "metric" for part in fitting(wide, 60))


def test_the_terminal_gets_lines_of_its_width():
    out = io.StringIO()
    found = page(
        Paragraph("word " * 60), grid(8), Item("title", "text " * 50, [("A", "said " * 40, "✓")])
    )
    print_page(found, Console(file=out, width=120), 120)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 120
    assert any("*" in line for line in lines), "the best is marked without colours too"


def test_many_rows_are_cut_and_counted():
    out = io.StringIO()
    print_page(page(grid(1, rows=100)), Console(file=out, width=120), 120)
    assert "… and 60 more" in out.getvalue()


def test_what_is_drawn_leaves_no_empty_heading_where_figures_are_omitted():
    drawn = Section("Curves", [Paragraph("One line a run."), Picture("a.png", "loss", PNG)])
    whole = Document("A page", [drawn, Section("Part", [Paragraph("words"), grid(1)])])
    assert "## Curves" in to_markdown(whole, lambda picture: picture.name)
    assert "## Curves" not in to_markdown(whole, None)
    assert "## Part" in to_markdown(whole, None)
    out = io.StringIO()
    print_page(whole, Console(file=out, width=120), 120)
    assert "Curves" not in out.getvalue()
