"""Published tokenizers: where one is, and what it is by content, without loading it.

A tokenizer enters the key of the cache by the digests of its files, or by its commit on the Hugging
Face Hub, never by where it lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.machinery.digest_memo import digest_file
from tasks.machinery.stage import StageError
from tasks.sources.commits import commit_of
from tasks.spec import Part, field
from tasks.spelling import nearest_path

FIELD = "tokenizer.published"
ACCEPTED = (
    "Accepted: a vocab.txt, a folder with a tokenizer.json or vocab.txt, or hf:NAME[@REVISION]"
)

# What a folder may hold of a tokenizer; other files in it (weights, notes) change nothing.
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
)


class PublishedTokenizer(Part):
    """A tokenizer that somebody else has trained."""

    location: str = field(
        ...,
        "Location",
        "A vocab.txt, a folder, or the name of a repository of the Hub",
        in_key=False,
    )
    kind: Literal["vocabulary", "folder", "hub"] = Field(description="What the location is")
    identity: dict[str, str] = Field(description="File name: SHA-256, or name on the Hub: commit")


def resolve_published(location: str) -> PublishedTokenizer | None:
    """Find a published tokenizer and compute what identifies it; None for an empty location.

    Raises:
        StageError: there is no tokenizer at the location.
    """
    if not location:
        return None
    if location.startswith("hf:"):
        return _resolve_hub(location)
    path = Path(location).expanduser()
    if path.is_file():
        return _resolve_vocabulary(path)
    if (path / "tokenizer.json").is_file():
        identity = {name: digest_file(path / name) for name in FILES if (path / name).is_file()}
        return PublishedTokenizer(location=str(path), kind="folder", identity=identity)
    if (path / "vocab.txt").is_file():
        return _resolve_vocabulary(path / "vocab.txt")
    if path.is_dir():
        raise StageError(
            f"{FIELD}: {location} is a folder with neither tokenizer.json nor vocab.txt. {ACCEPTED}"
        )
    raise StageError(f"{FIELD}: {location} does not exist{nearest_path(path)}. {ACCEPTED}")


def _resolve_vocabulary(path: Path) -> PublishedTokenizer:
    if path.suffix != ".txt":
        raise StageError(f"{FIELD}: {path} is not a .txt file with an entry a line. {ACCEPTED}")
    if path.stat().st_size == 0:
        raise StageError(f"{FIELD}: {path} is empty; it must hold an entry a line")
    identity = {"vocab.txt": digest_file(path)}
    return PublishedTokenizer(location=str(path), kind="vocabulary", identity=identity)


def _resolve_hub(location: str) -> PublishedTokenizer:
    identity = commit_of(location, FIELD, "model")
    return PublishedTokenizer(location=next(iter(identity)), kind="hub", identity=identity)
