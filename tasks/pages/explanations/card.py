"""Writes the page of stage `explanation`: card.md, explanations.html and the figures."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.data.tally import cell
from tasks.machinery.naming.markdown import escaped
from tasks.models.explaining.verdicts import failures, verdict
from tasks.pages import html
from tasks.pages import numbers as pages
from tasks.pages.document import Block, Document, Paragraph, Picture, Section
from tasks.pages.explanations import coloured, drawing
from tasks.pages.explanations.found import (
    Found,
    check_grid,
    driver_grids,
    strongest,
)
from tasks.pages.figures import quiet_on_glyphs, write_figure

DRAWN = 12  # rows of a figure
ANSWERS = 12  # whose words are shown; of more, those of the most rows

CURVES = ("faithfulness.png",)
CHECKS = (
    "Faithfulness: how much faster the answer falls when its {parts} are made blank in the order "
    "of their attributions, and comes back when they are filled in, than in random orders (mean "
    "difference of areas; 0 is chance). Completeness error: what attributions miss of the "
    "difference of scores that they should add up to. Likeness: the rank correlation of the "
    "sizes of the attributions with those of the same model with random weights, which are drawn "
    "once (words that an answer is of do not count); near 0 or below, the attributions are about "
    "what was learnt. In brackets: {sure} intervals over documents, which leave out by how "
    "much another draw of the weights would differ."
)


def show(artifact: Path, out: Path) -> None:
    """Write card.md, explanations.html, and the figures; copy the table of all attributions.

    Args:
        artifact: folder of stage `explanation`.
        out: empty folder.
    """
    found = Found.read(artifact)
    figures = figures_of(found)
    for name, figure in figures.items():
        write_figure(figure, out / name)
    (out / "card.md").write_text(card(found), encoding="utf-8")
    (out / "explanations.html").write_text(page(found, figures), encoding="utf-8")
    shutil.copyfile(artifact / "explanations.parquet", out / "explanations.parquet")


def figures_of(found: Found) -> dict[str, Figure]:
    """The figures by their names: of checks, of mistakes and right answers, of answers in sum."""
    figures: dict[str, Figure] = {}
    if found.curves:
        figures["faithfulness.png"] = drawing.curves_figure(found)
    drive = drawing.words_figure if found.of_words else drawing.drivers_figure
    figures["drivers.png"] = drive(found, found.best)
    draw = drawing.texts_figure if found.of_words else drawing.heat_figure
    for name, rows, title in (
        ("mistakes.png", found.mistakes, "Why it was wrong: the surest mistakes"),
        ("right.png", found.right, "Why it was right: some answers"),
    ):
        if rows:
            figures[name] = draw(found, rows[:DRAWN], title)
    return figures


def sentences(found: Found) -> list[str]:
    """What was found, the verdict on each method first."""
    facts = found.facts
    lines = [f"{verdict(found.metrics, name)}." for name in found.methods]
    wrong, all_of_them = len(found.mistakes), facts["mistakes"]
    lines.append(
        f"Answered wrongly: {all_of_them:,} of {facts['tested']:,} test rows"
        + (f"; shown: the {wrong:,} surest." if wrong < all_of_them else ".")
    )
    return lines


def how(found: Found) -> str:
    """What was explained, and what a blank part is."""
    facts = found.facts
    return (
        f"Explained: the {facts['score']}, by {facts['parts']}. Sums and checks are over "
        f"{facts['rows']} of the test. A blank part is {facts['blank']}."
    )


def explained_checks(found: Found) -> str:
    """What the checks measure."""
    sure = f"{100 * found.facts['confidence']:g} %"
    return CHECKS.format(parts=found.facts["parts"], sure=sure)


def card(found: Found) -> str:
    """The page without colours, for Prefect."""
    grid = check_grid(found)
    parts = [
        f"# Explanation: {escaped(found.facts['problem'])}",
        "\n".join(f"- {escaped(said)}" for said in sentences(found)),
        escaped(how(found)),
        pages.table(grid.header, grid.rows),
        escaped(explained_checks(found)),
    ]
    if found.of_words:
        method = found.best
        parts.append(f"## Which words drive each answer, by {method}")
        for title, grid in driver_grids(found, method)[:ANSWERS]:
            parts += [f"**{escaped(title)}**", pages.table(grid.header, grid.rows)]
        if found.mistakes:
            parts += ["## The surest mistakes", mistakes_table(found)]
    parts.append("explanations.html beside this page has the rows in colour.")
    return "\n\n".join(parts) + "\n"


def mistakes_table(found: Found) -> str:
    """The wrong answers with the words that speak most for them, by each method."""
    header = ["truth", "answer", *found.methods, "text"]
    rows = [
        [
            cell(row["truth"]),
            cell(row["answer"]),
            *(cell(strongest(row, method)) for method in found.methods),
            cell(" | ".join(row["texts"].values())),
        ]
        for row in found.mistakes
    ]
    return pages.table(header, rows, words=len(header))


def page(found: Found, figures: Mapping[str, Figure]) -> str:
    """The page in colour, one HTML file without external resources."""
    drawn = {name: picture_of(name, figure) for name, figure in figures.items()}
    said: list[Block] = [*map(Paragraph, sentences(found)), check_grid(found)]
    said += [Paragraph(explained_checks(found)), *(drawn[name] for name in CURVES if name in drawn)]
    sections = [Section("Can these explanations be believed?", said)]
    if found.of_words:
        driving = f"Which words drive each answer, by {found.best}"
        sections.append(Section(driving, [drawn["drivers.png"]]))
    else:
        names = ("drivers.png", "mistakes.png", "right.png")
        shown: Sequence[Picture] = [drawn[name] for name in names if name in drawn]
        sections.append(Section("Heat maps", [*shown]))
    title = f"Explanation: {found.facts['problem']}"
    whole = html.to_html(Document(title, sections))
    whole = whole.replace("</style>", f"{coloured.STYLE}</style>", 1)
    lead = f"<p>{escape(how(found))}</p>"
    rows = rows_in_colour(found) if found.of_words else ""
    return whole.replace("</h1>", f"</h1>{lead}", 1).replace("\n</main>", f"{rows}\n</main>", 1)


def rows_in_colour(found: Found) -> str:
    """The rows that are shown, their words in colour."""
    failing = {name for name in found.methods if failures(found.metrics, name)}
    parts = []
    for title, rows in (
        ("The surest mistakes", found.mistakes),
        ("Some right answers", found.right),
    ):
        if rows:
            articles = [coloured.row_article(row, found.least, failing) for row in rows]
            parts.append(f"<section><h2>{title}</h2>{coloured.legend(found.facts['score'])}")
            parts += [*articles, "</section>"]
    return "\n".join(parts)


def picture_of(name: str, figure: Figure) -> Picture:
    """A figure as a part of a page."""
    written = io.BytesIO()
    with quiet_on_glyphs():
        figure.savefig(written, dpi=130, format="png", bbox_inches="tight", facecolor="white")
    words: dict[str, Any] = {"faithfulness.png": "Curves of deletion and insertion"}
    return Picture(name, words.get(name, "Heat maps"), written.getvalue())
