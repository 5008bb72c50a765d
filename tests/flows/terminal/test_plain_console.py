"""What is printed of data moves no cursor and hides nothing."""

from __future__ import annotations

import io

from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from flows.terminal.plain_console import PlainConsole

HOSTILE = "a\x1b[2Jb\x1b]52;c;AAAA\x07c\rd\u202ee\x9b31m"


def test_control_characters_of_texts_are_shown_and_not_obeyed() -> None:
    out = io.StringIO()
    console = PlainConsole(file=out, force_terminal=True, width=80, color_system="truecolor")
    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE, "red"))
    for each in (HOSTILE, Text(HOSTILE), table, Markdown(HOSTILE)):
        console.print(each, markup=False)
    said = out.getvalue()
    assert not {"\x07", "\x9b", "\r", "\u202e"} & set(said)
    assert "\x1b[2J" not in said
    assert "\x1b]52" not in said
    assert "\x1b[31m" in said, "the styles of rich itself stay"


def test_ends_of_lines_and_tabs_stay() -> None:
    out = io.StringIO()
    PlainConsole(file=out, width=80).print("one\ntwo", markup=False)
    assert out.getvalue() == "one\ntwo\n"
