"""Places of units within their strata, so that a share of all is the same share of each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping


def places_in_strata(
    labels: Mapping[str, Iterable[str]], place: Callable[[str], float]
) -> dict[str, float]:
    """The place of each unit among those of its stratum, in (0, 1), in the order of their places.

    The stratum of a unit with several labels is that of the rarest one, which is the hardest to
    divide. A stratum of one unit has the place 0.5.

    Args:
        labels: of each unit, by its name.
        place: a number for each name, which orders them.
    """
    counts = Counter(label for each in labels.values() for label in {*each})
    strata: dict[str, list[str]] = {}
    for name, each in labels.items():
        rarest = min({*each}, key=lambda label: (counts[label], label), default="")
        strata.setdefault(rarest, []).append(name)
    found: dict[str, float] = {}
    for names in strata.values():
        for number, name in enumerate(sorted(names, key=lambda name: (place(name), name))):
            found[name] = (number + 0.5) / len(names)
    return found
