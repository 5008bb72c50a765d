"""A page as one HTML file, with embedded figures, no scripts and no external resources."""

from __future__ import annotations

from html import escape

from tasks.pages.document import Block, Cell, Document, Grid, Item, Paragraph, Picture

STYLE = """
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1.25rem; background: #fff; color: #1f2933;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-top: .9rem;
  border-top: 1px solid #e4e7eb; }
p { margin: .5rem 0; max-width: 52rem; }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; vertical-align: top;
  white-space: nowrap; }
th { border-bottom: 2px solid #6b7785; }
td { border-bottom: 1px solid #e4e7eb; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
.words { text-align: left; }
td.best { font-weight: 700; color: #0b5d33; }
figure { display: inline-block; margin: .6rem 0; width: min(100%, 34rem); vertical-align: top; }
img { max-width: 100%; height: auto; }
article { margin: 1rem 0; padding: .7rem 1rem; border: 1px solid #e4e7eb; border-radius: 6px; }
article h3 { font-size: .95rem; margin: 0 0 .3rem; color: #52606d; }
blockquote { margin: .3rem 0 .6rem; padding-left: .8rem; border-left: 3px solid #9cc4e6;
  overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: 0; }
dt { font-weight: 700; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } article, figure { break-inside: avoid; } }
"""

WORDS = ' class="words"'


def to_html(page: Document) -> str:
    """The page as a complete HTML document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + to_fragment(page)
        + "\n</main>\n</body>\n</html>\n"
    )


def to_fragment(page: Document) -> str:
    """The page as a part of another one, such as a notebook, whose style it takes."""
    parts = [f"<h1>{escape(page.title)}</h1>"]
    for section in page.sections:
        blocks = "\n".join(_as_html(block) for block in section.blocks)
        parts.append(f"<section>\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>")
    return "\n".join(parts)


def _as_html(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Picture):
        return f'<figure><img src="{block.data_uri}" alt="{escape(block.words)}"></figure>'
    if isinstance(block, Item):
        return _item(block)
    return _table(block)


def _item(item: Item) -> str:
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(f'{mark} {said}'.strip())}</dd>"
        for name, said, mark in item.facts
    )
    return (
        f"<article><h3>{escape(item.title)}</h3>"
        f"<blockquote>{escape(item.text)}</blockquote><dl>{facts}</dl></article>"
    )


def _cell(cell: Cell, words: bool) -> str:
    names = " ".join([*["words"] * words, *["best"] * cell.strong])
    return (
        f'<td class="{names}">{escape(cell.text)}</td>'
        if names
        else f"<td>{escape(cell.text)}</td>"
    )


def _table(grid: Grid) -> str:
    wordy = [True, *grid.wordy[1:]]
    head = "".join(
        f'<th scope="col"{WORDS if words else ""}>{escape(name)}</th>'
        for name, words in zip(grid.header, wordy, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(map(_cell, row, wordy))}</tr>" for row in grid.rows)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{rows}\n</table></div>'
