"""Tables with a word a row: a word, its tag, and the number of its sentence.

    Sentence #,Word,POS,Tag
    Sentence: 1,Boris,NNP,B-PER
    ,lives,VBZ,O

The number is in each row of a sentence, or in its first row alone; a row of empty cells ends a
sentence too. The role `sentence` names its column, or a usual name does. A .tsv file with blank
lines between sentences has no such column: it is read as CoNLL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columns import USUAL, listed
from tasks.sources.conll import conll
from tasks.sources.lines import File, lines

Record = tuple[str, Mapping[str, Any]]
Reader = Callable[[File, Sequence[Column]], Iterator[Record]]

TOKENS, TAGS, SENTENCE, SPLIT = "tokens", "tags", "sentence", "split"  # the roles
_NUMBER = re.compile(r"sent(ence)?s?(id|idx|index|num|number|no|nr|count|#)")
_DOCUMENT = re.compile(r"(doc(ument)?|article|file)(s?(id|idx|index|num|number|no|nr|name|#)?)")
_NOT_IN_NAMES = re.compile(r"[^a-z#]")
_LOOKED_AT = 400  # lines


def sentence_column(names: Iterable[str]) -> str:
    """The column with the numbers of sentences, by a usual name (`Sentence #`); "" for none."""
    return next(
        (name for name in names if _NUMBER.fullmatch(_NOT_IN_NAMES.sub("", name.lower()))), ""
    )


def _is_of_document(name: str) -> bool:
    return bool(_DOCUMENT.fullmatch(_NOT_IN_NAMES.sub("", name.lower())))


def sentences_by(records: Iterator[Record]) -> str:
    """The column that numbers the sentences of a table of words, by the names of columns; or ""."""
    try:
        first = next(records, None)
    except StageError:  # of a table without a header
        return ""
    names = list(first[1]) if first else []
    words = any(name.lower() in USUAL[TOKENS] for name in names)
    return sentence_column(names) if words else ""


def with_words_together(read: Reader) -> Reader:
    """A reader of tables whose rows are sentences where words and tags are asked for."""

    def together(file: File, columns: Sequence[Column]) -> Iterator[Record]:
        roles = {column.field.rpartition(".")[2]: column.name for column in columns if column.field}
        if TOKENS not in roles or TAGS not in roles:
            yield from read(file, columns)
        elif SENTENCE not in roles and _has_blank_lines(file):
            yield from conll(file, columns)
        else:
            around = [column.name for column in columns if column.name not in roles.values()]
            yield from _sentences(read(file, columns), roles, {*around, roles.get(SPLIT, "")})

    return together


def _has_blank_lines(file: File) -> bool:
    """Whether a file has blank lines between lines with tabs."""
    with closing(lines(file)) as every:
        first = [line for _, line in islice(every, _LOOKED_AT)]
    while first and not first[-1].strip(" "):
        first.pop()
    filled = [line for line in first if line.strip(" ")]
    return len(filled) < len(first) and all("\t" in line for line in filled)


def _sentences(
    records: Iterator[Record], roles: Mapping[str, str], around: Collection[str]
) -> Iterator[Record]:
    """The rows of each sentence as one, by the column that numbers them.

    Raises:
        StageError: no column numbers the sentences, or a word or a tag is missing.
    """
    first = next(records, None)
    if first is None:
        return
    where, values = first
    tokens = roles[TOKENS]
    numbers = roles.get(SENTENCE) or sentence_column(name for name in values if name != tokens)
    if not numbers:
        raise StageError(
            f"{where}: {values[tokens]!r:.60} in column {tokens!r} is a word of a sentence, as a "
            "table has a word a row; but no column numbers the sentences. Accepted: "
            f"columns: {{sentence: NAME}}, with one of {listed(map(repr, values))}; or lists of "
            "words and tags in .jsonl and .parquet files"
        )
    yield from joined(chain([first], records), tokens, roles[TAGS], numbers, around)


def joined(
    records: Iterable[Record], tokens: str, tags: str, numbers: str, around: Collection[str] = ()
) -> Iterator[Record]:
    """The rows of each sentence as one, with the other columns of its first row.

    Args:
        records: a word a row.
        tokens: the column of the words.
        tags: that of their tags; "" for none.
        numbers: that of the number of the sentence.
        around: those of what has sentences of its own, such as documents, if they are there; those
            with the usual names of documents are some of them. A number may come again in another.

    Raises:
        StageError: a word or a tag is missing, or a word has several lines.
    """
    lists = [name for name in (tokens, tags) if name]
    begun: dict[str, Any] = {}
    place, before = "", dict[str, str]()
    places: list[str] = []
    for where, values in records:
        places = places or [
            name
            for name in values
            if name == numbers or (name not in lists and (name in around or _is_of_document(name)))
        ]
        told = {name: each for name in places if (each := values[name].strip())}
        cells = [values[name].strip() for name in lists]
        if begun and (not any(cells) or told.items() - before.items()):
            yield place, begun
            begun = {}
        before |= told
        if not any(cells):
            continue
        if not all(cells):
            raise StageError(
                f"{where}: a word and its tag are needed, found {values[tokens]!r:.60} in column "
                f"{tokens!r} and {values[tags]!r:.60} in {tags!r}; accepted: both, or neither"
            )
        if any("\n" in cell for cell in cells):
            raise StageError(
                f"{where}: a word has several lines, {max(cells, key=len)!r:.60}; a quotation mark "
                'opens a cell there: write one as """" in a table with commas'
            )
        if not begun:
            place, begun = where, {**values, **{name: [] for name in lists}}
        for name, cell in zip(lists, cells, strict=True):
            begun[name].append(cell)
    if begun:
        yield place, begun
