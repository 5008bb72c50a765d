"""An experiment on images is recognized by its sections, and its mistakes are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_any, load_experiment, of_images, presets
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError


def write(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    return str(file)


def test_a_file_with_a_section_of_images_is_an_experiment_on_images(tmp_path: Path) -> None:
    found = load_any(write(tmp_path, "name: cells\nimages: {source: photos}\n"))
    assert isinstance(found, ImageExperiment)
    assert found.images.source == str(tmp_path / "photos"), "relative to the file"
    assert isinstance(load_any(write(tmp_path, "pixels: {size: 32}\n")), ImageExperiment)


def test_the_preset_is_one_and_the_demo_is_not() -> None:
    assert of_images(presets()["images"])
    assert not of_images(presets()["demo"])
    assert isinstance(load_any("images"), ImageExperiment)


def test_what_trains_on_text_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidExperimentError, match="is an experiment on images"):
        load_experiment(write(tmp_path, "images: {source: photos}\n"))


def test_settings_change_an_experiment_on_images(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "images: {source: a}\ndownstream:\n- {name: x, source: b}\n- {name: y, source: c}\n",
    )
    found = load_any(file, ["downstream.y.epochs=3", "pretraining.augmentation.flip=false"])
    assert [problem.epochs for problem in found.downstream] == [10, 3]
    assert found.pretraining.augmentation.flip is False
    assert found.variant == "y.epochs=3, pretraining.augmentation.flip=false"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pixels: {sise: 3}", "mine.yaml:1: pixels.sise: no such field; did you mean size"),
        ("pixels: {size: 4}", "pixels.size: found 4; accepted: a whole number, at least 8"),
        ("pixels: {channels: 2}", "pixels.channels: found 2; accepted: 1, 3"),
        ("pixels: {size: true}", "pixels.size: found True; accepted: a whole number"),
        (
            "pixels: {size: 28}\nmodel: {family: swin}",
            "pixels.size: found 28; accepted with model.family swin, size tiny: multiples of 8, "
            "such as 24 or 32",
        ),
        (
            "pixels: {}\nmodel: {family: swin}\nevaluation: {explain: [attention-rollout]}",
            "evaluation.explain: found attention-rollout, but the model has no attention over all "
            "places; accepted with it: integrated-gradients, occlusion",
        ),
        ("pixels: {}\nmodel: {family: resnett}", "did you mean resnet"),
        (
            "pixels: {}\ndownstream: [{name: a, tuning: {method: probe}, augmentation: {crop: 1}}]",
            "downstream.a.augmentation: found a group of fields, but tuning.method is 'probe'; the "
            "field counts only with bias, dora, full",
        ),
        (
            "pixels: {}\npretraining: {objective: masked-image}",
            "masked-image needs a head for patches, which the family resnet does not have; "
            "accepted with it: classification",
        ),
        (
            "pixels: {size: 30}\nmodel: {family: vit}",
            "model.patch_size: a picture of 30 pixels is not cut into patches of 4; accepted with "
            "pixels.size 30: 2, 3, 5, 6, 10, 15",
        ),
        (
            "pixels: {}\nmodel: {family: vit}\n"
            "downstream: [{name: a, tuning: {method: gradual, layers: 9}}]",
            "downstream.a.tuning.layers: found 9, but the layers of the model are 4; accepted: 0",
        ),
        (
            "pixels: {}\ndownstream: [{name: a, tuning: {method: lora, rank: 257}}]",
            "downstream.a.tuning.rank: found 257, but the rank of the layers' matrices is 256",
        ),
        (
            "pixels: {}\ndownstream: [{name: a, optimizer: muon, tuning: {method: lora}}]",
            "downstream.a.optimizer: found muon, but the layers of model.family resnet have no "
            "matrices; accepted with it: adamw",
        ),
        (
            "pixels: {}\npretraining: {optimizer: muon}",
            "pretraining.optimizer: found muon, but the layers of model.family resnet have no",
        ),
        (
            "pixels: {}\nmodel: {patch_size: 8}",
            "model.patch_size: found 8, but family is 'resnet'; the field counts only with vit",
        ),
        ("images: {group_pattern: '('}", "no regular expression"),
        ("images: {group_pattern: 'a'}", "with 0 groups in parentheses; accepted: exactly one"),
        (
            "pixels: {}\ndownstream: [{name: a}, {name: a}]",
            "downstream.0.name: a is the name of 2 problems",
        ),
        (
            "pixels: {}\ndownstream: [{name: a, problem: text-classification}]",
            "found 'text-classification'; accepted: image-classification, object-detection",
        ),
        (
            "pixels: {}\ndownstream: [{name: a, classes: [x, y]}]",
            "downstream.a.classes: found ['x', 'y'], but problem is 'image-classification'; the "
            "field counts only with semantic-segmentation",
        ),
    ],
)
def test_a_mistake_names_the_field_what_was_found_and_what_is_accepted(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InvalidExperimentError) as found:
        load_any(write(tmp_path, text))
    assert said in str(found.value)
