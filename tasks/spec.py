"""The experiment: one Pydantic model, read everywhere.

The YAML file, the parameter of the flow, the form in the Prefect UI, `--set` on the command line,
the keys of the cache and the parameters in MLflow are all this model. So every field has a type,
bounds, a default, a title and a description with its unit; variants are `Literal` choices, because
forms show a union as a box of raw JSON.

`in_key=False` marks a field that cannot change a result (or whose content enters the key in another
way, as the digest of the data behind `source`); such a field re-runs nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"

TaskName = Literal["text-classification", "token-classification"]


def field(default: Any, title: str, description: str, *, in_key: bool = True, **bounds: Any) -> Any:
    """A field of a form: its default, title, description (with the unit) and bounds."""
    return Field(
        default,
        title=title,
        description=description,
        json_schema_extra={"in_key": in_key},
        **bounds,
    )


class Part(BaseModel):
    """A part of an experiment: unknown keys are errors, fields keep their order."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Number the fields: the Prefect UI sorts a form alphabetically unless told otherwise."""
        super().__pydantic_init_subclass__(**kwargs)
        for position, info in enumerate(cls.model_fields.values()):
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            info.json_schema_extra = {**extra, "position": position}
        cls.model_rebuild(force=True)


class Corpus(Part):
    """The text to pre-train on."""

    source: str = field(
        "builtin:pydocs",
        "Source",
        "Where the text is: builtin:pydocs, a .txt, .md, .jsonl, .csv or .parquet file or a folder "
        "of them, or hf:NAME[:CONFIGURATION][@REVISION] for a data set of the Hugging Face Hub",
        in_key=False,
        min_length=1,
    )
    text_column: str = field(
        "text",
        "Text column",
        "Column or key that holds the text (tables and JSON lines)",
        min_length=1,
    )
    documents: Literal["auto", "file", "paragraph", "line"] = field(
        "auto",
        "Documents",
        "What one document is in a .txt or .md file: the file, a block between blank lines, or a "
        "line; auto is the file for a folder of them, and the block for a single file",
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
        "Documents shorter than this are left out, in characters",
        ge=1,
        le=10**9,
    )
    max_documents: int = field(
        0, "Most documents", "Documents read at most; 0 reads them all", ge=0, le=10**9
    )


class Tokenizer(Part):
    """How text becomes tokens."""

    algorithm: Literal["wordpiece", "bpe"] = field(
        "wordpiece", "Algorithm", "wordpiece as in BERT, or byte-level bpe as in RoBERTa"
    )
    vocab_size: int = field(
        8192,
        "Vocabulary size",
        "Entries in the vocabulary, special tokens included",
        ge=64,
        le=262_144,
    )
    lowercase: bool = field(True, "Lower-case", "Fold case (and strip accents) before tokenizing")
    min_frequency: int = field(
        2,
        "Least frequency",
        "Occurrences in the corpus that an entry needs to be learnt",
        ge=1,
        le=10**9,
    )
    published: str = field(
        "",
        "Published tokenizer",
        "Load this instead of training one: a vocab.txt, a folder with a tokenizer.json, or "
        "hf:NAME[@REVISION]; empty trains one on the corpus",
        in_key=False,
    )


