"""`builtin:pydocs-library`: which library a docstring describes, with revealing names masked.

One passage per docstring: its first paragraphs, cut at a sentence. Names of the libraries, words
that contain them (`to_numpy`, `PyTorch`, `MlflowClient`) and attributes of their usual aliases
(`np.ndarray`) become the word `library`, so the answer must come from the content. The ids are
those of `builtin:pydocs`, so that a corpus can leave the documents of the test split out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

from tasks.data.rows import Columns, Row
from tasks.data.same_text import digest
from tasks.data.text.sentences import split_sentences
from tasks.sources import Progress, Source
from tasks.sources.pydocs.docstrings import DISTRIBUTIONS, Docstring, versions
from tasks.sources.pydocs.text import origin, paragraphs
from tasks.sources.pydocs.unique import unique

WRITTEN = "builtin:pydocs-library"
HOLDS = "text-classification"
LIBRARIES = ()

MASK = "library"
ROWS_EACH = 600  # the same for every library
MEGABYTES_EACH = 4.0  # of source: at least 750 passages each; transformers has the most copies
MIN_CHARACTERS, MAX_CHARACTERS = 80, 400

# Parts of words; `transformers` is a whole word, as several libraries speak of a `transformer`.
_PARTS = "|".join(
    [name for name in DISTRIBUTIONS if name != "transformers"]
    + ["scikit", "mpl_toolkits", "huggingface", "hugging_face"]
)
_WORDS = "transformers|hugging face|np|pd|plt|mpl|pyplot|pylab|nx|sa|sp|hf"
_TELLTALE = re.compile(
    rf"\b\w*(?:{_PARTS})\w*(?:[.-]\w+)*|\b(?:{_WORDS})\b(?:\.\w+)*",  # and the dotted rest
    re.IGNORECASE,
)


def claims(location: str) -> bool:
    """Whether this is what a person wrote."""
    return location == WRITTEN


def identify(*_: object) -> dict[str, str]:
    """The versions of the packages."""
    return versions()


def name_of(_identity: dict[str, str]) -> str:
    """As a person writes it."""
    return WRITTEN


def rows(_source: Source, _columns: Columns, progress: Progress) -> Iterator[Row]:
    """Unique passages, equally many of every library, chosen by a hash of their ids."""
    passages: dict[str, dict[bytes, Row]] = {library: {} for library in DISTRIBUTIONS}
    found = unique(f"{__name__}:passage", MEGABYTES_EACH, progress, itemgetter(1))
    for _, (document, text, source) in found:
        library = document.partition("/")[0]
        values = {"text": text, "label": library}
        passages[library][digest(document)] = Row("", document, values, document, source)
    for candidates in passages.values():
        yield from (candidates[key] for key in sorted(candidates)[:ROWS_EACH])


def passage(docstring: Docstring) -> list[tuple[str, str, str]]:
    """The id, the masked passage and the origin of a docstring; empty if it is too short."""
    text = ""
    for sentence in split_sentences("\n\n".join(paragraphs(docstring.text))):
        longer = f"{text} {sentence}".lstrip()
        if len(longer) > MAX_CHARACTERS:
            break
        text = longer
    masked = mask(text)
    if len(masked) < MIN_CHARACTERS:
        return []
    return [(docstring.document, masked, origin(docstring.text))]


def mask(text: str) -> str:
    """The text with every revealing name replaced by the word `library`."""
    return _TELLTALE.sub(MASK, text)
