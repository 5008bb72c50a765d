"""What the score loses when a part of the row is blank, one part after another.

Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", ECCV, section 4.2.
It looks at answers alone, so that it holds for any model; where two parts say the same, it sees
neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.models.explaining.subject import RowInParts, Subject

NEEDS: tuple[str, ...] = ()
LIBRARIES: tuple[str, ...] = ()
WORDS = "occlusion of one part at a time (Zeiler and Fergus 2014)"
COMPLETE = False


def attribute(subject: Subject, row: RowInParts) -> NDArray[np.float64]:
    """The score of the row without that of the row without the part."""
    import numpy as np

    kept = np.ones((row.parts + 1, row.parts), dtype=bool)
    kept[1:][np.diag_indices(row.parts)] = False
    scores = subject.score(row, kept)
    return scores[0] - scores[1:]
