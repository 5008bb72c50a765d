"""Reading small sources to their end before anything starts.

A mistake in a later row is then reported in seconds, not after the servers are up. The stages read
the sources again, as they read those that are too large for this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.contract import Silent, StageError
from tasks.machinery.execution.planner import Step
from tasks.sources import Source

SMALL = 50_000_000  # bytes
_FEW = 5_000  # files: to open one takes as long as to read many kilobytes


def read_small_sources(calls: Sequence[tuple[Step, Mapping[str, Any]]]) -> None:
    """Read the small sources of a plan whose data are not prepared yet.

    Args:
        calls: the steps of the plan, with the arguments of their stages.

    Raises:
        StageError: the data are wrong, as the stage that prepares them would report.
    """
    for step, arguments in calls:
        source = arguments.get("source")
        if step.state == "cached" or not isinstance(source, Source):
            continue
        if len(source.identity) <= _FEW and 0 < source.size() <= SMALL:
            try:
                with suppress(OSError):  # such as a full disk: the stage reports that
                    _read(step.name, source, arguments)
            except StageError as error:
                raise StageError(f"{step.title}: {error}") from None


def _read(stage: str, source: Source, arguments: Mapping[str, Any]) -> None:
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
        with closing(source.documents(corpus, Silent().progress)) as documents:
            for _ in islice(documents, corpus.max_documents or None):
                pass
