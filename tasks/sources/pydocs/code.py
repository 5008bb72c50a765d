"""`builtin:pydocs-code`: which spans of a sentence are code, labelled from its authors' markup.

The markup is the answer and is removed from the text. Names of parameters, in the docstring's list
or the function's signature, are PARAMETER. A role (:func:, :class:) gives the type of its span. For
other spans the content decides: VALUE for literals, FUNCTION and TYPE for text that looks like one
or is defined in the module, CODE for the rest. A sentence whose authors marked one name but not
another that is clearly code is left out, since its tags would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tasks.data.rows import Columns, Row
from tasks.data.text.sentences import split_sentences
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, Docstring, versions
from tasks.sources.pydocs.markup import spans
from tasks.sources.pydocs.prose import is_prose, read
from tasks.sources.pydocs.text import origin
from tasks.sources.pydocs.unique import unique

WRITTEN = "builtin:pydocs-code"
HOLDS = "token-classification"
LIBRARIES = ()

ROWS_EACH = 800  # sentences of a library at most
MEGABYTES_EACH = 4.0  # of source
MIN_TOKENS, MAX_TOKENS = 5, 60
MAX_SPAN = 12  # tokens; longer ones are expressions rather than names

_ROLES = {
    **dict.fromkeys(("func", "function", "meth", "method"), "FUNCTION"),
    **dict.fromkeys(("class", "exc", "type"), "TYPE"),
    **dict.fromkeys(("param", "paramref"), "PARAMETER"),
}
_NOT_CODE = frozenset(
    {"", "ref", "doc", "term", "any", "math", "numref", "eq", "cite", "title", "pep", "ticket"}
)
_BUILT_IN_TYPES = frozenset(
    """
    array array_like bfloat16 bool bytes callable complex complex64 complex128 dict float
    float16 float32 float64 frozenset int int32 int64 iterable iterator list ndarray object set
    str string tuple
    """.split()  # noqa: SIM905 — words read better than a column of quotes
)
_WORDS = re.compile(r"[A-Za-z-]+(?: [A-Za-z-]+)+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LITERAL = re.compile(
    r"None|True|False|[-+]?\.?\d[\w.+-]*"
    r"|[-+]?(?:np\.|numpy\.|float\(['\"])?(?:inf|nan|NaN)(?:['\"]\))?"
    r"|[\"'].*[\"']|\[\]|\(\)|\{\}"
)
_CALL = re.compile(r"[\w.]+\(.*\)|(?:\w+\.)*__\w+__")
_TYPE = re.compile(r"(?:\w+\.)*[A-Z]\w*[a-z]\w*(?:\[.*\])?|(?:list|dict|tuple|set|type)\[.+\]")
_UNMARKED = re.compile(
    r"\b(?:None|True|False)\b|\w_\w|\w\(\)|[=<>]=|->|\\|\b[a-z]+[A-Z]\w*|\w\.\w+\(|::|`"
    r"|\b(?!NumPy\b|SciPy\b|SymPy\b|PyTorch\b|TensorFlow\b|PostgreSQL\b|MySQL\b|GitHub\b)[A-Z]+[a-z0-9]+[A-Z]\w*"
)


def claims(location: str) -> bool:
    """Whether this is what a person wrote."""
    return location == WRITTEN


def identify(*_: object) -> dict[str, str]:
    """The versions of the packages."""
    return versions()


def name_of(_identity: dict[str, str]) -> str:
    """As a person writes it."""
    return WRITTEN


def rows(_source: Source, _columns: Columns, progress: Progress) -> Iterator[Row]:
    """Unique sentences with code; at most `ROWS_EACH` per library, chosen by their hash."""
    sentences: dict[str, dict[bytes, Row]] = {library: {} for library in DISTRIBUTIONS}
    found = unique(
        f"{__name__}:tagged", MEGABYTES_EACH, progress, lambda values: " ".join(values[2])
    )
    for key, (document, source, tokens, tags) in found:
        row = Row("", document, {"tokens": tokens, "tags": tags}, document, source)
        sentences[document.partition("/")[0]][key] = row
    for candidates in sentences.values():
        chosen = [candidates[key] for key in sorted(candidates)[:ROWS_EACH]]
        yield from sorted(chosen, key=lambda row: row.document)


def tagged(docstring: Docstring) -> list[tuple[str, str, list[str], list[str]]]:
    """The id and origin of a docstring, with tokens and BIO tags, of each sentence with code."""
    prose = read(docstring.text)
    known = replace(docstring, parameters=docstring.parameters | prose.parameters)
    found = [row for paragraph in prose.paragraphs for row in _sentences(paragraph, known)]
    source = origin(docstring.text) if found else ""
    return [(docstring.document, source, tokens, tags) for tokens, tags in found]


def _sentences(paragraph: str, known: Docstring) -> Iterator[tuple[list[str], list[str]]]:
    pieces = [(label_of(kind, text, known), text) for kind, text in spans(paragraph)]
    text = "".join(text for _, text in pieces)
    if all(label == "O" for label, _ in pieces) or not is_prose(text.strip() or "-"):
        return
    tokens, tags = _tag(pieces)
    if tokens != _TOKEN.findall(text):
        return  # a word is marked in part, as in ``x``s
    start = 0
    for sentence in split_sentences(text):
        stop = start + len(_TOKEN.findall(sentence))
        if _is_clean(tokens[start:stop], tags[start:stop]):
            yield tokens[start:stop], tags[start:stop]
        start = stop


def _tag(pieces: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    tokens: list[str] = []
    tags: list[str] = []
    for label, text in pieces:
        words = _TOKEN.findall(text)
        tokens += words
        tags += (
            ["O"] * len(words)
            if label == "O"
            else [f"B-{label}", *[f"I-{label}"] * len(words)][: len(words)]
        )
    return tokens, tags


def _is_clean(tokens: list[str], tags: list[str]) -> bool:
    """Whether a sentence has code, no span that is cut or too long, and no unmarked code."""
    if not MIN_TOKENS <= len(tokens) <= MAX_TOKENS or tags[0].startswith("I-"):
        return False
    runs = "".join(tag[0] for tag in tags)
    if "B" not in runs or "I" * MAX_SPAN in runs or runs.count("O") < 4:
        return False
    unmarked = "".join(
        token if token in "()=<>-_.:\\`" else f" {token}"
        for token, tag in zip(tokens, tags, strict=True)
        if tag == "O"
    )
    return not _UNMARKED.search(unmarked)


def label_of(kind: str, text: str, known: Docstring) -> str:
    """The type of a span, or "O" for text that is no code.

    Args:
        kind: The role, `literal`, `link` or `name`, as from `markup.spans`; "" for text.
        text: The text between the marks.
        known: The docstring, for the names that it and its module define.
    """
    text = text.strip()
    if kind in _NOT_CODE or (kind == "name" and _WORDS.fullmatch(text)):
        return "O"
    if text.lstrip("*") in known.parameters:
        return "PARAMETER"
    return _ROLES.get(kind) or _label_by_content(text, known)


def _label_by_content(text: str, known: Docstring) -> str:
    last = text.rpartition(".")[2]
    if _LITERAL.fullmatch(text):
        return "VALUE"
    if _CALL.fullmatch(text) or last in known.functions:
        return "FUNCTION"
    if text in _BUILT_IN_TYPES or last in known.classes or _TYPE.fullmatch(text):
        return "TYPE"
    return "CODE"
