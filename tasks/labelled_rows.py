"""Reads the rows of a source with labels, and tells all that are not valid at once."""

from __future__ import annotations

from pathlib import Path

from tasks.machinery.stage import Monitor, StageError
from tasks.rows import SHAPES
from tasks.sources import Source
from tasks.spec import LabelledData
from tasks.tables import TableWriter

MISTAKES_TOLD = 3


class Mistakes:
    """Rows that are not valid: all are counted, the first few are told."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0

    def add(self, error: StageError) -> None:
        """One more."""
        self.count += 1
        if self.count <= MISTAKES_TOLD:
            self.first.append(str(error))

    @property
    def lines(self) -> list[str]:
        """A line for each of the first, and one for the rest."""
        more = self.count - len(self.first)
        return [*self.first, f"and {more:,} more row{'s' * (more > 1)}"] if more else self.first


def read_rows(data: LabelledData, source: Source, path: Path, monitor: Monitor) -> set[str]:
    """Check all rows and write them to one table; returns the splits that the source has.

    Raises:
        StageError: with all rows that are not valid, and with what ended the reading.
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
            raise StageError("\n".join([*mistakes.lines, str(error)])) from None
    if mistakes.count:
        raise StageError("\n".join(mistakes.lines))
    return given
