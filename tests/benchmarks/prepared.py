"""What both sides tell of preparing a corpus."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.clock import Laps
from tests.benchmarks.memory import peak
from tests.benchmarks.setting import Figures


def tell(texts: Path, laps: Laps) -> None:
    """Print how fast a file of texts was prepared, in how much memory, and where the time went."""
    Figures(
        seconds=laps.seconds,
        megabytes_per_second=texts.stat().st_size / 1e6 / laps.seconds,
        megabytes_peak=peak(),
        parts=laps.parts,
    ).tell()
