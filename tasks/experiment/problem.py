"""The part `downstream`: labelled rows, and how a model is fine-tuned on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, create_model, field_validator, model_validator

from tasks.experiment import choices
from tasks.experiment.fields import NAME_PATTERN, Part, as_column, as_in, field
from tasks.experiment.training import FULL, Schedule, Training, TuningMethod, at_own_rate


def role(name: str, title: str, description: str) -> Any:
    """A role of a column: its default name is the role's; it counts with problems that use it."""
    only_with = choices.only_with("problem", "problems", "ROLES", name)
    return field(name, title, description, min_length=1, only_with=only_with)


class CommonRoles(Part):
    """The columns of the roles that several problems have, by name or by number from 0."""

    text: str = role("text", "Text", "Column with the text")
    second_text: str = field(
        "",
        "Second text",
        "Column with the second text, if each row is a pair of texts; empty: one text",
        absent="",
        only_with=choices.only_with("problem", "problems", "ROLES", "second_text"),
    )
    label: str = role("label", "Label", "Column with the label")
    number: str = role("number", "Number", "Column with the number, such as a score")
    tokens: str = role("tokens", "Tokens", "Column with the list of tokens")
    tags: str = role("tags", "Tags", "Column with the list of BIO tags")
    document: str = field(
        "document",
        "Document",
        "Column with the document of a row, if there is one; its rows stay in one split",
        min_length=1,
    )
    split: str = field(
        "",
        "Split",
        "Column with the split of a row (train, validation or test), in files whose names do not "
        "state it; empty for none",
        absent="",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        return as_column(value)

    def of(self, role: str) -> str:
        """The column of a role, which a problem may have defined; "" for none."""
        return str(getattr(self, role))


def roles_of_problems() -> dict[str, Any]:
    """The fields of the roles that problems define themselves, in their `ROLE_WORDS`.

    The column is named as its role, or is "" where the problem lists it in `OPTIONAL_ROLES`.
    """
    found: dict[str, Any] = {}
    for problem in choices.names("problems"):
        optional = choices.words_of("problems", problem, "OPTIONAL_ROLES")
        for name, words in choices.described_in("problems", problem, "ROLE_WORDS").items():
            title = name.replace("_", " ").capitalize()
            if name not in optional:
                found[name] = (str, role(name, title, words))
                continue
            counts = choices.only_with("problem", "problems", "ROLES", name)
            found[name] = (str, field("", title, words, absent="", only_with=counts))
    return found


if TYPE_CHECKING:
    ColumnRoles = CommonRoles
else:
    ColumnRoles = create_model(
        "ColumnRoles",
        __base__=CommonRoles,
        __doc__="The column of each role; a problem uses only its own roles.",
        **roles_of_problems(),
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
    problem: str = field(
        "text-classification",
        "Problem",
        f"What is predicted. {choices.summaries_of_problems()}",
        choices=choices.names("problems"),
    )
    several_labels: bool = field(
        False,
        "Several labels",
        "A row has any number of labels: a list, or a text with |, ; or , between labels",
        absent=False,
        only_with={"problem": ("text-classification",)},
    )
    source: str = field(
        "",
        "Source",
        "Where the labelled rows are (needed): a .csv, .tsv, .jsonl, .json (SQuAD's too), "
        ".parquet, .arrow or .conll file, a folder with train, validation and test files, "
        "hf:NAME[@REVISION], or built in: builtin:pydocs- and library, summaries, pairs, sections "
        "(several labels), parameters (a number), code, questions or continuation",
        in_key=False,
        needed=True,
    )
    columns: ColumnRoles = field(
        ColumnRoles(),
        "Columns",
        "Which column of the rows has which role, by its name; by its number from 0 in files "
        "without a header",
    )
    validation_share: float = field(
        0.1,
        "Validation share",
        "Share of the rows for validation, if the source has no such split",
        gt=0,
        lt=1,
    )
    test_share: float = field(
        0.2,
        "Test share",
        "Share of the rows for the test split, if the source has none",
        gt=0,
        lt=1,
    )
    stratified: bool = field(
        False,
        "Stratified",
        "Whether the shares hold for each label: a document counts with the rarest of its labels",
        absent=False,
        only_with=choices.only_with("problem", "problems", "ROLES", "label", "tags"),
    )
    missing_labels: Literal["error", "drop", "keep"] = field(
        "error",
        "Missing labels",
        "Rows whose label or number is empty or a word for a missing value (nan, None, null, N/A): "
        "stop, leave them out, or keep such a word as the name of a class",
        absent="error",
        only_with=choices.only_with("problem", "problems", "ROLES", "label", "number"),
    )
    overlap: Literal["error", "drop"] = field(
        "error",
        "Overlap",
        "What to do with training rows whose text is in the test split: stop, or leave them out",
    )

    @property
    def kind(self) -> str:
        """The problem that is solved: a folder of `tasks/problems`."""
        return kind_of(self.problem, several_labels=self.several_labels)


# The problem that each of these is with any number of labels.
SEVERAL = {
    "text-classification": "several-labels",
    "image-classification": "several-image-labels",
}


def kind_of(problem: str, *, several_labels: bool) -> str:
    """The problem that is solved, from what an experiment says of it."""
    return SEVERAL.get(problem, problem) if several_labels else problem


USUAL_STRIDE = -1  # that of the problem
OF_QUESTIONS = 64  # the usual stride of texts with questions; others are truncated


class Passes(Part):
    """How many labelled rows are used for training, how often, and how much of each."""

    train_examples: int = field(
        0, "Training examples", "Labelled examples to train on; 0 for all", ge=0, le=10**9
    )
    epochs: int = field(3, "Epochs", "Passes over the training examples", ge=1, le=10_000)
    max_length: int = field(
        128,
        "Longest example",
        "In tokens; longer examples are truncated, or read in windows (stride)",
        ge=8,
        le=32_768,
    )
    stride: int = field(
        USUAL_STRIDE,
        "Stride",
        "Tokens that two windows of a long text share, at most half of a window: a text that is "
        "longer than the longest example is read in windows, whose answers are merged; 0: it is "
        "truncated, but for a text with a question, whose windows then share nothing; -1: 64 with "
        "questions, else 0; pairs of texts are truncated",
        absent=USUAL_STRIDE,
        ge=USUAL_STRIDE,
        le=32_768,
        only_with=choices.only_with("problem", "problems", "ROLES", "question", "text", "tokens"),
    )


_IN_FULL = {"tuning.method": (FULL,)}  # other methods say themselves what learns


class Tuning(Part):
    """How much of a model learns, from which truth, and which of its weights are used."""

    tuning: TuningMethod = field(
        TuningMethod(), "Tuning", "How much of the model learns, and by which method"
    )
    freeze: Literal["none", "embeddings", "encoder"] = field(
        "none",
        "Freeze",
        "What keeps its weights: the embeddings, or the whole encoder, so that the head alone "
        "learns (with dropout in the encoder; tuning.method: probe is without, and faster); also "
        "in the model from scratch",
        absent="none",
        only_with=_IN_FULL,
    )
    layer_decay: float = field(
        1.0,
        "Layer decay",
        "Learning rate of a layer as a share of that of the layer above it; the top layer and the "
        "head have the full rate, the embeddings the lowest",
        gt=0,
        le=1,
        absent=1.0,
        only_with={"freeze": ("none", "embeddings"), **_IN_FULL},
    )
    label_smoothing: float = field(
        0.0,
        "Label smoothing",
        "Share of the truth that is divided equally among all labels in training",
        ge=0,
        lt=1,
        absent=0.0,
        only_with=choices.only_with("problem", "problems", "ROLES", "label", "tags"),
    )
    class_weights: Literal["none", "balanced"] = field(
        "none",
        "Class weights",
        "balanced gives rare labels more weight in training, so that all weigh the same together",
        absent="none",
        only_with=choices.only_with("problem", "problems", "ROLES", "label", "tags"),
    )
    early_stopping: int = field(
        0,
        "Early stopping",
        "Validations in a row without a better one (of about ten in all), after which training "
        "stops; the weights of the best validation are used; 0 trains to the end, and uses the "
        "last weights",
        ge=0,
        le=10_000,
        absent=0,
    )
    averaging: float = field(
        0.0,
        "Averaging",
        "Decay of an exponential moving average of the weights over the steps (such as 0.99), "
        "which is validated and used in place of the last weights; 0 for none",
        ge=0,
        lt=1,
        absent=0.0,
    )


class FineTuning(Tuning, Training, Passes):
    """How a model is fine-tuned on labelled rows."""

    learning_rate: float = as_in(Training, "learning_rate", default=5e-4)
    schedule: Schedule = as_in(Training, "schedule", absent="linear")
    adam_beta2: float = as_in(Training, "adam_beta2", absent=0.999)
    max_gradient_norm: float = as_in(Training, "max_gradient_norm", absent=1.0)
    dropout: float = as_in(
        Training, "dropout", default=0.1, description="Dropout during fine-tuning"
    )


class FurtherTest(Part):
    """Further rows to test the same fine-tuned model on."""

    name: str = as_in(LabelledData, "name", default="further", description="Its short name")
    source: str = field(
        "",
        "Source",
        "Where the rows are: as of the problem; of a source with a test split, this split alone",
        in_key=False,
        needed=True,
    )
    columns: ColumnRoles = field(
        ColumnRoles(),
        "Columns",
        "Which column has which role there; those that are not given are as of the problem, but "
        "for that of the split",
    )


class Downstream(FineTuning, LabelledData):
    """A problem with labels to fine-tune on."""

    slices: list[str] = field(
        [],
        "Slices",
        "What to split the results by: length (quarters of the characters), label, or any column "
        "of the rows; the worst slices are shown first, corrected for their number",
        absent=[],
        max_length=20,
    )
    evaluate_also: list[FurtherTest] = field(
        [],
        "Evaluate also",
        "Further test sets for the same fine-tuned model, of the same or of another domain",
        absent=[],
        max_length=20,
    )

    @model_validator(mode="before")
    @classmethod
    def _further_columns_are_as_of_the_problem(cls, values: Any) -> Any:
        further = values.get("evaluate_also") if isinstance(values, Mapping) else None
        if not isinstance(further, list) or "columns" not in values:
            return values
        usual = _given(values["columns"])
        if not isinstance(usual, Mapping):
            return values
        usual = {role: name for role, name in usual.items() if role != "split"}
        return {**values, "evaluate_also": [_with_columns(each, usual) for each in further]}

    @property
    def data(self) -> LabelledData:
        """The fields that determine the rows."""
        return LabelledData(**{name: getattr(self, name) for name in LabelledData.model_fields})

    @property
    def training(self) -> FineTuning:
        """The fields that determine the training."""
        return at_own_rate(self._stated, self.tuning)

    @property
    def from_scratch(self) -> FineTuning:
        """The fields that determine the training of a model from random weights."""
        return self._stated.model_copy(update={"tuning": TuningMethod()})

    @property
    def _stated(self) -> FineTuning:
        """As given; the usual stride of the problem is the same training as none."""
        given = {name: getattr(self, name) for name in FineTuning.model_fields}
        asks = self.problem in choices.those_with("problems", "ROLES", "question")
        if self.stride == (OF_QUESTIONS if asks else 0):
            given["stride"] = USUAL_STRIDE
        return FineTuning(**given)


def _given(part: Any) -> Any:
    """What is given of a part, as plain values."""
    return part.model_dump(exclude_unset=True) if isinstance(part, BaseModel) else part


def _with_columns(part: Any, usual: Mapping[str, Any]) -> Any:
    """A further test with the usual columns of the roles whose columns it does not give."""
    given = _given(part)
    own = _given(given.get("columns", {})) if isinstance(given, Mapping) else None
    return {**given, "columns": {**usual, **own}} if isinstance(own, Mapping) else part
