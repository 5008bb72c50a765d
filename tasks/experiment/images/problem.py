"""The part `downstream` of an experiment on images: labelled pictures, and the fine-tuning."""

from __future__ import annotations

from typing import Literal, TypeVar

from tasks.experiment import choices
from tasks.experiment.fields import NAME_PATTERN, Part, as_in, field
from tasks.experiment.images.pictures import PictureColumns, PictureSet
from tasks.experiment.images.training import Augmentation
from tasks.experiment.problem import FurtherTest, LabelledData, Passes, Tuning, kind_of
from tasks.experiment.training import Schedule, Training, TuningMethod, at_own_rate

MASKS = choices.of_pictures_with("mask")
CLASSES = choices.of_pictures_with("label", "mask")  # a score for each class, of a picture or pixel


class LabelledColumns(PictureColumns):
    """The column of each role, in tables of labelled pictures."""

    mask: str = field(
        "mask",
        "Mask",
        "Column with the path of the mask of a picture beside the table, or in Parquet files its "
        "bytes",
        min_length=1,
        absent="mask",
        only_with=MASKS,
    )


class ImageData(PictureSet):
    """Pictures with labels: where they are, and how they are split."""

    name: str = field(
        "kinds",
        "Name",
        "Short name, used in metrics: downstream/NAME/…",
        in_key=False,
        pattern=NAME_PATTERN,
        max_length=40,
    )
    problem: str = field(
        "image-classification",
        "Problem",
        "What is predicted: image-classification a label per picture (or any number of them, with "
        "several_labels: that is several-image-labels), semantic-segmentation a label per pixel, "
        "object-detection boxes around objects, each with a label",
        choices=choices.of_pictures(),
    )
    several_labels: bool = field(
        False,
        "Several labels",
        "A picture has any number of labels: a list, or a text with |, ; or , between labels",
        absent=False,
        only_with={"problem": ("image-classification",)},
    )
    source: str = field(
        "",
        "Source",
        "Where the labelled pictures are (needed): folders by class, perhaps in folders train, "
        "validation and test; a .csv, .tsv, .jsonl or .parquet file with columns of pictures and "
        "labels; a folder of IDX files; hf:NAME[:CONFIGURATION][@REVISION], on the Hugging Face "
        "Hub; or builtin:digits, 1,797 handwritten digits. With masks: "
        "folders images and masks with files of the same names, perhaps in folders train, "
        "validation and test; a table with columns of pictures and masks; or builtin:digit-masks, "
        "digits on photographs. With boxes: a folder with COCO's JSON, Pascal VOC's XML or YOLO's "
        "text files; or builtin:digit-canvas",
        in_key=False,
        needed=True,
    )
    columns: LabelledColumns = field(
        LabelledColumns(), "Columns", "Which column of a table of pictures has which role"
    )
    classes: list[str] = field(
        [],
        "Classes",
        "Names of the numbers in masks, from 0 on; without them, the numbers are the names",
        absent=[],
        only_with=MASKS,
    )
    ignore: int = field(
        255,
        "Ignored number",
        "Number of the pixels in masks that are neither learnt nor measured; -1 for none",
        ge=-1,
        le=255,
        absent=255,
        only_with=MASKS,
    )
    test_share: float = as_in(
        LabelledData,
        "test_share",
        description="Share of the pictures for the test split, if the source has none",
    )
    missing_labels: Literal["error", "drop", "keep"] = field(
        "error",
        "Missing labels",
        "Pictures whose label is empty or a word for a missing value (nan, None, null, "
        "N/A): stop, leave them out, or keep such a word as the name of a class",
    )

    @property
    def part(self) -> str:
        """The part of the experiment, for messages."""
        return f"downstream.{self.name}"

    @property
    def kind(self) -> str:
        """The problem that is solved: a folder of `tasks/problems`."""
        return kind_of(self.problem, several_labels=self.several_labels)


class ImageTuning(Training):
    """How a model is fine-tuned on labelled pictures."""

    train_examples: int = as_in(Passes, "train_examples")
    epochs: int = as_in(Passes, "epochs", default=10)
    augmentation: Augmentation = field(
        Augmentation(),
        "Augmentation",
        "How pictures are varied while learning",
        only_with=choices.only_with("tuning.method", "tuning", "FIELDS", "augmentation"),
    )
    tuning: TuningMethod = as_in(Tuning, "tuning")
    freeze: Literal["none", "embeddings", "encoder"] = as_in(Tuning, "freeze")
    layer_decay: float = as_in(Tuning, "layer_decay")
    label_smoothing: float = field(
        0.0,
        "Label smoothing",
        "Share of the truth that is divided equally among all labels in training",
        ge=0,
        lt=1,
        only_with=CLASSES,
    )
    class_weights: Literal["none", "balanced"] = field(
        "none",
        "Class weights",
        "balanced gives rare labels more weight in training, so that all weigh the same together",
        only_with=CLASSES,
    )
    early_stopping: int = as_in(Tuning, "early_stopping")
    averaging: float = as_in(Tuning, "averaging")
    micro_batch_size: int = as_in(
        Training,
        "micro_batch_size",
        description="Pictures computed at once; gradients add up over the batch, and a batch norm "
        "sees each part alone; 0 computes a batch at once",
    )
    schedule: Schedule = as_in(Training, "schedule", default="cosine")
    weight_decay: float = as_in(Training, "weight_decay", default=0.05)


class FurtherPictures(Part):
    """Further pictures to test the same fine-tuned model on."""

    name: str = as_in(FurtherTest, "name")
    source: str = field(
        "",
        "Source",
        "Where the pictures are: as of the problem; of a source with a test split, this split "
        "alone. Copies of pictures that are learnt from labels are left out",
        in_key=False,
    )
    columns: LabelledColumns = field(
        LabelledColumns(), "Columns", "Which column of a table of pictures has which role there"
    )


class ImageDownstream(ImageTuning, ImageData):
    """A problem with labelled pictures to fine-tune on."""

    slices: list[str] = field(
        [],
        "Slices",
        "What to split the results by, into quarters or labels: label, brightness, and of masks "
        "and boxes size; the worst slices are shown first, corrected for their number",
        absent=[],
        max_length=20,
    )
    evaluate_also: list[FurtherPictures] = field(
        [],
        "Evaluate also",
        "Further test sets for the same fine-tuned model, of the same or of another domain",
        absent=[],
        max_length=20,
    )

    @property
    def data(self) -> ImageData:
        """The fields that determine the rows."""
        return _part(self, ImageData)

    @property
    def training(self) -> ImageTuning:
        """The fields that determine the training."""
        return at_own_rate(_part(self, ImageTuning), self.tuning)

    @property
    def from_scratch(self) -> ImageTuning:
        """The fields that determine the training of a model from random weights."""
        return _part(self, ImageTuning).model_copy(update={"tuning": TuningMethod()})


P = TypeVar("P", bound=Part)


def _part(whole: Part, wanted: type[P]) -> P:
    return wanted(**{name: getattr(whole, name) for name in wanted.model_fields})
