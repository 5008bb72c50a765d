"""The part `corpus`: the text to pre-train on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from tasks.experiment.fields import Part, as_column, field

Sentences = Literal["auto", "line"]


class Corpus(Part):
    """The text to pre-train on."""

    source: str = field(
        "",
        "Source",
        "Where the text is (needed): a .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or "
        ".arrow file or a folder of them, hf:NAME[:CONFIGURATION][@REVISION] for a data set on the "
        "Hugging Face Hub, or builtin:pydocs, the documentation of this machine's Python packages",
        in_key=False,
    )
    text_column: str = field(
        "text",
        "Text column",
        "Column or key with the text (tables and JSON); a number from 0 in tables without a header",
        min_length=1,
    )
    documents: Literal["auto", "file", "paragraph", "line"] = field(
        "auto",
        "Documents",
        "Unit of a document in a .txt or .md file: the file, a paragraph between blank lines, or a "
        "line; auto: the file in a folder, the paragraph in a single file",
    )
    sentences: Sentences = field(
        "auto",
        "Sentences",
        "Where a sentence ends, for objectives that need sentences: auto finds full stops and the "
        "like; line takes each line for a sentence, as in files that have one a line",
        in_key=False,  # it is an argument of the stage that cuts text into sentences
    )
    validation_share: float = field(
        0.02,
        "Validation share",
        "Share of the documents held out to measure pre-training",
        gt=0,
        lt=1,
    )
    min_characters: int = field(
        40,
        "Shortest document",
        "Documents shorter than this are left out, in characters; one of Han, Kana or Hangul "
        "counts as three",
        ge=1,
        le=10**9,
    )
    max_documents: int = field(
        0, "Most documents", "Largest number of documents to read; 0 for all", ge=0, le=10**9
    )

    @field_validator("text_column", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        return as_column(value)
