"""`hf:NAME[@REVISION]`: a data set of the Hugging Face Hub, streamed by `datasets`.

Streaming leaves no copy behind. The identity is the commit, so that a moving branch is noticed and
a fixed revision is the same for ever. No code of the repository is run: `datasets` reads data files
only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tasks.machinery.stage import StageError
from tasks.sources import Column, Columns, Document, Progress, Row, Source
from tasks.sources.files import SPLIT_WORDS
from tasks.sources.formats import require
from tasks.spec import Corpus

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 10.0  # to wait for the Hub's answer about a revision


def identify(location: str, field: str, *_: object) -> dict[str, str]:
    """The commit that a name and a revision stand for.

    Raises:
        StageError: there is no such data set, or the Hub cannot be reached.
    """
    name, _at, revision = location.removeprefix("hf:").partition("@")
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?", name):
        raise StageError(
            f"{field}: {location!r} is no name of a data set; write hf:OWNER/NAME[@REVISION]"
        )
    if _COMMIT.fullmatch(revision):
        return {name: revision}
    return {name: _commit(name, revision, location, field)}


def documents(source: Source, corpus: Corpus, progress: Progress) -> Iterator[Document]:
    """The text column of the training split, or of the only one."""
    column = Column(corpus.text_column, "corpus.text_column")
    splits = _load(source)
    split = "train" if "train" in splits else next(iter(splits))
    for number, where, values in _values(source, split, splits[split], [column]):
        progress(number, 0, "documents")
        if isinstance(text := values[column.name], str):
            yield Document(where, text)


def rows(source: Source, columns: Columns, progress: Progress) -> Iterator[Row]:
    """The rows of the splits for train, validation and test, labels by their names."""
    splits = _load(source)
    known = [split for split in splits if split.lower() in SPLIT_WORDS]
    if not known and len(splits) > 1:
        raise StageError(
            f"{source.location}: no split for training among {', '.join(splits)}; accepted names: "
            f"{', '.join(SPLIT_WORDS)}"
        )
    for split in known or splits:
        given = SPLIT_WORDS.get(split.lower(), "")
        for number, where, values in _values(source, split, splits[split], columns.needed):
            progress(number, 0, f"rows of {split}")
            yield Row(given, columns.document_of(values), values, where)


def _values(
    source: Source, split: str, stream: Any, columns: Sequence[Column]
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The rows of a split, numbered from 1, class labels by their names."""
    features = stream.features or {}
    number = 0
    with _reading(source):
        for number, values in enumerate(stream, 1):
            where = f"{source.location}, split {split}, row {number}"
            require(columns, list(values), where)
            named = {name: _by_name(value, features.get(name)) for name, value in values.items()}
            yield number, where, named


def _by_name(value: Any, feature: Any) -> Any:
    """A class label by its name, also in lists; -1 is how the Hub hides a label."""
    inner = getattr(feature, "feature", None)
    names = getattr(feature, "names", None) or getattr(inner, "names", None)
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [names[number] for number in value]
    return names[value] if value >= 0 else None


def _load(source: Source) -> Any:
    from datasets import load_dataset

    (name, commit), *_ = source.identity.items()
    with _reading(source):
        return load_dataset(name, revision=commit, streaming=True)


@contextmanager
def _reading(source: Source) -> Iterator[None]:
    """Tell what `datasets` raises, which is what its many readers raise, in one line."""
    try:
        yield
    except (StageError, GeneratorExit):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StageError(f"{source.location}: the data set cannot be read: {reason}") from None


def _commit(name: str, revision: str, location: str, field: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().dataset_info(name, revision=revision or None, timeout=_SECONDS)
    except RevisionNotFoundError:
        problem = f"the data set {name} has no revision {revision!r}"
    except GatedRepoError:
        problem = f"{name} is gated: ask for access on its page, then `hf auth login`"
    except RepositoryNotFoundError:
        problem = f"no data set {name!r} that you may see (a private one needs `hf auth login`)"
    except OfflineModeIsEnabled:
        problem = f"{location} is on the Hub, and HF_HUB_OFFLINE forbids to reach it"
    except Exception as error:  # of whichever HTTP library the Hub's client uses
        problem = (
            f"the Hugging Face Hub cannot be reached for {location} ({type(error).__name__}); "
            "with a commit behind the name, hf:NAME@<40 hex digits>, plans need no network"
        )
    else:
        return str(info.sha)
    raise StageError(f"{field}: {problem}")
