"""Problems made of docstrings: what is asked of each, and that there are enough rows of it."""

from __future__ import annotations

from collections import Counter

import pytest

from tasks.data.rows import Columns, Row
from tasks.sources import resolve
from tasks.sources.pydocs.continuation import continued
from tasks.sources.pydocs.docstrings import Docstring
from tasks.sources.pydocs.opening import joined, opening
from tasks.sources.pydocs.pairs import summarized
from tasks.sources.pydocs.parameters import counted
from tasks.sources.pydocs.sections import divided, kinds_of
from tasks.sources.pydocs.summaries import summary

TEXT = """Compute the mean of the values along an axis.

The mean is taken of all values that are not missing. It is exact for whole numbers.

Parameters
----------
axis : int
    The axis along which the mean is taken of the values.
weights : array
    How much each value counts.

Returns
-------
float
    The mean of the values.

Examples
--------
>>> mean([1, 2])
1.5
"""
DOCSTRING = Docstring("numpy/mean.py::mean", TEXT, frozenset({"self", "axis", "weights"}))


def test_the_opening_ends_where_parameters_begin() -> None:
    assert opening(DOCSTRING) == [
        "Compute the mean of the values along an axis.",
        "The mean is taken of all values that are not missing.",
        "It is exact for whole numbers.",
    ]
    assert joined(["One.", "Two.", "Three."], 9) == "One. Two."


def test_each_problem_asks_what_it_says() -> None:
    [(_, document, _, values)] = continued(DOCSTRING)
    assert document == DOCSTRING.document
    assert values == {
        "prompt": "Compute the mean of the values along an axis.",
        "target": "The mean is taken of all values that are not missing.",
    }
    named = Docstring("numpy/a.py::a", "Compute a numpy.mean of all of its values.", frozenset())
    [(_, _, _, values)] = summary(named)
    assert values == {"text": "Compute a library of all of its values.", "label": "numpy"}
    [(_, _, _, values)] = summarized(DOCSTRING)
    assert values["text"] == "Compute the mean of the values along an axis."
    assert values["second_text"].endswith("It is exact for whole numbers.")
    [(text, _, _, values)] = divided(DOCSTRING)
    assert values == {"text": text, "label": ["examples", "parameters", "returns"]}
    [(_, _, _, values)] = counted(DOCSTRING)
    assert values["number"] == 2


def test_sections_are_known_in_every_style() -> None:
    google = "Do it.\n\nArgs:\n    a: first.\n\nRaises:\n    ValueError: no.\n\nNote:\n    so.\n"
    assert kinds_of(google) == ["notes", "parameters", "raises"]
    assert kinds_of("Do it.\n\n:param a: first\n:returns: it\n") == ["parameters", "returns"]
    assert kinds_of("See also the other one.\n\nNotes of a kind\n") == []


def test_too_little_is_left_out() -> None:
    short = Docstring("numpy/a.py::a", "Do it.", frozenset({"a"}))
    assert [made(short) for made in (continued, summary, summarized, divided, counted)] == [[]] * 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "problem", "truth"),
    [
        ("continuation", "generation", "target"),
        pytest.param("pairs", "text-classification", "label", marks=pytest.mark.long),
        ("sections", "several-labels", "label"),
        pytest.param("summaries", "text-classification", "label", marks=pytest.mark.long),
        pytest.param("parameters", "regression", "number", marks=pytest.mark.long),
    ],
)
def test_there_are_rows_of_every_library(name: str, problem: str, truth: str) -> None:
    source = resolve(f"builtin:pydocs-{name}", "x.source", problem)
    rows: list[Row] = list(source.rows(Columns((), "document"), lambda *_: None))
    libraries = Counter(row.document.partition("/")[0] for row in rows)
    assert len(rows) > 1000
    assert len(libraries) == 12
    assert len({row.document for row in rows}) == len(rows)
    answers = Counter(str(row.values[truth]) for row in rows)
    assert len(answers) > 1
    if name == "pairs":
        assert 0.4 < answers["same"] / len(rows) < 0.6
