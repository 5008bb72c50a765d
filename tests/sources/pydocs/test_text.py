"""The sources in the docstrings of installed packages."""

from collections import Counter

import pytest

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import LabelledData
from tasks.problems import shape_of
from tasks.sources import resolve
from tasks.sources.pydocs import code as pydocs_code
from tasks.sources.pydocs import library as pydocs_library
from tasks.sources.pydocs import questions as pydocs_questions
from tasks.sources.pydocs.code import label_of, tagged
from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, Docstring
from tasks.sources.pydocs.library import mask, passage
from tasks.sources.pydocs.questions import asked
from tasks.sources.pydocs.text import origin, prose

MINIMIZE = Docstring(
    "scipy/optimize/_minimize.py::minimize",
    """Minimize a scalar function.

    This is the text of a docstring that is long enough to be a passage of SciPy.

    Parameters
    ----------
    fun : callable
        If ``fun`` is `None`, a :class:`~scipy.optimize.OptimizeResult` is given back by ``solve``.
        The array ``np.zeros(3)`` is unmarked as x_0 here, so this sentence has to be left out.
    """.replace("\n    ", "\n"),
    parameters=frozenset({"fun"}),
    functions=frozenset({"solve"}),
)


def ignore(done, total, unit):
    pass


def test_a_docstring_is_a_document_of_its_paragraphs():
    ((name, text),) = prose(MINIMIZE)
    assert name == "scipy/optimize/_minimize.py::minimize"
    assert text.startswith("Minimize a scalar function.\n\nThis is the text")
    assert "fun : callable" not in text
    assert "`" not in text


def test_tell_tale_names_are_masked():
    assert mask("The numpy.ndarray of PyTorch, to_pandas() and np.zeros") == (
        "The library of library, library() and library"
    )
    assert mask("scikit-learn's transformer and Hugging Face transformers") == (
        "library's transformer and library library"
    )
    assert mask("imperfect skis expand in the torchlight") == "imperfect skis expand in the library"


def test_a_passage_is_cut_at_a_sentence_and_has_the_id_of_its_document():
    ((name, text, whole),) = passage(MINIMIZE)
    assert name == MINIMIZE.document
    assert text.startswith("Minimize a scalar function. This is")
    assert len(text) <= 400
    assert "scipy" not in text.lower()
    assert whole == origin(MINIMIZE.text)
    assert passage(Docstring("a/b.py", "Too short to tell.")) == []


def test_labels_come_from_roles_parameters_and_content():
    labels = {
        ("func", "minimize"): "FUNCTION",
        ("class", "Mapper"): "TYPE",
        ("attr", "fun"): "PARAMETER",
        ("literal", "fun"): "PARAMETER",
        ("literal", "solve"): "FUNCTION",
        ("name", "read()"): "FUNCTION",
        ("literal", "-1.5e-3"): "VALUE",
        ("name", "None"): "VALUE",
        ("literal", "'auto'"): "VALUE",
        ("link", "DataFrame"): "TYPE",
        ("literal", "a + b"): "CODE",
        ("ref", "a guide"): "O",
        ("", "text"): "O",
    }
    assert {key: label_of(*key, MINIMIZE) for key in labels} == labels


def test_sentences_with_code_are_tagged_and_those_with_unmarked_code_left_out():
    ((_, _, tokens, tags),) = tagged(MINIMIZE)
    assert list(zip(tokens, tags, strict=True)) == [
        ("If", "O"),
        ("fun", "B-PARAMETER"),
        ("is", "O"),
        ("None", "B-VALUE"),
        (",", "O"),
        ("a", "O"),
        ("OptimizeResult", "B-TYPE"),
        ("is", "O"),
        ("given", "O"),
        ("back", "O"),
        ("by", "O"),
        ("solve", "B-FUNCTION"),
        (".", "O"),
    ]


@pytest.mark.slow
def test_library_passages_are_balanced_distinct_and_masked(monkeypatch):
    monkeypatch.setattr(pydocs_library, "ROWS_EACH", 20)
    monkeypatch.setattr(pydocs_library, "MEGABYTES_EACH", 0.4)
    shape = shape_of("text-classification")
    source = resolve("builtin:pydocs-library", "x", "text-classification")
    rows = list(source.rows(shape.columns(LabelledData()), ignore))
    counts = Counter(row.values["label"] for row in rows)
    assert counts == dict.fromkeys(DISTRIBUTIONS, 20)
    assert len({row.values["text"] for row in rows}) == len(rows)
    assert not [row for row in rows if "numpy" in row.values["text"].lower()]


