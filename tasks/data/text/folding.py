"""What text loses before it is cut into tokens: case, and accents.

BERT's uncased normalizer strips every combining mark. In many scripts a mark is no accent: it is
the vowel of a syllable, and `फल` (fruit) and `फूल` (flower) become one word. A tokenizer that is
trained here strips the marks of Latin, Greek and Cyrillic letters alone. A published one keeps the
normalizer that it was trained with.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Any
from unicodedata import combining, name, normalize

import pyarrow as pa
from tokenizers import Regex, normalizers

_ACCENTS = r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}])\p{Mn}+"


def folding(*, lowercase: bool, strip_accents: bool) -> normalizers.Normalizer:
    """The normalizer of a WordPiece tokenizer that is trained here."""
    clean = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False)
    return normalizers.Sequence([clean, *_stripping()]) if strip_accents else clean


def byte_level_folding(*, lowercase: bool, strip_accents: bool) -> normalizers.Normalizer | None:
    """The normalizer of a byte-level tokenizer that is trained here; None keeps text as it is."""
    parts = [*(_stripping() if strip_accents else []), *([normalizers.Lowercase()] * lowercase)]
    return normalizers.Sequence(parts) if parts else None


def _stripping() -> list[normalizers.Normalizer]:
    return [normalizers.NFD(), normalizers.Replace(Regex(_ACCENTS), ""), normalizers.NFC()]


def accents_in(texts: Iterable[pa.StringArray]) -> Counter[str]:
    """The accented letters of Latin, Greek and Cyrillic in texts, and how often each comes.

    An accent that is a character of its own counts with the letter before it, if it is in NFC.
    """
    found: Counter[str] = Counter()
    for text in chain.from_iterable(batch.to_pylist() for batch in texts):
        if not text.isascii():
            found.update(normalize("NFC", text))
    return Counter({letter: n for letter, n in found.items() if _is_accented(letter)})


def _is_accented(letter: str) -> bool:
    parts = normalize("NFD", letter)
    script = name(parts[0], "").partition(" ")[0]
    return script in {"LATIN", "GREEK", "CYRILLIC"} and any(map(combining, parts[1:]))


def is_local(normalizer: Any) -> bool:
    """Whether a normalizer is BERT's or `folding`: what it makes of a word depends on no other."""
    if isinstance(normalizer, normalizers.BertNormalizer):
        return True
    return isinstance(normalizer, normalizers.Sequence) and _written(normalizer) in _FOLDINGS


def _written(normalizer: normalizers.Normalizer) -> str:
    # The bindings show the parts of a sequence only as the JSON of a whole tokenizer.
    from tokenizers import Tokenizer, models

    frame = Tokenizer(models.WordLevel({}, unk_token=""))
    frame.normalizer = normalizer
    return json.dumps(json.loads(frame.to_str())["normalizer"], sort_keys=True)


_FOLDINGS = {
    _written(folding(lowercase=lowercase, strip_accents=True)) for lowercase in (False, True)
}
