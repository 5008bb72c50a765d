"""The files that commands write their results to: whole, or as they were before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tasks.machinery.host.files import writing_file


@contextmanager
def written_whole(file: Path | None) -> Iterator[IO[str] | None]:
    """A file to write results to: all of them, or the file stays as it was; None for none."""
    if file is None:
        yield None
        return
    with writing_file(file) as partial, partial.open("w", encoding="utf-8") as opened:
        yield opened


def write_whole(file: Path, text: str) -> None:
    """Write a text to a file: all of it, or the file stays as it was."""
    with written_whole(file) as opened:
        if opened is not None:
            opened.write(text)


def plain(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """A row for JSON, which has no NaN: of a word that the model did not see."""

    def known(value: Any) -> Any:
        if isinstance(value, list):
            return [known(each) for each in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: known(value) for name, value in row.items()}
