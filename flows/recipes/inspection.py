"""A first look at the sources of an experiment, before anything is computed.

The first row of each local file is read as the stage will read it. A mistake in a whole file
(another encoding, a missing column, a truncated table) nearly always shows in its first row, and is
reported before any stage runs. Imports are light, since plans use this.
"""

from __future__ import annotations

from tasks import sources
from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row, require_shares
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import Downstream
from tasks.problems import shape_of
from tasks.sources import Source


def text_source(corpus: Corpus) -> Source:
    """The source of the text to pre-train on.

    Raises:
        StageError: it does not exist, or one of its files is not text to pre-train on.
    """
    field = "corpus.source"
    require_given(corpus.source, field, "the text to pre-train on: a file, a folder of files")
    source = sources.resolve(corpus.source, field, holds="text")
    try:
        source.first_documents(corpus)
    except StageError as error:
        raise StageError(f"{field}: {error}") from None
    return source


def require_given(source: str, field: str, needed: str) -> None:
    """Check that a source is given: no data are chosen without a word.

    Raises:
        StageError: it is empty.
    """
    if not source.strip():
        raise StageError(
            f"{field}: not given; state where to find {needed}, hf:NAME for a data set on the "
            "Hugging Face Hub, or a built-in one (builtin:…) to try Temper"
        )


def labelled_source(problem: Downstream, part: str = "", *, for_test: bool = False) -> Source:
    """The source of the labelled rows of a problem.

    Args:
        problem: the problem of the rows.
        part: the field with the problem; empty for `downstream.NAME`.
        for_test: whether the rows are for tests alone, so that none need be for training.

    Raises:
        StageError: it does not exist, one of its files does not begin with a row of the problem,
            or no file is for training.
    """
    field = f"{part or f'downstream.{problem.name}'}.source"
    require_given(problem.source, field, "the labelled rows: a file, a folder of files")
    source = sources.resolve(problem.source, field, holds=problem.kind)
    if problem.columns.split and source.kind != sources.FALLBACK:
        where = field.removesuffix(".source")
        raise StageError(
            f"{where}.columns.split: {problem.columns.split!r} is not read of {problem.source}, "
            "which has splits of its own or none; accepted: a column of files"
        )
    shape = shape_of(problem.kind)
    try:
        rows = source.first_rows(shape.columns(problem.data))
        for row in rows:
            shape.parse(row, problem.data, Notices())
        if not for_test:
            _require_training(rows)
    except StageError as error:
        raise StageError(f"{field}: {error}") from None
    if rows and not for_test:
        require_shares(problem.data, {row.split for row in rows})
    return source


def _require_training(rows: list[Row]) -> None:
    given = {row.split for row in rows}
    if given and not given & {"", "train"}:
        raise StageError(
            f"there are files for {' and '.join(sorted(given))}, but none for training; add one "
            "with train in its name, or give a single file"
        )
