"""An explanation in the terminal: words in colour, or with numbers where there are no colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from flows.calls.explaining import Explanation

FOR, AGAINST, PAPER = (90, 160, 220), (235, 150, 70), (245, 245, 245)
MARKED = 0.2  # share of the largest attribution from which a word has its number behind it
TOP = 5  # words that are named
SAME = 0.5  # probability of the answer without content, above which it is the answer there too
NOISE = 0.05  # of the score: attributions that are all smaller are not coloured as reasons


def explained_lines(found: Explanation, *, colours: bool) -> Iterator[Text]:
    """The answer, and by each method its words and what the checks say.

    Args:
        found: what to show.
        colours: whether the terminal has any.
    """
    strength, without = found.strengths
    form = ".1%" if found.probable else ".4g"
    yield Text(
        f"{found.words if found.probable else ''} {strength:{form}} (without content "
        f"{without:{form}})".strip(),
        style="bold",
    )
    if found.probable and without > SAME:
        yield Text("  without content it is answered so too: nothing has to speak for it", "dim")
    row = found.found.row
    for method, attributions in found.found.values.items():
        values = [row.direction * float(value) for value in attributions]
        yield Text(f"why, by {method} ({found.score}):", style="dim")
        if row.pieces:
            yield _text(found, values, colours=colours)
            yield Text(f"  {_top(found, values)}")
        elif values:
            yield from _grid(values, colours=colours)
        else:
            yield Text("  nothing: the model's tokenizer has no token of the text")
        yield Text(f"  {_checks(found, method)}", style="dim")
    yield Text("")


def _shares(found: Explanation, values: Sequence[float]) -> list[float]:
    apart = abs(found.found.score - found.found.blank)
    most = max([NOISE * apart, *(abs(value) for value in values), 1e-12])
    return [value / most for value in values]


def _text(found: Explanation, values: Sequence[float], *, colours: bool) -> Text:
    """The texts of the row, their words coloured or marked."""
    shares, text = _shares(found, values), Text("  ")
    column = ""
    at = 0
    whole = ""
    for number, piece in enumerate(found.found.row.pieces):
        if piece.column != column:
            text.append(whole[at:] + ("\n  " if column else ""))
            column, at, whole = piece.column, 0, found.texts.get(piece.column, "")
        text.append(whole[at : piece.start])
        if colours:
            text.append(piece.text, style=_style(shares[number]))
        else:
            marked = abs(shares[number]) >= MARKED
            text.append(f"{piece.text}[{values[number]:+.2f}]" if marked else piece.text)
        at = piece.end
    text.append(whole[at:])
    return text


def _style(share: float) -> str:
    """Dark letters on the colour of an attribution; none for a small one."""
    if abs(share) < NOISE:
        return ""
    base = FOR if share > 0 else AGAINST
    mixed = (round(p + (b - p) * min(1, abs(share))) for p, b in zip(PAPER, base, strict=True))
    return f"black on rgb({','.join(map(str, mixed))})"


def _top(found: Explanation, values: Sequence[float]) -> str:
    """The words with the largest attributions."""
    order = sorted(range(len(values)), key=lambda i: -abs(values[i]))[:TOP]
    words = [f"{found.found.row.pieces[i].text} {values[i]:+.2f}" for i in order]
    return "   ".join(words) or "no words"


def _grid(values: Sequence[float], *, colours: bool) -> Iterator[Text]:
    """The regions of a picture, from its upper left: as colours, or as numbers."""
    side = round(len(values) ** 0.5)
    most = max([abs(value) for value in values] + [1e-12])
    for at in range(0, len(values), side):
        line = Text("  ")
        for value in values[at : at + side]:
            if colours:
                line.append("   ", style=_style(value / most) or f"on rgb{PAPER}".replace(" ", ""))
            else:
                line.append(f"{value:+7.2f}")
        yield line


def _checks(found: Explanation, method: str) -> str:
    """What the checks of this row say."""
    from tasks.models.explaining.verdicts import (
        COMPLETENESS,
        FAITHFULNESS,
        LIKENESS,
        MOST_ALIKE,
        MOST_INCOMPLETE,
    )

    checks, said = found.checks(method), []
    if (error := checks.get(COMPLETENESS)) is not None:
        verb = "adds up" if error <= MOST_INCOMPLETE else "DOES NOT ADD UP"
        said.append(f"{verb} (error {error:.1%})")
    if (gain := checks.get(FAITHFULNESS)) is not None:
        shown = f"{gain:+.2f}"
        if float(shown) == 0:
            said.append("NO DIFFERENCE from random orders")
        else:
            said.append(f"{'better' if gain > 0 else 'NOT BETTER'} than random orders ({shown})")
    if (alike := checks.get(LIKENESS)) is not None:
        row = found.found.row
        by_chance = 1.96 / max(row.parts - len(row.own) - 1, 1) ** 0.5  # of the parts of one row
        verb = "unlike" if alike <= MOST_ALIKE else "LIKE"
        if MOST_ALIKE < alike <= by_chance:
            verb = "not shown to be unlike"
        said.append(f"{verb} random weights (rank correlation {alike:+.2f})")
    return f"checks: {', '.join(said)}" if said else "checks: too few words"
