"""`builtin:pydocs-questions`: where a docstring describes a parameter.

A text is the first sentence of a docstring, and then each parameter, its name on one line and the
first sentence of its description on the next. "What is NAME?" is answered by that sentence. The ids
are those of `builtin:pydocs`, so that a corpus can leave the documents of the test split out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

from tasks.data.rows import Columns, Row
from tasks.data.same_text import digest
from tasks.data.text.sentences import split_sentences
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, Docstring, versions
from tasks.sources.pydocs.markup import plain
from tasks.sources.pydocs.prose import read
from tasks.sources.pydocs.text import origin
from tasks.sources.pydocs.unique import unique

WRITTEN = "builtin:pydocs-questions"
HOLDS = "question-answering"
LIBRARIES = ()

TEXTS_EACH = 150  # docstrings of a library at most
QUESTIONS_EACH = 3  # on a docstring at most
MEGABYTES_EACH = 4.0  # of source
FEWEST = 2  # parameters: one would be no choice
MAX_CHARACTERS = 450  # of a text: most fit into one window
WORDS = range(3, 26)  # of a sentence

_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[^\W\d_]{2,}")

Asked = tuple[str, str, str, list[tuple[str, int, str]]]


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
    """Questions on unique texts: `TEXTS_EACH` per library at most, chosen by a hash of the ids."""
    texts: dict[str, dict[bytes, list[Row]]] = {library: {} for library in DISTRIBUTIONS}
    found = unique(f"{__name__}:asked", MEGABYTES_EACH, progress, itemgetter(2))
    for _, (document, source, text, answers) in found:
        texts[document.partition("/")[0]][digest(document)] = [
            Row("", document, _values(text, *answer), document, source) for answer in answers
        ]
    for candidates in texts.values():
        for key in sorted(candidates)[:TEXTS_EACH]:
            yield from candidates[key]


def _values(text: str, name: str, start: int, answer: str) -> dict[str, object]:
    answers = [{"text": answer, "start": start}]
    return {"question": f"What is {name}?", "text": text, "answer": answers}


def asked(docstring: Docstring) -> list[Asked]:
    """The id, the origin and the text of a docstring, and what to ask of it.

    That is the name of some parameters, and of each the first character of its description and the
    description. Empty if there are too few of them.
    """
    text, answers = described(docstring)
    if len(answers) < FEWEST:
        return []
    by_hash = sorted(answers, key=lambda answer: digest(f"{docstring.document} {answer[0]}"))
    return [(docstring.document, origin(docstring.text), text, by_hash[:QUESTIONS_EACH])]


def described(docstring: Docstring) -> tuple[str, list[tuple[str, int, str]]]:
    """The text of a docstring, and each parameter with the place and text of its description."""
    prose = read(docstring.text)
    text = _first(prose.paragraphs[0]) if prose.paragraphs and 0 not in prose.described else ""
    answers: list[tuple[str, int, str]] = []
    for number, name in prose.described.items():
        sentence = _first(prose.paragraphs[number])
        if not sentence or not _is_name(name, docstring) or name in {each[0] for each in answers}:
            continue
        head = f"{text}\n{name}:\n".lstrip()
        if len(head) + len(sentence) > MAX_CHARACTERS:
            break
        answers.append((name, len(head), sentence))
        text = head + sentence
    return text, answers


def _is_name(name: str, docstring: Docstring) -> bool:
    """Whether it is the name of one parameter, not the first word of a sentence with a colon."""
    return name in docstring.parameters or bool(_NAME.fullmatch(name) and name[0].islower())


def _first(paragraph: str) -> str:
    """The first sentence of a paragraph without markup; empty if it is too short or too long."""
    sentence = next(iter(split_sentences(plain(paragraph))), "")
    return sentence if len(_WORD.findall(sentence)) in WORDS else ""
