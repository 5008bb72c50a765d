"""Escaped text is shown as it is, wherever it stands."""

from __future__ import annotations

import pytest

from tasks.machinery.naming.markdown import escaped
from tests.support.hostile import HOSTILE, Shown, one_line


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["# {}", "{}", "**{}**", "- {}", "| a |\n| --- |\n| {} |"])
def test_a_text_is_shown_as_it_is(text: str, place: str) -> None:
    shown = Shown(place.format(escaped(text)))
    assert one_line(text) in one_line(shown.text)
    assert not shown.sources
    assert len(shown.elements & {"a", "b", "img", "script", "em", "code", "del"}) == 0


def test_a_text_cannot_change_the_address_of_the_link_it_names() -> None:
    for text in HOSTILE:
        assert Shown(f"[{escaped(text)}](http://here)").sources <= {"http://here"}


def test_what_begins_html_is_an_entity_since_mlflow_knows_no_backslash_before_it() -> None:
    assert escaped("a <b> & c") == "a &lt;b&gt; &amp; c"


def test_intervals_stay_readable() -> None:
    assert escaped("+9.1 [+7.0, +11.3] points") == "+9.1 [+7.0, +11.3] points"


def test_control_characters_are_seen() -> None:
    assert escaped("\x1b[31mred \u202eright to left") == "�\\[31mred �right to left"
