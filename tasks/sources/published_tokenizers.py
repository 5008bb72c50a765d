"""Published tokenizers: their location and the identity of their content, without loading them.

A tokenizer enters the cache key by the digests of its files, or by its commit on the Hugging Face
Hub, never by its location. Mistakes in the files of a local one are reported here, as far as that
needs no tokenizer library.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tasks.contract import StageError
from tasks.data.text.tokenizer_files import TOKENIZER_FILES
from tasks.experiment.fields import Part, field
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.foreign_json import read_foreign_json, read_foreign_text
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.hub import commit_of
from tasks.machinery.naming.links import require_inside
from tasks.machinery.naming.paths import place
from tasks.machinery.naming.spelling import nearest_path

FIELD = "tokenizer.published"
ACCEPTED = (
    "Accepted: a vocab.txt, a folder with a tokenizer.json, a vocab.txt, or a vocab.json and "
    "merges.txt, or hf:NAME[@REVISION]"
)

LONGEST_ENTRY = 10_000  # characters
MOST_ENTRIES = 2_000_000  # the largest vocabularies of the Hub have half of that

MERGES = ("vocab.json", "merges.txt")  # byte-level BPE, as GPT-2 and RoBERTa were published
# Names, or their ends, of files that transformers reads with some tokenizer; not those of data.
READ = (
    *(*TOKENIZER_FILES, ".json", ".jinja"),
    *(".model", ".spm", "bpe.codes", "dict.txt", "prophetnet.tokenizer"),
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # what a vocab.txt must have


class PublishedTokenizer(Part):
    """A tokenizer trained elsewhere."""

    location: str = field(
        ...,
        "Location",
        "A vocab.txt, a folder, or the name of a repository of the Hub",
        in_key=False,
    )
    kind: Literal["vocabulary", "merges", "folder", "hub"] = Field(
        description="What the location is"
    )
    identity: dict[str, str] = Field(description="File name: SHA-256, or name on the Hub: commit")


def resolve_published(location: str) -> PublishedTokenizer | None:
    """Find a published tokenizer and compute its identity; None for an empty location.

    Raises:
        StageError: there is no tokenizer at the location.
    """
    if not location:
        return None
    if location.startswith("hf:"):
        return _resolve_hub(location)
    try:
        return _resolve_local(location, place(location))
    except OSError as error:  # not absent, but no permission, or a name that is too long
        raise StageError(
            f"{FIELD}: {error.filename or location} cannot be read: {error.strerror}"
        ) from None


def _resolve_local(location: str, path: Path) -> PublishedTokenizer:
    if path.is_file():
        return _resolve_vocabulary(path)
    if path.is_dir():
        require_no_link_out(path)
    if (path / "tokenizer.json").is_file():
        require_whole(path / "tokenizer.json")
        identity = {
            name: digest_file(path / name) for name in TOKENIZER_FILES if (path / name).is_file()
        }
        return PublishedTokenizer(location=str(path), kind="folder", identity=identity)
    if (path / "vocab.txt").is_file():
        return _resolve_vocabulary(path / "vocab.txt")
    if all((path / name).is_file() for name in MERGES):
        require_merges(path)
        identity = {name: digest_file(path / name) for name in MERGES}
        return PublishedTokenizer(location=str(path), kind="merges", identity=identity)
    if path.is_dir():
        raise StageError(f"{FIELD}: {location} is a folder without a tokenizer. {ACCEPTED}")
    raise StageError(f"{FIELD}: {location} does not exist{nearest_path(path)}. {ACCEPTED}")


def require_no_link_out(folder: Path) -> None:
    """Check that no file that is read in a tokenizer's folder is a link to a file elsewhere.

    The library also reads some that are not in the identity (templates).

    Raises:
        StageError: with the link and its target.
    """
    files = [
        entry for entry in folder.iterdir() if entry.name.endswith(READ) and not entry.is_dir()
    ]
    templates = folder / "additional_chat_templates"
    nested = [templates, *templates.iterdir()] if templates.is_dir() else []
    names = [entry.relative_to(folder).as_posix() for entry in (*files, *nested)]
    require_inside(folder, sorted(names), f"{FIELD}: {folder}")


def _resolve_vocabulary(path: Path) -> PublishedTokenizer:
    if path.suffix != ".txt":
        raise StageError(f"{FIELD}: {path} is not a .txt file with one entry per line. {ACCEPTED}")
    if path.stat().st_size == 0:
        raise StageError(f"{FIELD}: {path} is empty; it must contain one entry per line")
    read_vocabulary(path)
    identity = {"vocab.txt": digest_file(path)}
    return PublishedTokenizer(location=str(path), kind="vocabulary", identity=identity)


def read_vocabulary(path: Path, field: str = FIELD) -> dict[str, int]:
    """Read a vocab.txt: one entry per line, numbered by its line.

    Raises:
        StageError: it is too large, not UTF-8, has an entry twice, or lacks special tokens.
    """
    text = read_foreign_text(path, f"{field}: {path}", "utf-8-sig")
    entries = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    require_short(entries, f"{field}: {path}")
    vocabulary: dict[str, int] = {}
    for number, entry in enumerate(entries):
        known = vocabulary.setdefault(entry, number)
        if known != number:
            raise StageError(
                f"{field}: {path}: {entry!r} is on line {known + 1} and on line {number + 1}"
            )
    missing = [token for token in SPECIAL if token not in vocabulary]
    if missing:
        raise StageError(f"{field}: {path}: not a BERT vocabulary: it lacks {', '.join(missing)}")
    return vocabulary


def require_merges(folder: Path) -> None:
    """Check that a vocab.json numbers its entries, and that merges.txt is text.

    Raises:
        StageError: they do not, or cannot be read.
    """
    file = folder / MERGES[0]
    found = read_foreign_json(file, f"{FIELD}: {file}", "utf-8-sig")
    try:
        (folder / MERGES[1]).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StageError(f"{FIELD}: {folder}: not UTF-8 at byte {error.start}") from None
    if not isinstance(found, dict) or not all(type(n) is int for n in found.values()):
        raise StageError(f"{FIELD}: {file} must map each entry to its number")
    require_short(found, f"{FIELD}: {file}")
    require_consecutive(set(found.values()), str(file))


def require_whole(file: Path, field: str = FIELD) -> None:
    """Check that a tokenizer.json numbers its entries from 0 without a gap.

    A model has one row per entry, so a number beyond their count has no row.

    Raises:
        StageError: it does not, or it is not a JSON file of a tokenizer.
    """
    found = read_foreign_json(file, f"{field}: {file}")
    try:
        numbers = _numbers(found)
        entries = found["model"]["vocab"]
        named = entries if isinstance(entries, dict) else (str(entry[0]) for entry in entries)
        require_short(named, f"{field}: {file}: model.vocab")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise StageError(
            f"{field}: {file}: no tokenizer could be loaded: it has no vocabulary (model.vocab)"
        ) from None
    require_consecutive(numbers, str(file), field)


def require_short(entries: Iterable[str], where: str) -> None:
    """Check that a vocabulary has not too many entries, and none that is no word.

    Raises:
        StageError: with the start of the entry.
    """
    count = 0
    for count, entry in enumerate(entries, 1):
        if len(entry) > LONGEST_ENTRY:
            raise StageError(
                f"{where}: the entry {count} ({cut(entry, 40)!r}) has {len(entry):,} characters; "
                f"accepted: at most {LONGEST_ENTRY:,}"
            )
    if count > MOST_ENTRIES:
        raise StageError(f"{where}: {count:,} entries; accepted: at most {MOST_ENTRIES:,}")


def require_consecutive(numbers: set[int], where: str, field: str = FIELD) -> None:
    """Check that the entries of a vocabulary are numbered from 0 without a gap.

    Raises:
        StageError: with the first number beyond their count.
    """
    beyond = sorted(number for number in numbers if not 0 <= number < len(numbers))
    if beyond:
        raise StageError(
            f"{field}: {where}: one of its {len(numbers)} entries has the number {beyond[0]}; "
            f"accepted: 0 to {len(numbers) - 1} without a gap, since the model has a row for each"
        )


def _numbers(tokenizer: dict[str, Any]) -> set[int]:
    """The numbers of all entries; for a Unigram model, the positions in its list."""
    entries = tokenizer["model"]["vocab"]
    known = set(entries.values()) if isinstance(entries, dict) else set(range(len(entries)))
    numbers = known | {added["id"] for added in tokenizer.get("added_tokens") or []}
    if not all(type(number) is int for number in numbers):
        raise TypeError
    return numbers


def _resolve_hub(location: str) -> PublishedTokenizer:
    identity = commit_of(location, FIELD, "model")
    return PublishedTokenizer(location=next(iter(identity)), kind="hub", identity=identity)
