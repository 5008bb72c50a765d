"""Words coloured by their attributions, as HTML: blue speaks for the answer, orange against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from html import escape
from typing import Any

FOR, AGAINST = (28, 109, 178), (209, 112, 27)
STRONGEST = 0.75  # opacity
STYLE = """
.method { color: #52606d; font-size: .8rem; margin: .45rem 0 .1rem; }
.text { margin: 0; line-height: 1.9; overflow-wrap: anywhere; white-space: pre-wrap; }
.text span { border-radius: 3px; padding: .1em .12em; }
.legend span { border-radius: 3px; padding: .1em .5em; margin-right: .6rem; }
.fails { color: #a4500b; }
figure { width: min(100%, 56rem); }
"""


def colour(share: float) -> str:
    """The background of a word, from -1 (speaks against the answer) to 1."""
    red, green, blue = FOR if share > 0 else AGAINST
    return f"rgba({red},{green},{blue},{STRONGEST * min(1.0, abs(share)):.2f})"


def shares_of(values: Sequence[float], least: float) -> list[float]:
    """Attributions as shares of the largest one of their row, or of `least` if that is more.

    So the noise of a row in which nothing speaks for the answer is not coloured as a reason.
    """
    most = max(least, *(abs(value) for value in values)) if values else 0.0
    return [value / most if most else 0.0 for value in values]


def runs_of(row: Mapping[str, Any], column: str) -> list[tuple[str, int | None]]:
    """The text of a column in runs: each with the number of its word, None between words.

    What is behind the last word was not read by the model.
    """
    text, at = str(row["texts"][column]), 0
    found: list[tuple[str, int | None]] = []
    for number, (place, start, end) in enumerate(row["pieces"]):
        if place != column:
            continue
        if start > at:
            found.append((text[at:start], None))
        found.append((text[start:end], number))
        at = end
    if at < len(text):
        found.append((text[at:], None))
    return found


def coloured_text(row: Mapping[str, Any], method: str, least: float) -> str:
    """The texts of a row, each word with its colour and, under the pointer, its number."""
    values = row["values"][method]
    shares = shares_of(values, least)
    parts = []
    for column in row["texts"]:
        words = [
            escape(text)
            if number is None
            else f'<span style="background:{colour(shares[number])}" '
            f'title="{values[number]:+.3g}">{escape(text)}</span>'
            for text, number in runs_of(row, column)
        ]
        parts.append(f'<p class="text">{"".join(words)}</p>')
    return "".join(parts)


def row_article(row: Mapping[str, Any], methods: Mapping[str, float], failing: Set[str]) -> str:
    """A row, once for each method.

    Args:
        row: as stage `explanation` writes it.
        methods: by name, with the least attribution that has the strongest colour.
        failing: the methods that fail a check.
    """
    parts = [f"<article><h3>{escape(heading(row))}</h3>"]
    for method, least in methods.items():
        mark = ' <span class="fails">(fails its checks)</span>' if method in failing else ""
        parts.append(f'<p class="method">why {escape(row["explained"])}, by {escape(method)}{mark}')
        parts.append(f"</p>{coloured_text(row, method, least)}")
    return "".join([*parts, "</article>"])


def heading(row: Mapping[str, Any]) -> str:
    """What a row was answered, and what it would be without its content."""
    answer = row["answer"] if row["right"] else f"{row['answer']} instead of {row['truth']}"
    return f"{answer} ({row['said']}; without content {row['without']})"


def legend(score: str) -> str:
    """What the colours mean."""
    return (
        f'<p class="legend"><span style="background:{colour(1)}">for the answer</span>'
        f'<span style="background:{colour(-1)}">against it</span>'
        f"The strongest colour of a row is its largest attribution to the {escape(score)}, unless "
        "all are small; numbers are under the pointer.</p>"
    )
