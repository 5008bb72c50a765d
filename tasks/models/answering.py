"""The rows that models answer, as an evaluation reads them."""

from __future__ import annotations

import json
from pathlib import Path


def read_labels(data: Path) -> list[str]:
    """What is answered with, in a folder of stage `dataset`; empty where that is no label."""
    labels: list[str] = json.loads((data / "labels.json").read_text(encoding="utf-8"))
    return labels
