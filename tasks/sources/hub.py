"""`hf:NAME[:CONFIGURATION][@REVISION]`: a data set on the Hugging Face Hub, read by `datasets`.

It is streamed, without a local copy. The identity is the commit, under the name with the
configuration. No code of the repository is run: `datasets` reads data files only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Columns, Document, Row, Split
from tasks.experiment.corpus import Corpus
from tasks.machinery.naming.hub import commit_of, require_answer
from tasks.sources import Progress, Source
from tasks.sources.columns import require, text_in
from tasks.sources.folders import SPLIT_WORDS, mismatched

WRITTEN = "hf:NAME[:CONFIGURATION][@REVISION]"
HOLDS = ""
LIBRARIES = ("datasets",)


def claims(location: str) -> bool:
    """Whether this is the name of a data set of the Hub."""
    return location.startswith("hf:")


def name_of(identity: dict[str, str]) -> str:
    """The name of the data set, and the beginning of its commit."""
    ((name, commit),) = identity.items()
    return f"hf:{name}@{commit[:12]}"


def identify(location: str, field: str, *_: object) -> dict[str, str]:
    """The commit of a name and a revision.

    Raises:
        StageError: there is no such data set, or the Hub is unreachable.
    """
    return commit_of(location, field, "dataset")


def documents(source: Source, corpus: Corpus, progress: Progress) -> Iterator[Document]:
    """The text column of the training split, or of the only one."""
    column = Column(corpus.text_column, "corpus.text_column")
    splits = _load(source)
    split = "train" if "train" in splits else next(iter(splits))
    for number, where, values in _values(source, split, splits[split], [column]):
        progress(number, 0, "documents")
        yield Document(where, text_in(values, column, where))


def rows(source: Source, columns: Columns, progress: Progress) -> Iterator[Row]:
    """The rows of the splits for train, validation and test, labels by their names."""
    splits = _load(source)
    known = _known(splits)
    if not known and len(splits) > 1:
        raise StageError(
            f"{source.location}: no training split among {', '.join(splits)}; accepted names: "
            f"{', '.join(SPLIT_WORDS)}"
        )
    for split in known or splits:
        given = known.get(split, "")
        for number, where, values in _values(source, split, splits[split], columns.needed):
            progress(number, 0, f"rows of {split}")
            yield Row(given, columns.document_of(values), values, where)


def _known(splits: Iterable[str]) -> dict[str, Split]:
    """The splits that are read as rows, each with what it is; of MNLI's sets the matched ones."""
    words = {split: split.lower().removesuffix("_matched") for split in splits}
    return {split: SPLIT_WORDS[word] for split, word in words.items() if word in SPLIT_WORDS}


def remarks(source: Source) -> list[str]:
    """The splits that are no part of the rows."""
    splits = list(_load(source))
    known, second = _known(splits), mismatched(splits)
    found = [
        f"the split {name} is no part of {own}, and is passed over; saved as a file, it can be a "
        "source of evaluate_also, which tests on it too"
        for name, own in second.items()
    ]
    others = [name for name in splits if name not in known and name not in second]
    if known and others:
        found.append(f"splits of other names are passed over: {', '.join(others)}")
    return found


def _values(
    source: Source, split: str, stream: Any, columns: Sequence[Column]
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The rows of a split, numbered from 1, class labels by their names.

    The position of a row, which names its document, omits the revision, so that two spellings of
    the same commit give the same documents.
    """
    features = stream.features or {}
    (name,) = source.identity
    with reading(source):
        for number, values in enumerate(stream, 1):
            where = f"hf:{name}, split {split}, row {number}"
            require(columns, list(values), where)
            named = {name: _by_name(value, features.get(name)) for name, value in values.items()}
            yield number, where, named


def _by_name(value: Any, feature: Any) -> Any:
    """A class label by its name, also in lists; -1 marks a hidden label on the Hub."""
    inner = getattr(feature, "feature", None)
    names = getattr(feature, "names", None) or getattr(inner, "names", None)
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [names[number] if number >= 0 else None for number in value]
    return names[value] if value >= 0 else None


def _load(source: Source) -> Any:
    from datasets import load_dataset

    ((written, commit),) = source.identity.items()
    name, _, configuration = written.partition(":")
    require_answer(name, commit, "dataset")
    with reading(source):
        return load_dataset(name, configuration or None, revision=commit, streaming=True)


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Report any exception of `datasets` and its readers in one line."""
    try:
        yield
    except (StageError, GeneratorExit):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StageError(f"{source.location}: the data set cannot be read: {reason}") from None