class Model(Part):
    """The body that is pre-trained and then fine-tuned."""

    family: Literal["bert", "roberta"] = field("bert", "Family", "Architecture of the encoder")
    layers: int = field(4, "Layers", "Transformer layers", ge=1, le=96)
    hidden_size: int = field(256, "Hidden size", "Width of the hidden states", ge=8, le=8192)
    heads: int = field(4, "Heads", "Attention heads; they divide the hidden size", ge=1, le=128)
    intermediate_size: int = field(
        0,
        "Intermediate size",
        "Width of the feed-forward layer; 0 is four times the hidden size",
        ge=0,
        le=65_536,
    )
    max_positions: int = field(
        512,
        "Positions",
        "Longest sequence that the model can ever read, in tokens",
        ge=8,
        le=32_768,
    )
    initializer_range: float = field(
        0.02,
        "Initializer range",
        "Deviation of the layers' random weights (embeddings have 0.02 always); 0.02 is BERT's; "
        "0.088 (1/√width) learnt more with 128 units and 2 layers, much less with 256 and 4",
        ge=1e-4,
        le=1,
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Model:
        if self.hidden_size % self.heads:
            fitting = [h for h in range(1, self.hidden_size + 1) if self.hidden_size % h == 0]
            nearest = sorted(sorted(fitting, key=lambda h: abs(h - self.heads))[:4])
            raise ValueError(
                f"heads ({self.heads}) must divide hidden_size ({self.hidden_size}); "
                f"accepted near it: {', '.join(map(str, nearest))}"
            )
        return self


class Pretraining(Part):
    """How the body learns from text alone."""

    objective: Literal["mlm+nsp", "mlm"] = field(
        "mlm+nsp",
        "Objective",
        "mlm is masked language modelling (RoBERTa); mlm+nsp adds next-sentence prediction (BERT)",
    )
    steps: int = field(2500, "Steps", "Optimizer steps", ge=1, le=10**9)
    minutes: float = field(
        0.0,
        "Minutes",
        "Minutes of training after which it ends, if it has not made its steps before; the "
        "learning rate then follows the time too, and the number of steps depends on the machine; "
        "0 is no bound",
        ge=0,
        le=10**6,
    )
    batch_size: int = field(64, "Batch size", "Sequences in a step", ge=1, le=65_536)
    micro_batch_size: int = field(
        0,
        "Micro-batch size",
        "Sequences computed at once, their gradients added up to the batch's; with dropout other "
        "numbers are drawn; 0 takes as many as fit into the machine's memory",
        ge=0,
        le=65_536,
    )
    sequence_length: int = field(
        128, "Sequence length", "Tokens in a sequence, special tokens included", ge=8, le=32_768
    )
    learning_rate: float = field(1e-3, "Learning rate", "Peak learning rate of AdamW", gt=0, le=1)
    warmup_share: float = field(
        0.06, "Warm-up share", "Share of the steps in which the learning rate rises", ge=0, le=1
    )
    schedule: Literal["linear", "cosine", "constant"] = field(
        "linear", "Schedule", "How the learning rate falls after the warm-up"
    )
    weight_decay: float = field(0.01, "Weight decay", "Decoupled weight decay of AdamW", ge=0, le=1)
    adam_beta2: float = field(
        0.98, "Adam beta 2", "Decay of the second moment of AdamW", gt=0, lt=1
    )
    max_gradient_norm: float = field(
        1.0, "Gradient norm", "Gradients are scaled down to this norm", gt=0, le=10**6
    )
    dropout: float = field(
        0.0,
        "Dropout",
        "Dropout while pre-training; none is faster and better in one epoch",
        ge=0,
        lt=1,
    )
    masking_share: float = field(
        0.15, "Masking share", "Share of the tokens to predict", gt=0, lt=1
    )
    validation_sequences: int = field(
        2048,
        "Validation sequences",
        "Held-out sequences that the validation loss is measured on",
        ge=1,
        le=10**6,
    )
    precision: Literal["auto", "fp32", "bf16"] = field(
        "auto", "Precision", "auto is bf16 where the hardware is fast at it, else fp32"
    )
    log_every: int = field(
        25,
        "Log every",
        "Steps between two points of the training curves",
        ge=1,
        le=10**9,
        in_key=False,
    )


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
        "text", "Text column", "Column that holds the text (text-classification)", min_length=1
    )
    label_column: str = field(
        "label", "Label column", "Column that holds the label (text-classification)", min_length=1
    )
    tokens_column: str = field(
        "tokens",
        "Tokens column",
        "Column with the list of tokens (token-classification)",
        min_length=1,
    )
    tags_column: str = field(
        "tags",
        "Tags column",
        "Column with the list of BIO tags (token-classification)",
        min_length=1,
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


class Evaluation(Part):
    """How the results are measured."""

    from_scratch: bool = field(
        True,
        "From scratch",
        "Also fine-tune the body from random weights: the gain of pre-training becomes a number",
    )
    bootstrap_samples: int = field(
        2000,
        "Bootstrap samples",
        "Resamples of the test split behind each interval",
        ge=100,
        le=1_000_000,
    )
    confidence: float = field(0.95, "Confidence", "Coverage of the intervals", ge=0.5, lt=1)


class Checkpoints(Part):
    """How often a training writes down where it is: what a killed one loses at most."""

    every_steps: int = field(
        0,
        "Every steps",
        "Steps from one checkpoint to the next; 0 leaves it to the time alone",
        in_key=False,
        ge=0,
        le=10**9,
    )
    every_minutes: float = field(
        0.5,
        "Every minutes",
        "Minutes from one checkpoint to the next, more where writing one takes long; steps or "
        "minutes, whichever comes first",
        in_key=False,
        gt=0,
        le=10**6,
    )


class Experiment(Part):
    """Which text, tokenizer and model, how to pre-train it, and what to fine-tune it on."""

    name: str = field(
        "experiment",
        "Name",
        "Name of the experiment in MLflow; runs of one name are compared side by side",
        in_key=False,
        pattern=NAME_PATTERN,
        max_length=80,
    )
    variant: str = field(
        "",
        "Variant",
        "What sets this run apart from others, as the end of its name; what `--set` changes is "
        "added to it; change it where a run is copied",
        in_key=False,
        pattern=r"^[^\x00-\x1f]*$",
        max_length=200,
    )
    seed: int = field(
        0,
        "Seed",
        "Seed of training (weights, order, masks, dropout), of which `train_examples` are taken, "
        "and of the resamples of intervals",
        ge=0,
        lt=2**31,
    )
    split_seed: int = field(
        0,
        "Split seed",
        "Seed of how rows and documents are split, where the data have no splits of their own; "
        "apart from the other, so that models of several seeds answer the same test rows",
        ge=0,
        lt=2**31,
    )
    corpus: Corpus = Field(Corpus(), title="Corpus", description="The text to pre-train on")
    tokenizer: Tokenizer = Field(
        Tokenizer(), title="Tokenizer", description="How text becomes tokens"
    )
    model: Model = Field(Model(), title="Model", description="The body that is trained")
    pretraining: Pretraining = Field(
        Pretraining(), title="Pre-training", description="How the body learns from text alone"
    )
    downstream: list[Downstream] = Field(
        [], title="Downstream problems", description="Problems with labels to fine-tune the body on"
    )
    evaluation: Evaluation = Field(
        Evaluation(), title="Evaluation", description="How the results are measured"
    )
    checkpoints: Checkpoints = Field(
        Checkpoints(),
        title="Checkpoints",
        description="How often a training writes down where it is; changes no result",
    )
