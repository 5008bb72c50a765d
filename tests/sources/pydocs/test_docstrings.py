"""Docstrings in source files: their ids, and what is known about the names in them."""

import sys

import pytest

from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, docstrings_of, extract, versions

SOURCE = b'''"""The module."""

class A:
    """A class."""

    def __init__(self, width, *rest):
        pass

    @property
    def size(self):
        """How large."""

    @size.setter
    def size(self, value, *, unit=None):
        """Make it large."""

if True:
    async def wait():
        """Wait \\ud800 here."""

        def inner():
            """Not public."""
'''


def test_ids_name_file_class_and_function():
    found = [doc.document for doc in docstrings_of(SOURCE, "p/m.py")]
    assert found == ["p/m.py", "p/m.py::A", "p/m.py::A.size", "p/m.py::A.size#2", "p/m.py::wait"]


def test_the_names_a_docstring_may_speak_of_are_known():
    docs = {doc.document: doc for doc in docstrings_of(SOURCE, "p/m.py")}
    assert docs["p/m.py::A"].parameters == {"self", "width", "rest"}
    assert docs["p/m.py::A.size#2"].parameters == {"self", "value", "unit"}
    assert docs["p/m.py"].functions == {"__init__", "size", "wait"}
    assert docs["p/m.py"].classes == {"A"}


def test_half_characters_do_not_get_through():
    assert [doc.text for doc in docstrings_of(SOURCE, "p/m.py")][-1] == "Wait ? here."


def test_source_that_cannot_be_parsed_has_no_docstrings():
    assert list(docstrings_of(b'"""text"""\ndef f(:\n', "p/m.py")) == []


def test_versions_are_those_of_the_distributions():
    assert versions().keys() == {"python", *DISTRIBUTIONS.values()}


@pytest.mark.slow
def test_the_order_does_not_depend_on_how_many_processes_read():
    one, three = (
        list(extract("tests.sources.pydocs.test_docstrings:name_of", 0.05, n)) for n in (1, 3)
    )
    assert one == three
    assert one[-1][0] == one[-1][1] == len(one)
    assert {names[0].partition("/")[0] for _, _, names in one if names} == set(DISTRIBUTIONS)


def test_nothing_is_imported_to_read_it():
    before = set(sys.modules)
    next(extract("tests.sources.pydocs.test_docstrings:name_of", 0.05, 1))
    assert not {name for name in set(sys.modules) - before if name in DISTRIBUTIONS}


def name_of(docstring):
    return [docstring.document]
