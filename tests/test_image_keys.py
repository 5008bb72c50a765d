"""Every field of an experiment on images is in the key of the stages that it changes directly.

As `tests/test_keys.py` for text, whose helpers it uses.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.presets.loading import load_any
from flows.recipes.images import recipe
from tasks.contract import Stage, StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.execution.planner import PendingArtifact
from tests.support.tiny_images import write_image_experiment
from tests.support.tiny_published import write_published
from tests.test_keys import METHODS, Walk, changed, fields_of

NO_KEY: set[str] = set()
TUNING, PRETRAINING = {"finetuning kinds"}, {"pretraining"}
OF_KINDS = {"images kinds"}
COLUMNS = {"images", "pixels"}  # both read the source
EVERY_PIXEL = {"pixels", "pixels kinds", "pretraining"}

# Field: another valid value, and the titles of the stages that have the field in their key.
FIELDS: dict[str, tuple[str, set[str]]] = {
    "name": ("another", {"report"}),
    "variant": ("another", NO_KEY),
    "seed": ("1", PRETRAINING | TUNING | {"baseline kinds", "evaluation kinds"}),
    "split_seed": ("1", {"images", "images kinds"}),
    "images.source": ("{elsewhere}/many", NO_KEY),  # its content is
    "images.columns.image": ("file", COLUMNS),
    "images.columns.label": ("kind", COLUMNS),
    "images.columns.group": ("who", COLUMNS),
    "images.columns.split": ("part", COLUMNS),
    "images.group_pattern": ('"(.)"', {"images"}),
    "images.validation_share": ("0.3", {"images"}),
    "images.overlap": ("error", {"images"}),
    "images.max_pictures": ("100", {"images"}),
    "pixels.size": ("24", EVERY_PIXEL),
    "pixels.channels": ("1", EVERY_PIXEL),
    "pixels.fit": ("stretch", EVERY_PIXEL),
    "model.family": ("vit", PRETRAINING | TUNING),  # their code too
    "model.size": ("small", PRETRAINING),
    "model.patch_size": ("8", PRETRAINING),
    "pretraining.objective": ("simclr", PRETRAINING),
    "pretraining.temperature": ("0.5", PRETRAINING),
    "pretraining.masking_share": ("0.4", PRETRAINING),
    "downstream.name": ("other", {"report"}),
    "downstream.problem": (
        "semantic-segmentation",
        TUNING | OF_KINDS | {"pixels kinds", "baseline kinds", "evaluation kinds"},
    ),
    "downstream.several_labels": (
        "true",
        TUNING | OF_KINDS | {"baseline kinds", "evaluation kinds"},
    ),
    "downstream.classes": ("[a, b]", OF_KINDS),
    "downstream.ignore": ("7", OF_KINDS),
    "downstream.columns.mask": ("file", {"images kinds", "pixels kinds"}),
    "downstream.source": ("{elsewhere}/few", NO_KEY),  # its content is
    "downstream.columns.image": ("file", {"images kinds", "pixels kinds"}),
    "downstream.columns.label": ("kind", {"images kinds", "pixels kinds"}),
    "downstream.columns.group": ("who", {"images kinds", "pixels kinds"}),
    "downstream.columns.split": ("part", {"images kinds", "pixels kinds"}),
    "downstream.group_pattern": ('"(.)"', OF_KINDS),
    "downstream.validation_share": ("0.15", OF_KINDS),
    "downstream.test_share": ("0.3", OF_KINDS),
    "downstream.missing_labels": ("drop", OF_KINDS),
    "downstream.overlap": ("drop", OF_KINDS),
    "downstream.train_examples": ("50", TUNING | {"baseline kinds"}),
    "downstream.epochs": ("3", TUNING),
    "downstream.tuning.method": ("probe", TUNING | {"report"}),  # its words
    "downstream.tuning.learning_rate": ("0.01", TUNING),
    "downstream.tuning.rank": ("4", TUNING),
    "downstream.tuning.alpha": ("8", TUNING),
    "downstream.tuning.dropout": ("0.1", TUNING),
    "downstream.tuning.layers": ("1", TUNING),
    "downstream.tuning.decay": ("0.5", TUNING),
    "downstream.freeze": ("embeddings", TUNING),
    "downstream.layer_decay": ("0.9", TUNING),
    "downstream.label_smoothing": ("0.1", TUNING),
    "downstream.class_weights": ("balanced", TUNING),
    "downstream.early_stopping": ("3", TUNING),
    "downstream.averaging": ("0.99", TUNING),
    "evaluation.from_scratch": ("false", {"evaluation kinds"}),
    "evaluation.simple_baseline": ("false", {"evaluation kinds"}),
    "evaluation.bootstrap_samples": ("300", {"evaluation kinds"}),
    "evaluation.confidence": ("0.9", {"evaluation kinds", "report"}),
    "evaluation.seeds": ("2", {"evaluation kinds"}),
    "evaluation.learning_curve": ("[0.5]", {"report"}),  # and more stages
    "evaluation.mislabelled": ("true", {"report"}),  # and a stage
    "downstream.slices": ("[label]", {"report"}),  # and a stage
    "evaluation.calibration": ("temperature", {"report"}),  # and a stage
    "evaluation.wanted_accuracy": ("0.8", {"calibration kinds"}),
    "evaluation.explain": ("[occlusion]", {"report"}),  # and a stage
    "evaluation.probe_layers": ("true", {"report"}),  # and a stage
    "evaluation.explained_rows": ("100", {"explanation kinds"}),
    "evaluation.explained_mistakes": ("5", {"explanation kinds"}),
    "checkpoints.every_steps": ("7", NO_KEY),
    "checkpoints.every_minutes": ("2", NO_KEY),
}
TRAINING = {
    "batch_size": "17",
    "micro_batch_size": "4",
    "optimizer": "muon",
    "learning_rate": "0.002",
    "warmup_share": "0.2",
    "schedule": "linear",
    "weight_decay": "0.02",
    "adam_beta2": "0.95",
    "max_gradient_norm": "2",
    "gradient_checkpointing": "true",
    "dropout": "0.2",
    "precision": "bf16",
    "augmentation.crop": "0.9",
    "augmentation.shift": "0.2",
    "augmentation.flip": "false",
    "augmentation.rotation": "20",
    "augmentation.shear": "0.1",
    "augmentation.colour": "0.1",
    "augmentation.blur": "0.1",
    "augmentation.erase": "0.1",
    "augmentation.mixup": "0.2",
}
FIELDS |= {f"{part}.offload": ("activations", NO_KEY) for part in ("pretraining", "downstream")}
for part, titles in {"pretraining": PRETRAINING, "downstream": TUNING}.items():
    FIELDS |= {f"{part}.{name}": (value, titles) for name, value in TRAINING.items()}
FIELDS |= {
    f"pretraining.{name}": (value, PRETRAINING)
    for name, value in {"steps": "13", "minutes": "1", "validation_pictures": "17"}.items()
}
FIELDS["pretraining.log_every"] = ("3", NO_KEY)

OF_MASKS = ("downstream.kinds.problem=semantic-segmentation",)
ALSO = {
    "evaluation.wanted_accuracy": ("evaluation.calibration=temperature",),
    "evaluation.explained_rows": ("evaluation.explain=[occlusion]",),
    "evaluation.explained_mistakes": ("evaluation.explain=[occlusion]",),
    "downstream.classes": OF_MASKS,
    "downstream.ignore": OF_MASKS,
    "downstream.columns.mask": OF_MASKS,
    "model.patch_size": ("model.family=vit",),
    "pretraining.optimizer": ("model.family=vit",),  # a ResNet has no matrices
    "downstream.optimizer": ("model.family=vit",),
    "pretraining.gradient_checkpointing": ("model.family=vit",),  # nor is it recomputed
    "downstream.gradient_checkpointing": ("model.family=vit",),
    "pretraining.temperature": ("pretraining.objective=simclr",),
    "pretraining.masking_share": ("pretraining.objective=masked-image", "model.family=vit"),
    **{
        f"downstream.tuning.{name}": (f"downstream.kinds.tuning.method={method}",)
        for name, method in METHODS.items()
    },
}

# Fields of a further test set: of its pictures, as of those of the problem.
FURTHER = "downstream.evaluate_also"
FIELDS[f"{FURTHER}.name"] = ("third", {"transfer kinds"})
FIELDS[f"{FURTHER}.source"] = ("{elsewhere}/many", NO_KEY)  # its content is
for name, (value, _) in [*FIELDS.items()]:
    if name.startswith("downstream.columns."):
        further = name.replace("downstream.", f"{FURTHER}.", 1)
        FIELDS[further] = (value, {"further-test kinds on also"})
        ALSO[further] = ALSO.get(name, ())
for name in FIELDS:
    if name.startswith(FURTHER):
        asked = "downstream.kinds.evaluate_also=[{name: also, source: HERE/many}]"
        ALSO[name] = (*ALSO.get(name, ()), asked)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The tiny experiment, and a copy of its data elsewhere."""
    data = tmp_path_factory.mktemp("keys")
    file = write_image_experiment(data)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    shutil.copytree(data, elsewhere)
    return SimpleNamespace(file=file, data=data, elsewhere=elsewhere)


