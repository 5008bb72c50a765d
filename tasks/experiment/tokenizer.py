"""The part `tokenizer`: how text becomes tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from tasks.experiment import choices
from tasks.experiment.fields import Part, as_in, field

TRAINED = {"published": ("",)}
LEAST_UNIGRAM = 300  # entries: bytes, special tokens and some letters


class Tokenizer(Part):
    """How text becomes tokens, all of it settled: what the stage `tokenizer` is given."""

    algorithm: Literal["wordpiece", "bpe", "unigram"] = field(
        "wordpiece",
        "Algorithm",
        "wordpiece as in BERT, byte-level bpe as in RoBERTa, or unigram as in ALBERT",
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
        only_with={**TRAINED, "algorithm": ("auto", "wordpiece", "bpe")},
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


class TokenizerChoice(Part):
    """How text becomes tokens."""

    algorithm: Literal["auto", "wordpiece", "bpe", "unigram"] = as_in(
        Tokenizer,
        "algorithm",
        default="auto",
        description="wordpiece as in BERT, byte-level bpe as in RoBERTa and GPT-2, or unigram as "
        "in ALBERT; auto: bpe with decoders, else wordpiece (without published)",
    )
    vocab_size: int = as_in(Tokenizer, "vocab_size")
    lowercase: Literal["auto", "true", "false"] = as_in(
        Tokenizer,
        "lowercase",
        default="auto",
        description="Fold case before tokenizing; auto: not with decoders, whose text is read",
    )
    accents: Literal["auto", "strip", "keep"] = as_in(Tokenizer, "accents")
    min_frequency: int = as_in(Tokenizer, "min_frequency")
    published: str = as_in(Tokenizer, "published")

    @model_validator(mode="after")
    def _has_room_for_bytes(self) -> TokenizerChoice:
        if self.algorithm == "unigram" and self.vocab_size < LEAST_UNIGRAM:
            raise ValueError(
                f"vocab_size is {self.vocab_size}; accepted with algorithm unigram: at least "
                f"{LEAST_UNIGRAM}, as each of 256 bytes is an entry"
            )
        return self

    @field_validator("lowercase", mode="before")
    @classmethod
    def _word_of(cls, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    def settled(self, family: str) -> Tokenizer:
        """What is chosen for the models of a family."""
        decodes = choices.is_decoder(family)
        algorithm, lowercase = self.algorithm, self.lowercase
        if lowercase == "auto":  # a published vocabulary is taken for an uncased one, as ever
            lowercase = "false" if decodes and not self.published else "true"
        values = self.model_dump() | {"lowercase": lowercase == "true"}
        if algorithm == "auto":
            values["algorithm"] = "bpe" if decodes and not self.published else "wordpiece"
        return Tokenizer(**values)
