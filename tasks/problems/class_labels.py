"""Labels of classes: read as written, and checked that they can be learnt."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from unicodedata import normalize

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts, Row, encodable, kind_of
from tasks.data.same_text import content
from tasks.experiment.problem import LabelledData

# Zero-width space, word joiner, byte-order mark, soft hyphen: no one sees them.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
# What exports of tables write for a missing value, in lower case.
MISSING = frozenset({"", "nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nil"})
MOST_NUMBERS = 20  # different numbers with a fraction are scores, not classes


def read_label(row: Row, data: LabelledData, notices: Notices) -> str | None:
    """The label of a row, normalized; None to leave out a row whose label is missing.

    A label is stripped, in Unicode form NFC, and has no invisible characters.

    Raises:
        StageError: there is none, or it is not the name of a class.
    """
    column = data.columns.label
    value = row.values[column]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float) and not math.isnan(value):
        raise StageError(
            f"{row.where}: column {column!r} contains the fraction {value:g}; a label is the name "
            "of a class (text or a whole number). Scores are no classes; they are learnt by "
            "problem: regression"
        )
    if isinstance(value, list | dict):
        raise StageError(
            f"{row.where}: column {column!r} contains {kind_of(value)}; a row has one label (text "
            "or a whole number), unless the problem has several_labels: true"
        )
    written = "" if value is None else str(value)
    label = normalize("NFC", written).translate(_INVISIBLE).strip()
    if label.lower() in MISSING and not (data.missing_labels == "keep" and label):
        if data.missing_labels == "drop":
            notices.add("left out: rows whose label is missing", f"{row.where}: {written!r}")
            return None
        raise StageError(_missing(row, data, written))
    if label != written.strip():
        notices.add(
            "labels written in another Unicode form or with invisible characters",
            f"{row.where}: {written.encode('unicode_escape').decode()} is {label}",
        )
    return encodable(label, row.where)


def _missing(row: Row, data: LabelledData, written: str) -> str:
    field = f"downstream.{data.name}.missing_labels"
    column = data.columns.label
    if not written.strip():
        return (
            f"{row.where}: the label is missing: column {column!r} contains nothing; every row "
            f"needs one (text or a whole number). To leave such rows out: {field}: drop"
        )
    return (
        f"{row.where}: column {column!r} contains {written!r}, which exports of tables write for a "
        f"missing label. If it is one, leave such rows out with {field}: drop; if it is the name "
        f"of a class: {field}: keep"
    )


RARE, OFTEN = 2, 40  # rows of a label that may be misspelt, and of what may be meant
MOST_RARE = 50
ALIKE = 0.85  # of `difflib`: `shiping` and `shipping` have 0.93
MISSPELT = "rare labels that are spelt nearly like a frequent one, and are classes of their own"
UNTESTED = "labels that no test row has, so that nothing is measured of them"


def note_labels_alike(balance: Mapping[str, Mapping[str, int]], notices: Notices) -> None:
    """Note labels that look alike: all stay classes of their own.

    They differ in case, punctuation or blanks only, or a rare one is spelt nearly like a frequent.
    """
    counts = sum(map(Counter, balance.values()), Counter[str]())
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        groups[content(label)].append(label)
    for group in groups.values():
        if len(group) > 1:
            said = ", ".join(f"{label!r} ({counts[label]:,})" for label in group)
            notices.add("labels that differ in case, punctuation or blanks only", said)
    _note_misspelt(counts, notices)


def _note_misspelt(counts: Mapping[str, int], notices: Notices) -> None:
    """Note rare labels that are spelt nearly like a frequent one: they stay different classes.

    Where more than MOST_RARE labels are rare, being rare says nothing, and none is noted.
    """
    rare = [label for label, count in sorted(counts.items()) if count <= RARE]
    often = {content(label): label for label, count in counts.items() if count >= OFTEN}
    for label in rare if len(rare) <= MOST_RARE else ():
        name = content(label)
        found = get_close_matches(name, often, n=1, cutoff=ALIKE)
        if (
            found and found[0] != name and not any(map(str.isdigit, name))
        ):  # `class-1` is no misspelt `-2`
            other = often[found[0]]
            said = f"{label!r} ({counts[label]:,}) and {other!r} ({counts[other]:,})"
            notices.add(MISSPELT, said)


def note_untested(balance: Mapping[str, Mapping[str, int]], notices: Notices) -> None:
    """Note the labels that are learnt and in no row of the test: nothing is measured of them."""
    tested, learnt = balance.get("test", {}), balance.get("train", {})
    if tested:
        for label in sorted(name for name in learnt if name not in tested):
            notices.add(UNTESTED, f"{label!r} ({learnt[label]:,} to train)")


def require_classes(labels: Sequence[str], part: str) -> None:
    """Check that labels are names of classes, not scores.

    Raises:
        StageError: they are more than 20 different numbers, with fractions among them.
    """
    if len(labels) <= MOST_NUMBERS:
        return
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return
    if not all(number.is_integer() for number in numbers):
        shown = next(label for label in labels if not float(label).is_integer())
        raise StageError(
            f"{part}: the labels are {len(labels)} different numbers, such as {shown}: scores, not "
            "classes. Write classes as words; scores are learnt by problem: regression"
        )


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
        StageError: the training rows have one label only, or lack one that others have; the labels
            are scores.
    """
    require_classes(labels, part)
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
