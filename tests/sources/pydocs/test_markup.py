"""Inline markup: what it marks, and text without it."""

import pytest

from tasks.sources.pydocs.markup import plain, spans


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ("Use :func:`~scipy.optimize.minimize` here.", "Use minimize here."),
        ("Use :py:class:`.Mapper` and :class:`_orm.Session`.", "Use Mapper and Session."),
        ("See :ref:`the guide <guide>` now.", "See the guide now."),
        ("If ``axis=None``, `x` is **not** *used*.", "If axis=None, x is not used."),
        (
            "A [`Trainer`] or [text](https://a.b/c) or `this <https://a.b>`__.",
            "A Trainer or text or this.",
        ),
        ("As shown in [1]_ and [Foo99]_.", "As shown in and."),
        ("Where :math:`n = 2` and :math:`\\frac{1}{2}` are.", "Where n = 2 and are."),
        ("At https://example.org/a?b=c for more.", "At for more."),
        ("2 * 3 * 4 and **kwargs", "2 * 3 * 4 and **kwargs"),
        ("nothing   marked\n here", "nothing marked here"),
    ],
)
def test_text_is_left_without_its_markup(marked, text):
    assert plain(marked) == text


def test_spans_tell_what_is_marked_how():
    found = [
        span for span in spans("If :class:`~a.B` has ``c()`` or `d` or `e f`_.") if span[1].strip()
    ]
    assert found == [
        ("", "If "),
        ("class", "B"),
        ("", " has "),
        ("literal", "c()"),
        ("", " or "),
        ("name", "d"),
        ("", " or "),
        ("", "e f"),
        ("", "."),
    ]
