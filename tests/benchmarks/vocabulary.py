"""The vocabularies of the benchmark: trained on its corpus, or a published one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tasks.data.text.token_arrays import load_tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """One of them, with the tokens that were made by it.

    Attributes:
        data: the folder of all data of the benchmark.
        size: entries to train; not looked at where there is a file.
        file: a vocab.txt to use instead.
    """

    data: Path
    size: int
    file: Path | None = None

    @property
    def folder(self) -> Path:
        """Where its tokens are: by content, so another file under the same name is another one."""
        if self.file is None:
            return self.data / str(self.size)
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return self.data / f"{self.file.stem}-{digest[:12]}"

    @property
    def words(self) -> str:
        """What it is, in a row: its actual size, and where it is from."""
        size = len(load_tokenizer(self.folder / "tokenizer"))
        origin = "trained here" if self.file is None else "/".join(self.file.parts[-2:])
        return f"vocabulary {size:,} ({origin})"
