"""File formats, read row by row in bounded memory; mistakes are reported with their line.

Text, JSON and CSV are read by the standard library and Parquet by pyarrow, not by `datasets`: its
readers guess types (a label "None" becomes a missing value, "007" a number, differently in each
block), report few line numbers, and leave a cache behind. All readers yield (where, values), with
`where` such as `train.csv, line 12`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Document
from tasks.machinery.host.foreign_json import RepeatedKeyError, decoded
from tasks.machinery.naming.cut import cut
from tasks.sources.columnar import arrow, parquet
from tasks.sources.columns import require
from tasks.sources.conll import conll
from tasks.sources.delimited import comma_separated, tab_separated
from tasks.sources.entities.spans import as_object, is_pair, located
from tasks.sources.entities.word_rows import with_words_together
from tasks.sources.lines import File, lines
from tasks.sources.squad import articles_in, questions

Record = tuple[str, Mapping[str, Any]]

_ARTICLE = re.compile(r'<doc id="[^"]*"')
MOST_JSON = 500_000_000  # bytes of a .json file, which is read at once


def documents(file: File, unit: str) -> Iterator[Document]:
    """The documents of a text file: the file, its blocks between blank lines, or its lines.

    A file of WikiExtractor has its own: see `_articles`.
    """
    with closing(lines(file)) as every:
        first = next(every, (1, ""))[1]
    if _ARTICLE.match(first):
        yield from _articles(file, unit)
        return
    block: list[str] = []
    start = 1
    for number, line in lines(file):
        if line.strip() or unit == "file":
            start = start if block else number
            block.append(line)
        if block and (unit == "line" or (unit == "paragraph" and not line.strip())):
            yield Document(f"{file.name}:{start}", "\n".join(block))
            block = []
    if block:
        yield Document(file.name if unit == "file" else f"{file.name}:{start}", "\n".join(block))


def _articles(file: File, unit: str) -> Iterator[Document]:
    """What is between `<doc id="…" …>` and `</doc>`, or the lines of that."""
    block: list[str] = []
    start = 1
    for number, line in lines(file):
        if line.strip() == "</doc>" or _ARTICLE.match(line):
            if block:
                yield Document(f"{file.name}:{start}", "\n".join(block))
            block, start = [], number + 1
        elif unit != "line":
            block.append(line)
        elif line.strip():
            yield Document(f"{file.name}:{number}", line)
    if block:
        yield Document(f"{file.name}:{start}", "\n".join(block))


def json_lines(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The objects of a file with one JSON object per line; blank lines are skipped.

    All of SQuAD may be on one line.
    """
    for number, line in lines(file):
        if not line.strip():
            continue
        where = f"{file.name}, line {number}"
        try:
            values = as_object(decoded(line))
        except RepeatedKeyError as error:
            raise StageError(f"{where}: {error}") from None
        except (ValueError, RecursionError) as error:  # also a number of too many digits
            column = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise StageError(
                f"{where}: not valid JSON{column}: {_shown(line)}; each line must be a JSON object"
            ) from None
        if not isinstance(values, dict):
            raise StageError(
                f"{where}: {_shown(line)} is not a JSON object like "
                f'{{"{columns[0].name}": "…"}}; each line must be one'
            )
        yield from _records(values, where, columns)


def _records(values: Mapping[str, Any], where: str, columns: Sequence[Column]) -> Iterator[Record]:
    """The row that an object is; or, if it is of SQuAD, the questions in it.

    Of a text with character spans, both are also under the columns of tokens and tags.
    """
    if (articles := articles_in(values)) is not None:
        yield from questions(articles, where, columns)
        return
    if nested := _nested(values, columns):
        values = {**values, **nested}
    if spans := located(values, columns):
        values = {**values, **spans}
    require(columns, list(values), where)
    yield where, values


def _nested(values: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """What columns such as `data.text` and `annotations.0.label` lead to in an object."""
    found = {}
    for name in (column.name for column in columns if "." in column.name):
        inner: Any = None if name in values else values
        for step in name.split("."):
            if isinstance(inner, Mapping):
                inner = inner.get(step)
            elif isinstance(inner, list) and step.isdecimal() and int(step) < len(inner):
                inner = inner[int(step)]
            else:
                inner = None
        if inner is not None:
            found[name] = inner
    return found


def json_file(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The objects in the list of a .json file, or one on each line; the questions of SQuAD."""
    first = [line for _, line in _first_lines(file)]
    if len(first) > 1 and are_json_lines(first):
        yield from json_lines(file, columns)
        return
    for number, values in enumerate(map(as_object, _objects(file)), 1):
        where = f"{file.name}, item {number}"
        if not isinstance(values, dict):
            raise StageError(f"{where}: {_shown(repr(values))} is not a JSON object; {_LISTS}")
        yield from _records(values, where, columns)


_LISTS = 'accepted: a list of objects, [{"text": "…"}, …], also as the only list of an object'


def are_json_lines(first: Sequence[str]) -> bool:
    """Whether the first lines that are not blank are of a file with a JSON object a line."""
    try:
        return bool(first) and all(
            isinstance(value := json.loads(line), dict) or is_pair(value) for line in first
        )
    except (ValueError, RecursionError):
        return False


def _first_lines(file: File) -> list[tuple[int, str]]:
    found = []
    for number, line in lines(file):
        if line.strip():
            found.append((number, line))
        if len(found) == 2:
            break
    return found


def _objects(file: File) -> list[Any]:
    """The items of the list in a .json file.

    Raises:
        StageError: it is not JSON, too large, or has no such list.
    """
    parts, size = [], 0
    for _, line in lines(file):
        parts.append(line)
        size += len(line)
        if size > MOST_JSON:
            raise StageError(
                f"{file.name}: more than {MOST_JSON:,} characters of JSON that is no JSON lines; "
                f"write an object a line: jq -c '.[]' {file.path.name} > {file.path.stem}.jsonl"
            )
    try:
        found = decoded("\n".join(parts))
    except json.JSONDecodeError as error:
        line = _shown(parts[error.lineno - 1])
        raise StageError(
            f"{file.name}, line {error.lineno}: not valid JSON (column {error.colno}): {line}"
        ) from None
    except RepeatedKeyError as error:
        raise StageError(f"{file.name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise StageError(f"{file.name}: not valid JSON: {error}") from None
    if isinstance(found, dict):
        lists = [
            each
            for each in found.values()
            if isinstance(each, list) and each and (isinstance(each[0], dict) or is_pair(each[0]))
        ]
        if len(lists) != 1:
            keys = ", ".join(map(repr, list(found)[:8]))
            raise StageError(f"{file.name}: an object with the keys {keys or 'none'}; {_LISTS}")
        found = lists[0]
    if not isinstance(found, list):
        raise StageError(f"{file.name}: {_shown(repr(found))} is no list; {_LISTS}")
    return found


def _shown(text: str) -> str:
    return repr(cut(text, 58))


TEXTS = (".txt", ".md")
TABLES: Mapping[str, Callable[[File, Sequence[Column]], Iterator[Record]]] = {
    ".jsonl": json_lines,
    ".csv": with_words_together(comma_separated),
    ".tsv": with_words_together(tab_separated),
    ".parquet": parquet,
    ".json": json_file,
    ".ndjson": json_lines,
    ".arrow": arrow,
    ".feather": arrow,
}
TAGGED: Mapping[str, Callable[[File, Sequence[Column]], Iterator[Record]]] = dict.fromkeys(
    (".conll", ".conllu", ".bio", ".iob", ".iob2"), conll
)
READERS = {**TABLES, **TAGGED}
