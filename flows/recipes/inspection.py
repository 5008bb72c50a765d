"""What a plan finds out about the sources of an experiment, before anything is computed.

Of local files the first row of each is read, as the stage that follows will read it: what is wrong
with a whole file (another encoding, a missing column, a table cut off) is nearly always wrong in
its first row, and the stages of an hour are not waited for to be told so. Light: plans import it.
"""

from __future__ import annotations

from tasks import sources
from tasks.contract import StageError
from tasks.data.rows import Row, require_shares
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import Downstream
from tasks.problems import shape_of
from tasks.sources import Source
from tasks.sources.files import first_documents, first_rows


def text_source(corpus: Corpus) -> Source:
    """The source of the text to pre-train on.

    Raises:
        StageError: it is not there, or a file of it cannot be text to pre-train on.
    """
    field = "corpus.source"
    source = sources.resolve(corpus.source, field, holds="text")
    if source.kind == "files":
        try:
            first_documents(source, corpus)
        except StageError as error:
            raise StageError(f"{field}: {error}") from None
    return source


def labelled_source(problem: Downstream, part: str = "") -> Source:
    """The source of the labelled rows of a problem.

    Args:
        problem: what the rows are of.
        part: the field that the problem stands in; `downstream.NAME` where it is empty.

    Raises:
        StageError: it is not there, a file of it does not begin with a row of the problem, or its
            files leave nothing to train on.
    """
    field = f"{part or f'downstream.{problem.name}'}.source"
    source = sources.resolve(problem.source, field, holds=problem.problem)
    if source.kind == "files":
        shape = shape_of(problem.problem)
        try:
            rows = first_rows(source, shape.columns(problem.data))
            for row in rows:
                shape.parse(row, problem.data)
            _require_training(rows)
        except StageError as error:
            raise StageError(f"{field}: {error}") from None
        require_shares(problem.data, {row.split for row in rows})
    return source


def _require_training(rows: list[Row]) -> None:
    given = {row.split for row in rows}
    if not given & {"", "train"}:
        raise StageError(
            f"there are files for {' and '.join(sorted(given))} and none for training; "
            "accepted: also one with train in its name, or a single file"
        )
