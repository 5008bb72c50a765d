"""Checking that labels can be learnt."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.contract import StageError
from tasks.data.rows import LabelCounts


def require_learnable(
    labels: Sequence[str], counts: LabelCounts, rows: int, *, part: str, field: str
) -> list[str]:
    """The labels, if there are at least two and the training rows have all of them.

    Args:
        labels: the possible answers of a model.
        counts: how often each label is in each split.
        rows: the number of training rows.
        part: the problem in the experiment, for messages.
        field: the field with the column of the labels, for messages.

    Raises:
        StageError: the training rows have one label only, or lack one that others have.
    """
    if len(labels) < 2:
        found = f"all have the label {labels[0]!r}" if labels else "none has a label"
        raise StageError(
            f"{part}: of the {rows:,} training rows {found}; "
            "at least two different labels are needed"
        )
    unseen = [
        f"{label!r} ({count:,} in {split})"
        for split in ("validation", "test")
        for label, count in sorted(counts[split].items())
        if label not in counts["train"]
    ]
    if unseen:
        more = f" and {len(unseen) - 5} more" if len(unseen) > 5 else ""
        raise StageError(
            f"{field}: no training row has {', '.join(unseen[:5])}{more}, so it cannot be learnt; "
            "add training rows with it, or remove these rows"
        )
    return list(labels)
