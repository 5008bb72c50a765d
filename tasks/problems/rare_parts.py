"""Parts of the results, such as classes, that are not in every resample of the test pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.problems.weighted import Floats


def where_there(values: Floats, there: NDArray[np.bool_], exact: Floats) -> Floats:
    """The values of a part over resamples; where it is not there, those of others, in turn.

    A resample without a rare class says nothing of it. If it counted as 0, the interval of a class
    that is always found would begin at 0. So the interval is that of the resamples with the class.
    Of two models, the same resamples take the same places, so that their differences stay paired.

    Args:
        values: [resamples].
        there: [resamples] whether the part is in each, by the truth alone.
        exact: [1] the value on all rows, if it is in none of these resamples.
    """
    known = values[there] if there.any() else exact
    found = values.copy()
    found[~there] = np.resize(known, int((~there).sum()))
    return found