def test_code_sentences_are_valid_and_of_all_types(monkeypatch):
    monkeypatch.setattr(pydocs_code, "MEGABYTES_EACH", 0.4)
    shape = shape_of("token-classification")
    data = LabelledData(problem="token-classification")
    source = resolve("builtin:pydocs-code", "x", "token-classification")
    rows = list(source.rows(shape.columns(data), ignore))
    examples = [shape.parse(row, data, Notices()) for row in rows]
    types = {name for example in examples for name in shape.counted(example)}
    assert types == {"PARAMETER", "TYPE", "FUNCTION", "VALUE", "CODE"}
    assert len(rows) > 500


SHAPED = """Return a new array of some shape.

    {parameters}

    Returns
    -------
    out : ndarray
        The new array is returned here.
    """
STYLES = {
    "numpydoc": """Parameters
    ----------
    shape : int or tuple
        The shape of the *new* array. More is said of it.
    dtype, order : type
        Two names have one description.
    fill : float, optional
        What to fill the array with.""",
    "google": """Args:
        shape (int): The shape of the *new* array. More is said of it.
        fill (float, *optional*):
            What to fill the array with.""",
    "fields": """:param int shape: The shape of the *new* array.
        More is said of it.
    :param fill: What to fill the array with.
    :raises ValueError: If the shape is not one.""",
}


@pytest.mark.parametrize("style", STYLES)
def test_a_parameter_is_asked_for_in_every_style_of_docstring(style):
    text = SHAPED.format(parameters=STYLES[style]).replace("\n    ", "\n")
    ((document, whole, passage_, answers),) = asked(Docstring("numpy/a.py::full", text))
    assert (document, whole) == ("numpy/a.py::full", origin(text))
    assert passage_ == (
        "Return a new array of some shape.\n"
        "shape:\nThe shape of the new array.\nfill:\nWhat to fill the array with."
    )
    assert {name: answer for name, _, answer in answers} == {
        "shape": "The shape of the new array.",
        "fill": "What to fill the array with.",
    }
    assert all(passage_[start:].startswith(answer) for _, start, answer in answers)


def test_one_parameter_is_no_question():
    assert asked(Docstring("numpy/a.py::f", "Do it.\n\n:param x: What it is done with.")) == []


@pytest.mark.slow
def test_questions_have_their_answers_in_distinct_texts(monkeypatch):
    monkeypatch.setattr(pydocs_questions, "MEGABYTES_EACH", 0.3)
    monkeypatch.setattr(pydocs_questions, "TEXTS_EACH", 10)
    shape, data = shape_of("question-answering"), LabelledData(problem="question-answering")
    source = resolve("builtin:pydocs-questions", "x", "question-answering")
    rows, notices = list(source.rows(shape.columns(data), ignore)), Notices()
    examples = [shape.parse(row, data, notices) for row in rows]
    assert notices.counts == {}
    assert {row.document.partition("/")[0] for row in rows} == set(DISTRIBUTIONS)
    assert all(row.origin for row in rows)
    assert len({shape.passage(example) for example in examples}) == len(rows) > 150
    assert max(len(example["text"]) for example in examples) <= 450


def test_the_corpus_begins_with_what_the_packages_say():
    documents = resolve("builtin:pydocs", "x", "text").documents(Corpus(), ignore)
    first = [next(documents) for _ in range(5)]
    documents.close()
    assert all(document.name.startswith("numpy/") for document in first)


def test_a_source_for_something_else_is_told_with_the_right_one():
    with pytest.raises(StageError, match=r"contains rows for text-class.*builtin:pydocs\)$"):
        resolve("builtin:pydocs-library", "corpus.source", "text")
    with pytest.raises(StageError, match=r"text without labels, but .*builtin:pydocs-library"):
        resolve("builtin:pydocs", "downstream.a.source", "text-classification")
    with pytest.raises(StageError, match=r"did you mean builtin:pydocs\. Accepted"):
        resolve("builtin:pydoc", "corpus.source")


def test_a_misspelt_built_in_is_known_also_where_it_was_taken_for_a_path(tmp_path):
    message = r"no built-in source 'buitin:pydocs'; did you mean builtin:pydocs\."
    for location in ("buitin:pydocs", str(tmp_path / "buitin:pydocs")):
        with pytest.raises(StageError, match=message):
            resolve(location, "corpus.source")
