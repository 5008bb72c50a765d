"""Rows in an order whose beginnings are shares of them: nested, and each with all labels."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence


def nested_order(
    labels: Sequence[Iterable[str]], names: Sequence[str], seed: int
) -> tuple[list[int], int]:
    """All rows in an order whose beginnings have each label in its share.

    Args:
        labels: of each row. One with several is of the stratum of its rarest, as the combinations
            of labels are too many to have a row each.
        names: what each row is known by, whose hashes order the rows of a stratum.
        seed: of the hashes.

    Returns:
        The order; and how many rows at its beginning have each label at least once.
    """
    strata: dict[str, list[tuple[str, int]]] = defaultdict(list)
    known = [sorted(set(each)) for each in labels]
    counts = Counter(label for each in known for label in each)
    for number, name in enumerate(names):
        rarest = min(known[number], key=lambda label: (counts[label], label), default="")
        key = hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
        strata[rarest].append((key, number))
    placed = sorted(
        ((place + 0.5) / len(members), key, number)
        for members in strata.values()
        for place, (key, number) in enumerate(sorted(members))
    )
    seen, first, later = set[str](), list[int](), list[int]()
    for *_, number in placed:
        (later if seen.issuperset(known[number]) else first).append(number)
        seen.update(known[number])
    return [*first, *later], len(first)


def chosen_share(order: Sequence[int], fewest: int, share: float) -> tuple[list[int], str]:
    """The rows of a share, ascending; and what to say where a row of each label is more than it.

    Args:
        order: of `nested_order`.
        fewest: rows at its beginning that have each label.
        share: of all rows.
    """
    wanted = round(share * len(order))
    told = ""
    if wanted < fewest:
        told = (
            f"{100 * share:g} % of {len(order):,} training rows are {wanted:,}, but a row of each "
            f"label needs {fewest:,}: so many are taken"
        )
    return sorted(order[: max(wanted, fewest, 1)]), told
