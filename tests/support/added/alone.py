"""What a part says alone, as somebody would add it: in one file of `tasks/explanations`."""

from __future__ import annotations

from typing import Any

NEEDS: tuple[str, ...] = ()
LIBRARIES: tuple[str, ...] = ()
WORDS = "the score of one part alone"
COMPLETE = False


def attribute(subject: Any, row: Any) -> Any:
    """The score of the part without all others, less that of the blank row."""
    import numpy as np

    kept = np.zeros((row.parts + 1, row.parts), dtype=bool)
    kept[1:][np.diag_indices(row.parts)] = True
    scores = subject.score(row, kept)
    return scores[1:] - scores[0]
