"""All rows of a source, checked and written to one table, each with digests of its text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.data.notices import Notices, special_name_in
from tasks.data.rows import Row, Shape, columns_written
from tasks.data.same_text import content, digest, digest_of
from tasks.data.tables import TableWriter
from tasks.experiment.problem import LabelledData

# What is spooled with each row: its split in the source, and digests, each computed once.
SPOOLED = {"given": "string", "origin": "string", "key": "digest", "alike": "digest"}

SPECIAL = (
    "rows with the name of a special token: a tokenizer that has it reads it as that token, not as "
    "text"
)
# Prodigy writes each task with its hash, and what the annotator said to it.
_PRODIGY, _REFUSED = "_task_hash", ("reject", "ignore")
REFUSED = "left out: rows that their annotator rejected or ignored, as Prodigy writes it"
MISTAKES_TOLD = 3


class Mistakes:
    """Invalid rows: all are counted, the first few are listed."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0

    def add(self, error: StageError) -> None:
        """Add one."""
        self.count += 1
        if self.count <= MISTAKES_TOLD:
            self.first.append(str(error))

    @property
    def lines(self) -> list[str]:
        """One line for each of the first, and one for the rest."""
        more = self.count - len(self.first)
        return [*self.first, f"and {more:,} more row{'s' * (more > 1)}"] if more else self.first


def read_rows(
    data: LabelledData, shape: Shape, rows: Iterable[Row], path: Path, notices: Notices
) -> set[str]:
    """Check all rows and write them to one table; returns the splits that the source has.

    Raises:
        StageError: with all invalid rows, and the error that ended the reading.
    """
    given: set[str] = set()
    mistakes = Mistakes()
    with TableWriter(path, SPOOLED | columns_written(shape, data)) as table:
        try:
            for row in rows:
                if _PRODIGY in row.values and row.values.get("answer") in _REFUSED:
                    notices.add(REFUSED, row.where)
                    continue
                try:
                    example = shape.parse(row, data, notices)
                except StageError as error:
                    mistakes.add(error)
                    continue
                if example is None:
                    continue
                given.add(str(row.split))
                passage = shape.passage(example)
                if named := special_name_in(passage):
                    notices.add(SPECIAL, named)
                told: dict[str, Any] = {
                    "given": row.split,
                    "origin": row.origin,
                    "document": row.document,
                }
                told |= {"key": digest(passage), "alike": digest_of(content(passage))}
                table.write({**told, **example}, 2 * len(passage))
        except StageError as error:
            raise StageError("\n".join([*mistakes.lines, str(error)])) from None
    if mistakes.count:
        raise StageError("\n".join(mistakes.lines))
    return given
