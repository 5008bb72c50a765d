"""What is prose in a docstring, and what is not."""

import inspect

import pytest

from tasks.sources.pydocs.prose import is_prose, read


def paragraphs(text):
    return read(inspect.cleandoc(text)).paragraphs


def test_numpydoc_keeps_descriptions_and_the_names_of_parameters():
    prose = read(
        inspect.cleandoc(
            """Fit a line.

            Parameters
            ----------
            x, y : array_like, shape (n,)
                Where the points are,
                in two lines.
            **kwargs : dict
                Handed on.

            Returns
            -------
            slope : float
                How steep it is.

            See Also
            --------
            polyfit : The same with more.
            """
        )
    )
    assert prose.paragraphs == [
        "Fit a line.",
        "Where the points are, in two lines.",
        "Handed on.",
        "How steep it is.",
    ]
    assert prose.parameters == {"x", "y", "kwargs"}


def test_google_style_keeps_descriptions_and_ends_with_its_indentation():
    prose = read(
        inspect.cleandoc(
            """Fit a line.

            Args:
                x (`list[tuple[int, (str)]]`, *optional*): Where the points are,
                    in two lines.
                    Note: still the same.
                y: And these.

            Text after it
              and more.
            """
        )
    )
    assert prose.paragraphs == [
        "Fit a line.",
        "Where the points are, in two lines. Note: still the same.",
        "And these.",
        "Text after it",
        "and more.",
    ]
    assert prose.parameters == {"x", "y"}


def test_sphinx_fields_keep_descriptions():
    prose = read(
        ":param int x: Where the points are,\n   in two lines.\n:type x: int\n:return: A line.\n"
    )
    assert prose.paragraphs == ["Where the points are, in two lines.", "A line."]
    assert prose.parameters == {"x"}


@pytest.mark.parametrize(
    "block",
    [
        ">>> fit(1)\n0.5\n",
        "```python\nfit(1)\n\nfit(2)\n```\n",
        ".. code-block:: python\n\n    fit(1)\n\n    fit(2)\n\n",
        ".. [1] A. Author, A Paper,\n   1999.\n\n",
        "=====  =====\nname   value\n=====  =====\na      b\n=====  =====\n\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "Heading\n~~~~~~~\n",
        "## Heading\n",
        ".. versionadded:: 1.2\n\n",
    ],
)
def test_code_tables_citations_and_headings_are_taken_out(block):
    assert paragraphs(f"Before it.\n\n{block}\nAfter it.\n") == ["Before it.", "After it."]


def test_a_literal_block_goes_and_the_sentence_before_it_stays():
    assert paragraphs("As in::\n\n    fit(1)\n\nAfter it.") == ["As in:", "After it."]


def test_the_text_of_a_note_is_prose():
    assert paragraphs(".. note::\n\n    Mind the gap.\n\nAfter it.") == [
        "Mind the gap.",
        "After it.",
    ]


def test_the_points_of_a_list_are_paragraphs():
    assert paragraphs("- one\n  goes on\n- two\n1. three\n") == ["one goes on", "two", "three"]


def test_running_text_is_told_from_names_and_code():
    assert is_prose("Compute the sum of two arrays.")
    assert is_prose("the values that are used when nothing is given")
    assert not is_prose("alpha beta gamma delta epsilon")
    assert not is_prose("y = f(x) + g(x, 3) - h[1]")
    assert not is_prose("Returns it.")
