"""The parts `images` and `pixels`: which pictures there are, and how they become numbers."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import field_validator

from tasks.experiment.fields import Part, as_column, field

LONGEST_PATTERN = 200  # characters


class PictureColumns(Part):
    """The column of each role, in tables of pictures; by name, or by number from 0."""

    image: str = field(
        "image",
        "Image",
        "Column with the path of a picture beside the table, or in Parquet files its bytes",
        min_length=1,
    )
    label: str = field("label", "Label", "Column with the label", min_length=1)
    group: str = field(
        "",
        "Group",
        "Column with the group of a picture (a person, a video, a slide): its pictures stay in one "
        "split; empty for none",
    )
    split: str = field(
        "",
        "Split",
        "Column with the split of a picture (train, validation or test), in files whose names do "
        "not state it; empty for none",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        return as_column(value)


class PictureSet(Part):
    """Pictures: how they are described, grouped and split."""

    columns: PictureColumns = field(
        PictureColumns(), "Columns", "Which column of a table of pictures has which role"
    )
    group_pattern: str = field(
        "",
        "Group pattern",
        "Regular expression with one group, searched in the name of a picture: what it matches is "
        "its group, and pictures of a group stay in one split, as in ^(\\w+)_; empty for none",
        max_length=LONGEST_PATTERN,
    )
    validation_share: float = field(
        0.1,
        "Validation share",
        "Share of the pictures for validation, if the source has no such split",
        gt=0,
        lt=1,
    )
    overlap: Literal["error", "drop"] = field(
        "error",
        "Overlap",
        "What to do with pictures of which another split has a copy (the same by a perceptual "
        "hash) or the same group: stop, or leave them out of training",
    )

    @field_validator("group_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"found {value!r}, no regular expression: {error}") from None
        if value and groups != 1:
            raise ValueError(
                f"found {value!r}, with {groups} groups in parentheses; accepted: exactly one"
            )
        return value


class Images(PictureSet):
    """The pictures to pre-train on."""

    source: str = field(
        "",
        "Source",
        "Where the pictures are (needed): a folder of pictures, of folders by class, or of IDX "
        "files; a .csv, .tsv, .jsonl or .parquet file with a column of paths or pictures; "
        "hf:NAME[:CONFIGURATION][@REVISION] for a data set on the Hugging Face Hub; or "
        "builtin:glyphs, the letters and signs of matplotlib's fonts",
        in_key=False,
        needed=True,
    )
    validation_share: float = field(
        0.05,
        "Validation share",
        "Share of the pictures held out to measure pre-training, if the source has no such split",
        gt=0,
        lt=1,
    )
    overlap: Literal["error", "drop"] = field(
        "drop",
        "Overlap",
        "What to do with pictures of which the validation split has a copy (the same by a "
        "perceptual hash) or the same group: stop, or leave them out of training. Pictures of test "
        "splits are always left out",
    )
    max_pictures: int = field(
        0, "Most pictures", "Largest number of pictures to read; 0 for all", ge=0, le=10**9
    )

    @property
    def part(self) -> str:
        """The part of the experiment, for messages."""
        return "images"


class Pixels(Part):
    """How pictures become numbers."""

    size: int = field(
        64, "Size", "Height and width of a picture for the model, in pixels", ge=8, le=1024
    )
    channels: Literal[1, 3] = field(
        3, "Channels", "3 stores colours, 1 shades of grey (the model reads three equal channels)"
    )
    fit: Literal["crop", "stretch"] = field(
        "crop",
        "Fit",
        "What a picture that is no square becomes: crop keeps the middle, after the shorter side "
        "is resized; stretch resizes both sides",
    )
