"""The format of a file, by its content where its ending does not state it.

Parquet and Arrow files begin with their own bytes, whatever they are called. Of other files the
ending counts, if it is known; else the first lines show JSON, a table, or tagged tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from itertools import islice

from tasks.contract import StageError
from tasks.sources.columns import USUAL
from tasks.sources.delimited import mark_in
from tasks.sources.formats import READERS, TEXTS, are_json_lines
from tasks.sources.lines import File, lines
from tasks.sources.packing import DAMAGED

_LOOKED_AT = 40  # lines
_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"\xff\xff\xff\xff": ".arrow"}
_TAG = re.compile(r"O|[BIESLU]-\S+")
# Files that no one expects to be read as data, whatever they are called.
NO_DATA = {".bin", ".cfg", ".html", ".ini", ".ipynb", ".js", ".lock", ".log", ".md", ".pdf"}
NO_DATA |= {".png", ".pt", ".py", ".rst", ".safetensors", ".sh", ".svg", ".toml", ".yaml", ".yml"}


def format_of(file: File, *, rows: bool) -> str:
    """The ending for the format of a file; "" if it is of none that is read.

    Args:
        file: the file.
        rows: whether it is to have rows with labels: then a .txt file is what its content is.
    """
    suffix = file.suffix
    if suffix in TEXTS and not rows:
        return suffix
    if suffix in NO_DATA:
        return ""
    try:
        with file.open() as stream:
            start = stream.peek(8)
        magic = next((found for mark, found in _MAGIC.items() if start.startswith(mark)), "")
        if magic or suffix in READERS:
            return magic or suffix
        with closing(lines(file)) as every:
            first = [line for _, line in islice(every, _LOOKED_AT)]
    except (StageError, *DAMAGED):
        return suffix if suffix in READERS else ""
    found = format_in(first, rows=rows)
    return found if found != ".txt" or suffix in ("", ".txt") else ""


def format_in(first: Sequence[str], *, rows: bool) -> str:
    """The ending for the format of a text by its first lines: `.txt` if they are of no other.

    Prose may have equally many commas in each line: where it is to be pre-trained on, a table is
    one whose first line has the usual name of a column of texts.
    """
    filled = [line for line in first if line.strip()]
    if not filled:
        return ".txt"
    if are_json_lines(filled[:2]):
        return ".jsonl"
    if re.match(r'\s*(\[\s*(\{|\[\s*("|$)|$)|\{\s*("|$))', filled[0]):
        return ".json"
    if _are_tagged(filled):
        return ".conll"
    mark = mark_in(filled) if len(filled) > 1 else ""
    if mark and not rows:
        names = (cell.strip().lower() for cell in filled[0].split(mark))
        mark = mark if any(name in USUAL["text"] for name in names) else ""
    return {"": ".txt", "\t": ".tsv"}.get(mark, ".csv")


def _are_tagged(filled: Sequence[str]) -> bool:
    cells = [line.split() for line in filled if not line.startswith(("#", "-DOCSTART-"))]
    return bool(cells) and all(len(each) > 1 and _TAG.fullmatch(each[-1]) for each in cells)
