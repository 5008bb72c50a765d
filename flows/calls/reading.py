"""Reading small sources to their end before anything starts.

A mistake in a later row is then reported in seconds, not after the servers are up. The stages read
the sources again. Of many rows only the first are read here, and of large files the first row: what
is left for the stages is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from tasks.contract import Silent, StageError
from tasks.data.rows import Columns, Row
from tasks.experiment.corpus import Corpus
from tasks.machinery.execution.planner import PendingInput, Step
from tasks.machinery.host.space import human
from tasks.machinery.store.artifact import Input
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
    left: list[str] = []
    counts: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as scratch:
        images = {step.title: a["images"] for step, a in calls if step.name == "pixels"}
        known = {_title_of(a["known"]) for _, a in calls if "known" in a}
        wanted = known | {_title_of(images[title]) for title in known if title in images}
        reader = _Reader(Path(scratch), wanted, images)
        for step, arguments in calls:
            source = arguments.get("source")
            if step.state == "cached" or not isinstance(source, Source):
                continue
            files, size = len(source.identity), source.size()
            if not size or step.name not in ("dataset", "images", "corpus", "further-test"):
                continue
            what = "some rows"
            if files <= _FEW and size <= SMALL:
                what = ""
                try:
                    with suppress(OSError):  # such as a full disk: the stage reports that
                        what, counts[step.title] = reader.read(step, source, arguments)
                except StageError as error:
                    raise StageError(f"{step.title}: {error}") from None
            if what:
                amount = f"{files:,} files" if files > 1 else source.name
                left.append(
                    f"{step.title}: of {amount} ({human(size)}) only {what} are read before the "
                    "start; the stage checks the rest"
                )
    return SourcesRead(left, counts)


def _title_of(given: Input) -> str:
    """The title of the step that will write an input; empty if it is written."""
    return str(given.artifact.facts["title"]) if isinstance(given, PendingInput) else ""


_MORE = "\0"  # the end of an error that says nothing but that there are more rows


class _FirstRows(Source):
    """A source whose reading ends with an error where there are more rows."""

    def rows(self, columns: Columns, progress: Progress) -> Iterator[Row]:
        """The first rows."""
        for number, row in enumerate(super().rows(columns, progress)):
            if number == ROWS:
                raise StageError(_MORE)
            yield row


@dataclass
class _Reader:
    """Reads sources as their stages do.

    Attributes:
        scratch: an empty folder.
        wanted: titles of the steps whose rows further tests are compared with: these are kept.
        images: what steps that store pictures read, by their titles.
        kept: where the results of steps are.
    """

    scratch: Path
    wanted: Set[str]
    images: Mapping[str, Input] = field(default_factory=dict)
    kept: dict[str, Path] = field(default_factory=dict)

    def read(
        self, step: Step, source: Source, arguments: Mapping[str, Any]
    ) -> tuple[str, dict[str, float]]:
        """Read a source; returns what is read of it, in words, or "" and the counts of all of it.

        Raises:
            StageError: the data are wrong.
        """
        few = f"the first {ROWS:,} {'documents' if step.name == 'corpus' else 'rows'}"
        if step.name == "corpus":
            return ("" if _has_few(source, arguments["corpus"]) else few), {}
        folder = self.scratch / str(len(list(self.scratch.iterdir())))
        folder.mkdir()
        prepare, more = self._stage_of(step, source, arguments)
        if prepare is None:
            return "some rows", {}
        try:
            counts = prepare(**{**arguments, **more}, out=folder, monitor=Silent())
        except StageError as error:
            mistakes = str(error).removesuffix(_MORE)
            is_bare = not mistakes.strip() or step.name == "further-test"
            if mistakes == str(error) or not is_bare:
                raise StageError(mistakes.strip()) from None
            return few, {}
        if step.title in self.wanted:
            self.kept[step.title] = folder
        else:
            rmtree(folder)
        return "", counts

    def _stage_of(
        self, step: Step, source: Source, arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., dict[str, float]] | None, dict[str, Any]]:
        """The function of a step, and what it is given here; None if that is not there."""
        if step.name == "images":
            from tasks.stages.images.images import prepare_images

            return prepare_images, {"held_out": []}  # these splits are not prepared yet
        first = _FirstRows(location=source.location, kind=source.kind, identity=source.identity)
        if step.name == "dataset":  # all that it checks, such as overlaps between the splits
            from tasks.stages.dataset import prepare_dataset  # with the libraries of tables

            return prepare_dataset, {"source": first}
        if "pixels" in arguments:
            return self._of_pictures(arguments["known"])
        from tasks.stages.generalization.further_test import prepare_further_test

        title = _title_of(arguments["known"])
        known = self.kept.get(title) if title else arguments["known"].path
        return prepare_further_test if known else None, {"source": first, "known": known}

    def _of_pictures(
        self, stored: Input
    ) -> tuple[Callable[..., dict[str, float]] | None, dict[str, Any]]:
        """What checks a further test set of pictures: with those stored, or with those split."""
        from tasks.stages.generalization import further_pictures

        title = _title_of(stored)
        if not title:
            return further_pictures.prepare_further_pictures, {"known": stored.path}
        images = self.images[title]
        known = self.kept.get(_title_of(images)) if _title_of(images) else images.path

        def check(**given: Any) -> dict[str, float]:
            del given["out"]  # nothing is written
            return further_pictures.check_further_pictures(**given)

        return check if known else None, {"known": known}


def _has_few(source: Source, corpus: Corpus) -> bool:
    """Whether a corpus has no more documents than are read here; they are read."""
    most = corpus.max_documents or ROWS + 1
    with closing(source.documents(corpus, Silent().progress)) as documents:
        return all(number <= ROWS for number, _ in enumerate(islice(documents, most), 1))
