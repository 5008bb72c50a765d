"""The table of stages: names, functions, libraries. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tasks import families, objectives, problems, tuning
from tasks.contract import Stage
from tasks.sources import Source
from tasks.statistics.further_metrics import modules_of_further

TRAINING = ("torch", "transformers", "accelerate", "numpy")
SAVING = ("tokenizers", "safetensors")  # the libraries that write the model and the tokenizer
TABLES = ("pandas", "pyarrow")
LABELLED = (*TRAINING, *SAVING, *TABLES)
TESTED = ("train.parquet", "test.parquet", "labels.json")

TOKENIZER = Stage(
    "tokenizer",
    "tasks.stages.tokenizer:train_tokenizer",
    libraries=("tokenizers", "transformers", "pyarrow"),
)
TOKENS = Stage(
    "tokens",
    "tasks.stages.tokens:encode_corpus",
    libraries=("tokenizers", "transformers", "numpy", "pyarrow"),
)
LEAKAGE = Stage(
    "leakage",
    "tasks.stages.leakage:look_for_leakage",
    libraries=("pyarrow",),
    show="tasks.pages.leakage_card:show",
)
EMBEDDINGS = Stage(
    "embeddings",
    "tasks.stages.embeddings:count_embeddings",
    libraries=("numpy", "scipy", "scikit-learn", "tokenizers", "transformers"),
    show="tasks.pages.embeddings_card:show",
)
REPORT = Stage(
    "report",
    "tasks.stages.report:write_report",
    libraries=("matplotlib", "numpy", "pandas"),
)

StageName = Literal[
    "dataset",
    "corpus",
    "tokenizer",
    "tokens",
    "embeddings",
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
    "near-duplicates",
    "forgetting",
    "report",
]
NAMES: tuple[StageName, ...] = get_args(StageName)


@dataclass(frozen=True)
class Table:
    """The stages that solve a problem, on text or on images, and the files that they read.

    Attributes:
        finetuning: by the problem, the family and the method of tuning.
        baseline: the field's simple model, by the problem.
        evaluation: by the problem.
        judgement: by the problem.
        family: the module of a family.
        tuned: what fine-tuning reads of the rows.
        compared: what the simple model reads.
        tested: what two models are compared on.
        evaluated: what the evaluation reads: also what its further metrics need.
        features: what a frozen encoder gives, by the problem, the family and the method of tuning.
        label_share: a share of the rows that fine-tuning reads, by the problem.
    """

    finetuning: Callable[[str, str, str], Stage]
    baseline: Callable[[str], Stage]
    evaluation: Callable[[str], Stage]
    judgement: Callable[[str], Stage]
    family: Callable[[str], str]
    tuned: tuple[str, ...]
    compared: tuple[str, ...]
    tested: tuple[str, ...]
    evaluated: tuple[str, ...]
    features: Callable[[str, str, str], Stage]
    label_share: Callable[[str], Stage]


def dataset(source: Source, problem: str) -> Stage:
    """Labelled rows, split."""
    return Stage(
        "dataset",
        "tasks.stages.dataset:prepare_dataset",
        (source.module, problems.part_of(problem, "rows")),
        _reading(source),
        show="tasks.pages.data_card:show",
    )


def corpus(source: Source) -> Stage:
    """Documents to pre-train on."""
    return Stage(
        "corpus",
        "tasks.stages.corpus:prepare_corpus",
        (source.module,),
        _reading(source),
        show="tasks.pages.data_card:show",
    )


def _reading(source: Source) -> tuple[str, ...]:
    return ("pyarrow", *source.libraries)


def pretraining(objective: str, family: str) -> Stage:
    """Pre-training on text."""
    return Stage(
        "pretraining",
        "tasks.stages.pretraining:pretrain",
        (objectives.module_of(objective), families.module_of(family)),
        (*TRAINING, *SAVING),
        show="tasks.pages.pretraining_card:show",
    )


def finetuning(problem: str, family: str, method: str) -> Stage:
    """Fine-tuning on labelled rows."""
    return Stage(
        "finetuning",
        "tasks.stages.finetuning:finetune",
        (*problems.modules_of(problem), families.module_of(family), tuning.module_of(method)),
        (*LABELLED, *problems.described(problem).LIBRARIES, *tuning.libraries_of(method)),
        show="tasks.pages.finetuning_card:show",
    )


def features(problem: str, family: str, method: str) -> Stage:
    """What a frozen encoder gives for each labelled row."""
    return replace(
        finetuning(problem, family, method),
        name="features",
        function="tasks.stages.features:compute_features",
        show="",
    )


def baseline(problem: str) -> Stage:
    """The field's simple model, trained on the same rows."""
    return Stage(
        "baseline",
        "tasks.stages.baseline:train_baseline",
        (*problems.modules_of(problem), problems.part_of(problem, "simple")),
        ("scikit-learn", "scipy", "numpy", *TABLES, *problems.described(problem).LIBRARIES),
    )


def evaluation(problem: str) -> Stage:
    """The metrics of a fine-tuned model on the test split, with intervals."""
    return Stage(
        "evaluation",
        "tasks.stages.evaluation:evaluate",
        (
            *problems.modules_of(problem),
            *problems.modules_of_probabilities(problem),
            *modules_of_further(problem),
        ),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.evaluation_card:show",
    )


def label_share(problem: str) -> Stage:
    """A share of the training rows."""
    return Stage(
        "label-share",
        "tasks.stages.generalization.label_share:choose_share",
        (*problems.modules_of(problem), problems.part_of(problem, "rows")),
        (*LABELLED, *problems.described(problem).LIBRARIES),
    )


def judgement(problem: str) -> Stage:
    """Champion and challenger on the same test split, and the decision by the rule."""
    return Stage(
        "judgement",
        "tasks.stages.judgement:judge",
        (*problems.modules_of(problem), problems.part_of(problem, "rows")),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.decision_card:show",
    )


ON_TEXT = Table(
    finetuning,
    baseline,
    evaluation,
    judgement,
    families.module_of,
    tuned=("train.parquet", "validation.parquet", "labels.json"),
    compared=("train.parquet", "validation.parquet", "test.parquet", "labels.json"),
    tested=TESTED,
    evaluated=TESTED,
    features=features,
    label_share=label_share,
)
