"""The part `downstream`: labelled rows, and how a model learns from them."""

from __future__ import annotations

from typing import Literal

from tasks.experiment.fields import NAME_PATTERN, Part, field

TaskName = Literal["text-classification", "token-classification"]

OF_TEXTS = {"problem": ("text-classification",)}
OF_TOKENS = {"problem": ("token-classification",)}


class LabelledData(Part):
    """Rows with labels: where they are, and how they are split."""

    name: str = field(
        "library",
        "Name",
        "Short name, used in metrics: downstream/NAME/…",
        in_key=False,
        pattern=NAME_PATTERN,
        max_length=40,
    )
    problem: TaskName = field(
        "text-classification",
        "Problem",
        "What is predicted: one label a text, or one tag a token (named entities)",
    )
    source: str = field(
        "builtin:pydocs-library",
        "Source",
        "Where the labelled rows are: builtin:pydocs-library, builtin:pydocs-code, a .csv, .jsonl, "
        ".parquet or .conll file, a folder with train, validation and test files, or "
        "hf:NAME[@REVISION]",
        in_key=False,
        min_length=1,
    )
    text_column: str = field(
        "text", "Text column", "Column that holds the text", min_length=1, only_with=OF_TEXTS
    )
    label_column: str = field(
        "label", "Label column", "Column that holds the label", min_length=1, only_with=OF_TEXTS
    )
    tokens_column: str = field(
        "tokens",
        "Tokens column",
        "Column with the list of tokens",
        min_length=1,
        only_with=OF_TOKENS,
    )
    tags_column: str = field(
        "tags",
        "Tags column",
        "Column with the list of BIO tags",
        min_length=1,
        only_with=OF_TOKENS,
    )
    document_column: str = field(
        "document",
        "Document column",
        "Column, if there is one, that names the document of a row: its rows stay in one split",
        min_length=1,
    )
    validation_share: float = field(
        0.1,
        "Validation share",
        "Share for validation where the source has no such split",
        gt=0,
        lt=1,
    )
    test_share: float = field(
        0.2, "Test share", "Share for the test where the source has no such split", gt=0, lt=1
    )
    overlap: Literal["error", "drop"] = field(
        "error",
        "Overlap",
        "What to do with training rows whose text is in the test split: stop, or leave them out",
    )


class FineTuning(Part):
    """How a body learns from labelled rows."""

    train_examples: int = field(
        0, "Training examples", "Labelled examples to learn from; 0 takes them all", ge=0, le=10**9
    )
    epochs: int = field(3, "Epochs", "Passes over the training examples", ge=1, le=10_000)
    batch_size: int = field(32, "Batch size", "Examples in a step", ge=1, le=65_536)
    micro_batch_size: int = field(
        0,
        "Micro-batch size",
        "Examples computed at once, their gradients added up to the batch's; with dropout other "
        "numbers are drawn; 0 takes as many as fit into the machine's memory",
        ge=0,
        le=65_536,
    )
    learning_rate: float = field(5e-4, "Learning rate", "Peak learning rate of AdamW", gt=0, le=1)
    warmup_share: float = field(
        0.1, "Warm-up share", "Share of the steps in which the learning rate rises", ge=0, le=1
    )
    weight_decay: float = field(0.01, "Weight decay", "Decoupled weight decay of AdamW", ge=0, le=1)
    dropout: float = field(0.1, "Dropout", "Dropout while fine-tuning", ge=0, lt=1)
    max_length: int = field(
        128, "Longest example", "Longer examples are cut, in tokens", ge=8, le=32_768
    )
    precision: Literal["auto", "fp32", "bf16"] = field(
        "auto", "Precision", "auto is bf16 where the hardware is fast at it, else fp32"
    )


class Downstream(FineTuning, LabelledData):
    """A problem with labels that the body is fine-tuned on."""

    @property
    def data(self) -> LabelledData:
        """The part that decides about the rows."""
        return LabelledData(**{name: getattr(self, name) for name in LabelledData.model_fields})

    @property
    def training(self) -> FineTuning:
        """The part that decides about the training."""
        return FineTuning(**{name: getattr(self, name) for name in FineTuning.model_fields})
