"""Reading small sources to their end before anything starts.

A mistake in a later row is then reported in seconds, not after the servers are up. The stages read
the sources again. Of many rows only the first are read here, and of large files the first row: what
is left for the stages is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.contract import Silent, StageError
from tasks.experiment.problem import LabelledData
from tasks.machinery.execution.planner import Step
from tasks.machinery.host.space import human
from tasks.problems import shape_of
from tasks.sources import Source

SMALL = 50_000_000  # bytes
_FEW = 5_000  # files: to open one takes as long as to read many kilobytes
ROWS = 200_000  # a tenth of a millisecond each


def read_small_sources(calls: Sequence[tuple[Step, Mapping[str, Any]]]) -> list[str]:
    """Read the small sources of a plan whose data are not prepared yet.

    Args:
        calls: the steps of the plan, with the arguments of their stages.

    Returns:
        What is not read, a sentence for each source of files.

    Raises:
        StageError: the data are wrong, as the stage that prepares them would report.
    """
    left = []
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
                    what = _read(step.name, source, arguments)
            except StageError as error:
                raise StageError(f"{step.title}: {error}") from None
        if what:
            amount = f"{files:,} files" if files > 1 else source.name
            left.append(
                f"{step.title}: of {amount} ({human(size)}) only {what} are read before the start; "
                "the stage checks the rest"
            )
    return left


def _read(stage: str, source: Source, arguments: Mapping[str, Any]) -> str:
    """Read a source; returns what is read of it, in words; empty if all is."""
    few = f"the first {ROWS:,} {'documents' if stage == 'corpus' else 'rows'}"
    if stage == "dataset" and _has_more_rows(source, arguments["data"]):
        return few
    if stage == "dataset":  # all that the stage checks, such as overlaps between the splits
        from tasks.stages.dataset import prepare_dataset

        with TemporaryDirectory() as folder:
            prepare_dataset(**arguments, out=Path(folder), monitor=Silent())
    elif stage == "images":  # the test splits that are left out of it are not prepared yet
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
                    return few
    return ""


def _has_more_rows(source: Source, data: LabelledData) -> bool:
    """Whether a source has more rows than are read here; then its first ones are checked.

    Raises:
        StageError: one of the first rows is wrong.
    """
    from tasks.data.labelled_rows import read_rows  # with the libraries of tables
    from tasks.data.notices import Notices

    shape = shape_of(data.kind)
    columns, progress = shape.columns(data), Silent().progress
    try:
        if next(islice(source.rows(columns, progress), ROWS, None), None) is None:
            return False
    except StageError:  # the stage ends there too, and reports the rows before it as well
        return False
    with TemporaryDirectory() as folder:
        first = islice(source.rows(columns, progress), ROWS)
        read_rows(data, shape, first, Path(folder) / "rows.parquet", Notices())
    return True
