"""Reads the rows of a source with labels, and tells all that are not valid at once."""

from __future__ import annotations

from pathlib import Path

from tasks.machinery.stage import Monitor, StageError
from tasks.rows import SHAPES
from tasks.sources import Source
from tasks.spec import LabelledData
from tasks.tables import TableWriter

MISTAKES_TOLD = 5


class Mistakes:
    """What is wrong with rows: all are counted, the first few are told."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0

    def add(self, error: StageError) -> None:
        """One more."""
        self.count += 1
        if self.count <= MISTAKES_TOLD:
            self.first.append(str(error))

    def require_none(self) -> None:
        """Raise a StageError if there is any."""
        if self.count:
            more = self.count - len(self.first)
            raise StageError("\n".join(self.first + [f"and {more:,} more rows"] * (more > 0)))


def read_rows(data: LabelledData, source: Source, path: Path, monitor: Monitor) -> set[str]:
    """Check all rows and write them to one table; returns the splits that the source has.

    Raises:
        StageError: with all rows that are not valid, up to where the source cannot be read on.
    """
    shape, given, mistakes = SHAPES[data.problem], set(), Mistakes()
    with TableWriter(path, {"given": "string", "origin": "string", **shape.COLUMNS}) as table:
        try:
            for row in source.rows(shape.columns(data), monitor.progress):
                try:
                    example = shape.parse(row, data)
                except StageError as error:
                    mistakes.add(error)
                    continue
                given.add(str(row.split))
                size = 2 * len(shape.passage(example))
                told = {"given": row.split, "origin": row.origin, "document": row.document}
                table.write({**told, **example}, size)
        except StageError as error:
            mistakes.add(error)
        mistakes.require_none()
    return given
