"""Published tokenizers: where one is, and what it is by content, without loading it.

A tokenizer enters the key of the cache by the digests of its files, or by its commit on the Hugging
Face Hub, never by where it lies.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.machinery.stage import StageError
from tasks.spec import Part, field

FIELD = "tokenizer.published"
ACCEPTED = (
    "accepted: a vocab.txt, a folder with a tokenizer.json or vocab.txt, or hf:NAME[@REVISION]"
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
        identity = {name: _digest(path / name) for name in FILES if (path / name).is_file()}
        return PublishedTokenizer(location=str(path), kind="folder", identity=identity)
    if (path / "vocab.txt").is_file():
        return _resolve_vocabulary(path / "vocab.txt")
    if path.is_dir():
        raise StageError(
            f"{FIELD}: {location} is a folder with neither tokenizer.json nor vocab.txt; {ACCEPTED}"
        )
    raise StageError(f"{FIELD}: {location} does not exist{_nearest(path)}; {ACCEPTED}")


def _resolve_vocabulary(path: Path) -> PublishedTokenizer:
    if path.suffix != ".txt":
        raise StageError(f"{FIELD}: {path} is not a .txt file with an entry a line; {ACCEPTED}")
    if path.stat().st_size == 0:
        raise StageError(f"{FIELD}: {path} is empty; it must hold an entry a line")
    identity = {"vocab.txt": _digest(path)}
    return PublishedTokenizer(location=str(path), kind="vocabulary", identity=identity)


def _resolve_hub(location: str) -> PublishedTokenizer:
    name, _, revision = location.removeprefix("hf:").partition("@")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise StageError(f"{FIELD}: {location!r} is not a name on the Hub; {ACCEPTED}")
    # A full commit names the content by itself: no request, so it also works without a network.
    commit = revision if re.fullmatch(r"[0-9a-f]{40}", revision) else _commit(name, revision)
    return PublishedTokenizer(location=name, kind="hub", identity={name: commit})


def _commit(name: str, revision: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        commit = HfApi().model_info(name, revision=revision or None, timeout=10).sha
    except RepositoryNotFoundError as error:
        raise StageError(f"{FIELD}: the Hub has no public repository {name!r}") from error
    except RevisionNotFoundError as error:
        raise StageError(f"{FIELD}: {name!r} has no revision {revision!r} on the Hub") from error
    except Exception as error:  # the client's errors have no common base: offline, DNS, HTTP, proxy
        raise StageError(
            f"{FIELD}: hf:{name} needs the Hugging Face Hub, which cannot be reached "
            f"({type(error).__name__}); a local folder, or hf:{name}@COMMIT already downloaded, can"
        ) from error
    return str(commit)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _nearest(path: Path) -> str:
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f" (did you mean {path.parent / near[0]}?)" if near else ""
