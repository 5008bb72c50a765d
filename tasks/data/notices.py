"""What was dropped, merged, cut, skipped or guessed: counted, each kind with its first example."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tasks.contract import Monitor
from tasks.data.tally import cell
from tasks.machinery.naming.cut import cut

EXAMPLE_CHARACTERS = 100
# The names that special tokens have in the families of models here.
_SPECIAL = re.compile(r"\[(?:CLS|SEP|MASK|PAD|UNK)\]|</?s>|<(?:mask|pad|unk)>|<\|[\w-]+\|>")


def special_name_in(text: str) -> str:
    """The name of a special token that a text has, as `[SEP]`, with what is beside it; or "".

    Transformers reads such a name as the token: some people separate texts by it, in others it is
    by chance. Pre-training reads it as text.
    """
    found = _SPECIAL.search(text) if "[" in text or "<" in text else None
    return text[max(0, found.start() - 40) : found.end() + 40] if found else ""


def report_remarks(remarks: Sequence[str], monitor: Monitor) -> None:
    """Say what a source remarks, and set it as the tag `remarks` of the run.

    It is not on the page: the files that are passed over are in no key.
    """
    for remark in remarks:
        monitor.say(remark)
    if remarks:
        monitor.note(remarks="; ".join(remarks))


class Notices:
    """Counts by what happened, in the order in which it first did."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def add(self, what: str, example: str = "", count: int = 1) -> None:
        """Count once more, or `count` times, that something happened."""
        self.counts[what] += count
        if example and what not in self.examples:
            self.examples[what] = cut(" ".join(example.split()), EXAMPLE_CHARACTERS)

    def facts(self) -> dict[str, int | str]:
        """Each count, and after it its example: for the page of a data set."""
        found: dict[str, int | str] = {}
        for what, count in self.counts.items():
            found[what] = count
            if what in self.examples:
                found[f"{what}: for example"] = cell(self.examples[what])
        return found

    def report(self, monitor: Monitor) -> None:
        """Say each in the terminal, and set all of them as the tag `notices` of the run."""
        lines = list(self._lines())
        for line in lines:
            monitor.say(line)
        if lines:
            monitor.note(notices="; ".join(lines))

    def _lines(self) -> Iterator[str]:
        for what, count in self.counts.items():
            if count:
                example = self.examples.get(what)
                yield f"{what}: {count:,}" + (f", for example {example!r}" if example else "")
