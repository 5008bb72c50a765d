"""What a docstring says before it lists parameters and sections, a sentence at a time."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.rows import Row
from tasks.data.same_text import digest
from tasks.data.text.sentences import split_sentences
from tasks.sources import Progress
from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, Docstring
from tasks.sources.pydocs.markup import plain
from tasks.sources.pydocs.prose import is_prose, read
from tasks.sources.pydocs.unique import unique

MEGABYTES_EACH = 4.0  # of source of each package


def opening(docstring: Docstring) -> list[str]:
    """The sentences of the paragraphs before the first one that describes a parameter."""
    prose = read(docstring.text)
    end = min(prose.described, default=len(prose.paragraphs))
    bare = [line for line in map(plain, prose.paragraphs[:end]) if line and is_prose(line)]
    return [sentence for line in bare for sentence in split_sentences(line)]


def joined(sentences: list[str], most: int) -> str:
    """The first sentences that have this many characters together at most."""
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".lstrip()
        if len(longer) > most:
            break
        text = longer
    return text


def chosen(function: str, rows_each: int, progress: Progress) -> Iterator[list[Row]]:
    """Rows of unique texts, a list for each library, chosen by a hash of their ids.

    Args:
        function: as `extract` takes it: from a docstring to [text, document, origin, values].
        rows_each: rows of a library at most.
        progress: receives the files that are read.
    """
    found: dict[str, dict[bytes, Row]] = {library: {} for library in DISTRIBUTIONS}
    for _, (_text, document, origin, values) in unique(
        function, MEGABYTES_EACH, progress, lambda value: str(value[0])
    ):
        library = document.partition("/")[0]
        found[library][digest(document)] = Row("", document, values, document, origin)
    for candidates in found.values():
        yield [candidates[key] for key in sorted(candidates)[:rows_each]]
