"""Reading small sources to their end before anything starts.

A mistake in a later row is then reported in seconds, not after the servers are up. The stages read
the sources again. Of many rows only the first are read here, and of large files the first row: what
is left for the stages is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.contract import Silent, StageError
from tasks.data.rows import Columns, Row
from tasks.machinery.execution.planner import Step
from tasks.machinery.host.space import human
from tasks.sources import Progress, Source

SMALL = 50_000_000  # bytes
_FEW = 5_000  # files: to open one takes as long as to read many kilobytes
ROWS = 200_000  # a tenth of a millisecond each


@dataclass(frozen=True)
class SourcesRead:
    """What is known of the sources of a plan.

    Attributes:
        left: what is not read, a sentence for each source of files.
        counts: of the rows that are read to their end, the metrics that the stage would return, by
            the title of the step.
    """

    left: list[str]
    counts: dict[str, dict[str, float]]


def read_small_sources(calls: Sequence[tuple[Step, Mapping[str, Any]]]) -> SourcesRead:
    """Read the small sources of a plan whose data are not prepared yet.

    Args:
        calls: the steps of the plan, with the arguments of their stages.

    Raises:
        StageError: the data are wrong, as the stage that prepares them would report.
    """
    left, counts = [], {}
    for step, arguments in calls:
        source = arguments.get("source")
        if step.state == "cached" or not isinstance(source, Source):
            continue
        files, size = len(source.identity), source.size()
        if not size or step.name not in ("dataset", "images", "corpus"):
            continue
        what = "some rows"
        if files <= _FEW and size <= SMALL:
            what = ""
            try:
                with suppress(OSError):  # such as a full disk: the stage reports that
                    what, counts[step.title] = _read(step.name, source, arguments)
            except StageError as error:
                raise StageError(f"{step.title}: {error}") from None
        if what:
            amount = f"{files:,} files" if files > 1 else source.name
            left.append(
                f"{step.title}: of {amount} ({human(size)}) only {what} are read before the start; "
                "the stage checks the rest"
            )
    return SourcesRead(left, counts)


def _read(stage: str, source: Source, arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """Read a source; returns what is read of it, in words, or "" and the counts of all of it."""
    few = f"the first {ROWS:,} {'documents' if stage == 'corpus' else 'rows'}"
    if stage == "dataset":  # all that the stage checks, such as overlaps between the splits
        counts = _prepared(source, arguments)
        return (few, {}) if counts is None else ("", counts)
    if stage == "images":  # the test splits that are left out of it are not prepared yet
        from tasks.stages.images.images import prepare_images

        with TemporaryDirectory() as folder:
            given = {**arguments, "held_out": []}
            prepare_images(**given, out=Path(folder), monitor=Silent())
    elif stage == "corpus":
        corpus = arguments["corpus"]
        most = corpus.max_documents or ROWS + 1
        with closing(source.documents(corpus, Silent().progress)) as documents:
            for number, _ in enumerate(islice(documents, most), 1):
                if number > ROWS:
                    return few, {}
    return "", {}


class _FirstRows(Source):
    """A source whose reading ends with an error without words where there are more rows."""

    def rows(self, columns: Columns, progress: Progress) -> Iterator[Row]:
        """The first rows."""
        for number, row in enumerate(super().rows(columns, progress)):
            if number == ROWS:
                raise StageError("")
            yield row


def _prepared(source: Source, arguments: Mapping[str, Any]) -> dict[str, float] | None:
    """The counts of a source, prepared as the stage prepares it.

    None if it has more rows than are read here: then the first ones are checked, in the same pass.

    Raises:
        StageError: the data are wrong; of more rows, one of the first.
    """
    from tasks.stages.dataset import prepare_dataset  # with the libraries of tables

    first = _FirstRows(location=source.location, kind=source.kind, identity=source.identity)
    with TemporaryDirectory() as folder:
        try:
            given = {**arguments, "source": first}
            return prepare_dataset(**given, out=Path(folder), monitor=Silent())
        except StageError as error:
            if mistakes := str(error).strip():
                raise StageError(mistakes) from None
            return None
