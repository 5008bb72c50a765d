"""The table of stages of an experiment on images. It imports nothing heavy."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from flows.recipes import stages
from flows.recipes.stages import LABELLED, REPORT, TABLES, TRAINING, Table
from tasks import problems, tuning
from tasks.contract import Stage
from tasks.families import images as families
from tasks.families import published
from tasks.objectives import images as objectives
from tasks.problems.picture_rows import beside, measured, module_of_pictures, moves
from tasks.sources import Source
from tasks.statistics.slicing.pictures import modules_of_slices

__all__ = ["REPORT"]

DECODING = ("pillow", "numpy")
SAVING = ("safetensors",)

ImageStageName = Literal[
    "start",
    "images",
    "pixels",
    "pretraining",
    "features",
    "finetuning",
    "leakage",
    "baseline",
    "evaluation",
    "calibration",
    "slices",
    "further-test",
    "transfer",
    "explanation",
    "label-share",
    "learning-curve",
    "mislabelled",
    "probing",
    "report",
]
LEAKAGE = Stage(
    "leakage",
    "tasks.stages.images.leakage:look_for_pictures",
    libraries=("pyarrow",),
    show="tasks.pages.leakage_card:show",
)
IMAGE_NAMES: tuple[ImageStageName, ...] = get_args(ImageStageName)


def start(family: str) -> Stage:
    """A given model, fitted to the pictures that it is to read."""
    if problem := published.problem_of(family):
        return Stage(
            "start",
            "tasks.stages.images.own_head:fit_own_head",
            (published.module_of(family), *problems.modules_of(problem)),
            ("torch", "transformers", *SAVING),
        )
    return Stage(
        "start",
        "tasks.stages.images.start:fit_start",
        (families.module_of(family),),
        ("torch", "transformers", *SAVING),
    )


def images(source: Source, problem: str = "") -> Stage:
    """Pictures read, checked and split; of a problem, with its labels."""
    return Stage(
        "images",
        "tasks.stages.images.images:prepare_images",
        (source.module, *([module_of_pictures(problem)] if problem else [])),
        (*DECODING, "pyarrow", *source.libraries),
        show="tasks.pages.pictures_card:show",
    )


def pixels(source: Source, problem: str = "") -> Stage:
    """The pictures decoded, resized and stored; with the answers of a problem that move along."""
    return Stage(
        "pixels",
        "tasks.stages.images.pixels:store_pixels",
        (source.module, *([module_of_pictures(problem)] if problem else [])),
        (*DECODING, *TABLES, *source.libraries),
    )


def pretraining(objective: str, family: str) -> Stage:
    """Pre-training on pictures."""
    return Stage(
        "pretraining",
        "tasks.stages.images.pretraining:pretrain_on_images",
        (objectives.module_of(objective), families.module_of(family)),
        (*TRAINING, *SAVING, "pyarrow"),
        show="tasks.pages.pretraining_card:show",
    )


def finetuning(problem: str, family: str, method: str) -> Stage:
    """Fine-tuning on labelled pictures."""
    libraries = (
        *problems.described(problem).LIBRARIES,
        *tuning.libraries_of(method),
        *published.libraries_of(family),
    )
    return Stage(
        "finetuning",
        "tasks.stages.images.finetuning:finetune_on_images",
        (*problems.modules_of(problem), published.module_of(family), tuning.module_of(method)),
        (*LABELLED, "pillow", *libraries),
        show="tasks.pages.finetuning_card:show",
        draw="tasks.pages.evaluation.answers_by_step:draw" if moves(problem) else "",
    )


def features(problem: str, family: str, method: str) -> Stage:
    """What a frozen model gives for each labelled picture."""
    return replace(
        finetuning(problem, family, method),
        name="features",
        function="tasks.stages.images.features:compute_features_of_pictures",
        show="",
    )


def baseline(problem: str) -> Stage:
    """The field's simple model, trained on the same pictures."""
    found = stages.baseline(problem)
    return replace(found, libraries=(*found.libraries, "pillow", "torch"))


def evaluation(problem: str) -> Stage:
    """The metrics of a fine-tuned model on the test split, with intervals."""
    found = stages.evaluation(problem)
    return replace(found, libraries=(*found.libraries, "pillow"))


def judgement(problem: str) -> Stage:
    """Champion and challenger on the same test pictures, and the decision by the rule."""
    found = stages.judgement(problem)
    modules = tuple(problems.modules_of(problem))
    return replace(found, code=modules, libraries=(*found.libraries, "pillow"))


def label_share(problem: str) -> Stage:
    """A share of the training pictures."""
    found = stages.label_share(problem)
    return replace(
        found,
        function="tasks.stages.generalization.picture_share:choose_share_of_pictures",
        code=(*problems.modules_of(problem), *modules_of_slices(problem)),
        libraries=(*found.libraries, "pillow"),
    )


def slices(problem: str) -> Stage:
    """The headline metric on parts of the test split."""
    return Stage(
        "slices",
        "tasks.stages.generalization.picture_slices:measure_on_pictures",
        (*problems.modules_of(problem), *modules_of_slices(problem)),
        (*LABELLED, "pillow", *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.slices_card:show",
    )


def further_test(source: Source, problem: str) -> Stage:
    """The pictures of a further test set."""
    return Stage(
        "further-test",
        "tasks.stages.generalization.further_pictures:prepare_further_pictures",
        (source.module, module_of_pictures(problem)),
        (*DECODING, *TABLES, *source.libraries),
        show="tasks.pages.pictures_card:show",
    )


def on_images(problem: str) -> Table:
    """The stages that solve a problem, and what they read of the folder of stage `pixels`."""
    endings = (".parquet", ".npy", *beside(problem))
    train, validation, test = (
        tuple(f"{split}{ending}" for ending in endings) for split in ("train", "validation", "test")
    )
    tested = ("train.parquet", *test, "labels.json")
    evaluated = (f"test{ending}" for ending in measured(problem))
    return Table(
        finetuning,
        baseline,
        evaluation,
        judgement,
        published.module_of,
        tuned=(*train, *validation, "labels.json"),
        compared=(*train, *validation, "labels.json", *test),
        tested=tested,
        evaluated=(*tested, *evaluated),
        features=features,
        label_share=label_share,
    )
