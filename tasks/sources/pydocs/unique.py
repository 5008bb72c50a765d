"""Docstrings of installed packages whose texts are not alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tasks.data.same_text import content, digest_of
from tasks.sources import Progress
from tasks.sources.pydocs.docstrings import extract


def unique(
    function: str, megabytes_each: float, progress: Progress, text_of: Callable[[Any], str]
) -> Iterator[tuple[bytes, Any]]:
    """The values that a function finds in docstrings; of those whose texts are alike, the first.

    Args:
        function: as `extract` takes it.
        megabytes_each: of source of each package.
        progress: receives the files that are read.
        text_of: the text of a value.

    Yields:
        The digest of the text, and the value, in the order of the files.
    """
    seen: set[bytes] = set()
    for done, total, found in extract(function, megabytes_each):
        progress(done, total, "files")
        for values in found:
            if (key := digest_of(content(text_of(values)))) not in seen:
                seen.add(key)
                yield key, values