def load(place: SimpleNamespace, *settings: str) -> ImageExperiment:
    found = load_any(str(place.file), settings)
    assert isinstance(found, ImageExperiment)
    return found


class WalkOfKinds(Walk):
    """Walks the recipe; the problem has its first name."""

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> PendingArtifact:
        return super().__call__(stage, label.replace("other", "kinds"), **arguments)


def keys(place: SimpleNamespace, *settings: str) -> dict[str, dict[str, Any]]:
    """The key of each stage by its title; a problem is called by its first name."""
    walk = WalkOfKinds()
    recipe(load(place, *settings), walk)
    return walk.keys


# Fields about a model to start from: it counts by its content, as a test below shows.
OF_A_GIVEN_MODEL = {"start", "evaluation.baseline"}


def test_the_table_has_every_field_and_no_other() -> None:
    assert set(FIELDS) | OF_A_GIVEN_MODEL == fields_of(ImageExperiment)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_in_the_key_of_the_stages_that_it_changes(
    field: str, place: SimpleNamespace
) -> None:
    value, titles = FIELDS[field]
    value = value.format(elsewhere=place.elsewhere)
    where = field.replace("downstream.", "downstream.kinds.")
    change = f"{where.replace('evaluate_also.', 'evaluate_also.also.')}={value}"
    also = [each.replace("HERE", str(place.data)) for each in ALSO.get(field, ())]
    before, after = keys(place, *also), keys(place, *also, change)
    # Random weights always learn in full.
    both = "finetuning kinds" in titles and ".tuning." not in field
    tuned = {"finetuning kinds from scratch"} if both else set()
    assert changed(before, after) == (titles | tuned) & before.keys() & after.keys()


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A model to start from, and one of other weights, in a store of their own."""
    folder = tmp_path_factory.mktemp("given")
    first = write_published(folder / "one", "vit")
    second = write_published(folder / "other", "vit", mean=[0.5, 0.4, 0.3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPER_HOME", str(folder / "home"))
        yield first, second


def begun(place: SimpleNamespace, start: Path, *settings: str) -> dict[str, dict[str, Any]]:
    return keys(place, "model={}", f"start={start}", *settings)


def test_a_model_to_start_from_is_in_the_key_of_the_stage_that_fits_it(
    place: SimpleNamespace, given: tuple[Path, Path]
) -> None:
    before, after = (begun(place, start) for start in given)
    assert changed(before, after) == {"start", "report"}  # the page has its origin
    assert changed(before, begun(place, given[0], "pixels.size=24")) == EVERY_PIXEL | {"start"}
    assert changed(keys(place), before) >= {"pretraining", "finetuning kinds"}


def test_without_steps_nothing_is_read_to_pre_train_on(
    place: SimpleNamespace, given: tuple[Path, Path]
) -> None:
    settings = ("pretraining.steps=0", "images={}")
    found = begun(place, given[0], *settings)
    assert "start" in found
    assert not {"images", "pixels", "pretraining"} & found.keys()
    with pytest.raises(InvalidExperimentError, match="or 0 with `start`"):
        load(place, "pretraining.steps=0")


def test_the_baseline_start_is_the_model_before_its_pre_training_here(
    place: SimpleNamespace, given: tuple[Path, Path]
) -> None:
    found = begun(place, given[0], "evaluation.baseline=start")
    assert "finetuning kinds from start" in found
    with pytest.raises(InvalidExperimentError, match="there is no model in `start`"):
        load(place, "evaluation.baseline=start")


def test_a_size_that_is_no_multiple_of_its_patches_is_refused(
    place: SimpleNamespace, given: tuple[Path, Path]
) -> None:
    with pytest.raises(StageError, match=r"pixels.size: found 20; accepted with .*one: multiples "):
        begun(place, given[0], "pixels.size=20")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("pretraining.objective=masked-image", "masked-image needs a head for patches, which the"),
        ("downstream.kinds.tuning={method: gradual, layers: 9}", "the layers of the model are 2"),
        ("evaluation.explain=[attention-rollout]", "the model has no attention over all places"),
    ],
)
def test_what_a_given_model_cannot_do_is_refused(
    setting: str, said: str, place: SimpleNamespace, given: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=said):
        begun(place, write_published(tmp_path / "resnet", "resnet"), setting)


def test_a_model_that_reads_texts_is_refused(
    place: SimpleNamespace, given: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = write_published(tmp_path / "vit", "vit")
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(StageError, match="is of the family bert; accepted: convnext, resnet, swin"):
        begun(place, folder)


def test_a_byte_of_a_picture_is_in_the_key_of_what_reads_it(
    place: SimpleNamespace, tmp_path: Path
) -> None:
    moved = shutil.copytree(place.data, tmp_path / "data")
    there = SimpleNamespace(file=moved / "images.yaml")
    assert keys(there) == keys(place)
    shutil.copy(moved / "few" / "disc" / "001.png", moved / "few" / "bar" / "000.png")
    assert changed(keys(place), keys(there)) == {"images kinds", "pixels kinds"}
