"""What has been measured, part by part, and the files that show it: written as parts end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.growth import Curve
from tests.benchmarks.rows import Row
from tests.benchmarks.table import draw, draw_compared, markdown, write_csv


@dataclass
class Part:
    """What a part of the benchmark found.

    Attributes:
        rows: of the table.
        notes: lines under it.
        curves: what grows.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Part:
        """A part that was written as JSON."""
        rows = [Row(**row) for row in kept["rows"]]
        return cls(rows, kept["notes"], [Curve(**curve) for curve in kept["curves"]])


@dataclass
class Results:
    """The parts that have been measured.

    Attributes:
        out: the folder to write to.
        order: of the parts, in the table.
        machine: what they were measured on, with versions and date.
        effort: how long.
        parts: by name.
    """

    out: Path
    order: Sequence[str]
    machine: dict[str, str]
    effort: dict[str, Any]
    parts: dict[str, Part] = field(default_factory=dict)

    def go_on(self) -> None:
        """Take up what was measured before, if it was the same day, machine and effort."""
        file = self.out / "bench.json"
        kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if (kept.get("machine"), kept.get("effort")) == (self.machine, self.effort):
            self.parts = {name: Part.read(part) for name, part in kept["parts"].items()}

    def add(self, name: str, part: Part) -> None:
        """Keep what a part found, and renew all files."""
        self.parts[name] = part
        kept = {
            "machine": self.machine,
            "effort": self.effort,
            "parts": {name: asdict(part) for name, part in self.parts.items()},
        }
        text = json.dumps(kept, ensure_ascii=False, indent=2) + "\n"
        (self.out / "bench.json").write_text(text, encoding="utf-8")
        (self.out / "bench.md").write_text(self.text(), encoding="utf-8")
        compared = [curve for curve in part.curves if curve.levels]
        if compared:
            draw_compared(compared, self.out / f"{name}.png")
        if self.rows:
            write_csv(self.rows, self.machine, self.out / "bench.csv")
            draw(self.rows, self.curves, self.out / "bench.png")

    @property
    def _in_order(self) -> list[Part]:
        return [self.parts[name] for name in self.order if name in self.parts]

    @property
    def rows(self) -> list[Row]:
        """Of all parts."""
        return [row for part in self._in_order for row in part.rows]

    @property
    def curves(self) -> list[Curve]:
        """Of all parts."""
        return [curve for part in self._in_order for curve in part.curves]

    def text(self) -> str:
        """The table, what is to be said under it, and what it was measured on."""
        notes = [note for part in self._in_order for note in part.notes]
        return markdown(self.rows, [*notes, *map(str, self.curves)], self.machine)
