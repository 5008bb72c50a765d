"""The part `tokenizer`: how text becomes tokens."""

from __future__ import annotations

from typing import Literal

from tasks.experiment.fields import Part, field

TRAINED = {"published": ("",)}


class Tokenizer(Part):
    """How text becomes tokens."""

    algorithm: Literal["wordpiece", "bpe"] = field(
        "wordpiece",
        "Algorithm",
        "wordpiece as in BERT, or byte-level bpe as in RoBERTa",
        only_with=TRAINED,
    )
    vocab_size: int = field(
        8192,
        "Vocabulary size",
        "Entries in the vocabulary, special tokens included",
        ge=64,
        le=262_144,
        only_with=TRAINED,
    )
    lowercase: bool = field(True, "Lower-case", "Fold case before tokenizing")
    accents: Literal["auto", "strip", "keep"] = field(
        "auto",
        "Accents",
        "Strip the accents of Latin, Greek and Cyrillic letters before tokenizing, or keep them; "
        "auto strips them if case is folded. The marks of other scripts are no accents and stay",
        only_with=TRAINED,
        absent="auto",
    )
    min_frequency: int = field(
        2,
        "Least frequency",
        "Smallest number of occurrences of an entry in the corpus",
        ge=1,
        le=10**9,
        only_with=TRAINED,
    )
    published: str = field(
        "",
        "Published tokenizer",
        "Tokenizer to load instead of training one: a vocab.txt, a folder with a tokenizer.json, "
        "or hf:NAME[@REVISION]; empty trains one on the corpus",
        in_key=False,
    )

    @property
    def strip_accents(self) -> bool:
        """Whether accents are stripped."""
        return self.accents == "strip" or (self.accents == "auto" and self.lowercase)
