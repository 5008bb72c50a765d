"""Writing the two splits of a corpus, and counting their overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tasks.data.same_text import digest
from tasks.data.tables import TableWriter, read_table
from tasks.data.tally import Tally

SPLITS = ("train", "validation")
COLUMNS = {"document": "string", "text": "string"}


class Splits:
    """Writes documents into splits; keeps only a digest of each training document in memory.

    Attributes:
        tally: what is counted in them.
    """

    def __init__(self, name: str, out: Path, writers: Mapping[str, TableWriter]) -> None:
        self.tally = Tally(name, "documents", SPLITS)
        self._out, self._writers = out, writers
        self._trained_on = bytearray()  # the concatenated digests of the texts

    def write(self, split: str, name: str, text: str, key: bytes) -> None:
        """Add a document and the digest of its text."""
        self._writers[split].write({"document": name, "text": text}, len(text))
        if split == "train":
            self._trained_on += key
        self.tally.add(split, name, text)

    def overlap(self) -> int:
        """How many training documents have their name or their text in validation too.

        Call it after both splits are written.
        """
        held_out: set[str | bytes] = set()
        for row in read_table(file_of("validation", self._out)):
            held_out |= {row["document"], digest(row["text"])}
        return sum(not held_out.isdisjoint(keys) for keys in self._keys())

    def _keys(self) -> Iterator[tuple[str, bytes]]:
        size = len(digest(""))
        rows = read_table(file_of("train", self._out), ["document"])
        for begin, row in zip(range(0, len(self._trained_on), size), rows, strict=True):
            yield row["document"], bytes(self._trained_on[begin : begin + size])


def file_of(split: str, out: Path) -> Path:
    """The file of a split."""
    return out / f"{split}.parquet"


@contextmanager
def writing_splits(name: str, out: Path) -> Iterator[Splits]:
    """Open the splits for writing while the block runs.

    Args:
        name: of the corpus, for its page.
        out: folder of train.parquet and validation.parquet.
    """
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(TableWriter(file_of(split, out), COLUMNS))
            for split in SPLITS
        }
        yield Splits(name, out, writers)
