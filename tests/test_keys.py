"""Every field of an experiment is in the key of exactly the stages that it changes directly.

What reads the bytes of such a stage follows by their content. A field that is in no key re-runs
nothing, so this table is where a new field is to say what it can change.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.contract import Stage
from tasks.experiment.experiment import Experiment
from tasks.machinery.execution.planner import PendingArtifact, pending
from tasks.machinery.naming.title import Title
from tasks.machinery.store.call import key_of
from tasks.machinery.store.fingerprint import digest
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_models import write_body

NO_KEY: set[str] = set()
CORPUS, TOKENIZER, PRETRAINING = {"corpus"}, {"tokenizer"}, {"pretraining"}
DATASET, FINETUNING = {"dataset"}, {"finetuning"}

# Fields that count with tagged tokens alone: they are changed in the problem `names`.
OF_TOKENS = {
    f"downstream.{of}columns.{name}"
    for of in ("", "evaluate_also.")
    for name in ("tokens", "tags", "sentence")
}

# Fields about a model to start from: it counts by its content, as a test below shows.
OF_A_GIVEN_MODEL = {"start", "evaluation.baseline"}

# Fields of a method of tuning, and a method with which they count.
METHODS = {
    **dict.fromkeys(("learning_rate", "rank", "alpha", "dropout"), "lora"),
    **dict.fromkeys(("layers", "decay"), "gradual"),
}

# What is chosen too. A published tokenizer has a vocabulary of its own, whose size is no choice.
ALSO = {
    "evaluation.wanted_accuracy": ("evaluation.calibration=temperature",),
    "tokenizer.published": ("tokenizer.vocab_size=8192",),
    "pretraining.cooccurrence_window": ("pretraining.embeddings=cooccurrence",),
    "downstream.columns.number": ("downstream.mood.problem=regression",),
    **dict.fromkeys(
        [f"downstream.columns.{role}" for role in ("question", "answer", "answer_start")],
        ("downstream.mood.problem=question-answering",),
    ),
    **dict.fromkeys(
        [f"downstream.columns.{role}" for role in ("prompt", "target")],
        (
            "downstream.mood.problem=generation",
            "model.family=gpt2",
            "pretraining.objective=clm",
        ),
    ),
    "downstream.stride": ("downstream.mood.problem=question-answering",),
    "evaluation.explained_rows": ("evaluation.explain=[occlusion]",),
    "evaluation.explained_mistakes": ("evaluation.explain=[occlusion]",),
    **{
        f"downstream.tuning.{name}": (f"downstream.mood.tuning.method={method}",)
        for name, method in METHODS.items()
    },
}

# Field: another valid value, and the stages that have the field in their key. Of a downstream
# problem, one is changed; no stage of the other one may change.
FIELDS: dict[str, tuple[str, set[str]]] = {
    "name": ("another", {"report"}),  # its title
    "variant": ("another", NO_KEY),
    "seed": ("1", {"pretraining", "finetuning", "baseline", "evaluation"}),
    "split_seed": ("1", {"dataset", "corpus"}),
    "corpus.source": ("{elsewhere}/texts", NO_KEY),  # its content is
    "corpus.text_column": ("body", CORPUS),
    "corpus.documents": ("line", CORPUS),
    "corpus.sentences": ("line", {"tokens"}),
    "corpus.validation_share": ("0.2", CORPUS),
    "corpus.min_characters": ("41", CORPUS),
    "corpus.max_documents": ("50", CORPUS),
    "tokenizer.algorithm": ("bpe", TOKENIZER),
    "tokenizer.vocab_size": ("201", TOKENIZER),
    "tokenizer.lowercase": ("false", TOKENIZER),
    "tokenizer.accents": ("keep", TOKENIZER),
    "tokenizer.min_frequency": ("3", TOKENIZER),
    "tokenizer.published": ("{data}/vocab.txt", TOKENIZER),  # by its content
    "model.family": ("roberta", PRETRAINING | FINETUNING),  # their code too
    "model.size": ("mini", PRETRAINING),  # by its numbers
    "model.layers": ("2", PRETRAINING),
    "model.hidden_size": ("32", PRETRAINING),
    "model.heads": ("4", PRETRAINING),
    "model.intermediate_size": ("48", PRETRAINING),
    "model.max_positions": ("128", PRETRAINING),
    "model.initializer_range": ("0.05", PRETRAINING),
    "pretraining.embeddings": ("cooccurrence", PRETRAINING | {"embeddings"}),
    "pretraining.cooccurrence_window": ("6", PRETRAINING | {"embeddings"}),
    "pretraining.objective": ("mlm+nsp", PRETRAINING),
    "pretraining.steps": ("13", PRETRAINING),
    "pretraining.minutes": ("1", PRETRAINING),
    "pretraining.batch_size": ("9", PRETRAINING),
    "pretraining.micro_batch_size": ("4", PRETRAINING),
    "pretraining.sequence_length": ("33", PRETRAINING),
    "pretraining.optimizer": ("muon", PRETRAINING),
    "pretraining.learning_rate": ("0.002", PRETRAINING),
    "pretraining.warmup_share": ("0.1", PRETRAINING),
    "pretraining.schedule": ("cosine", PRETRAINING),
    "pretraining.weight_decay": ("0.02", PRETRAINING),
    "pretraining.adam_beta2": ("0.95", PRETRAINING),
    "pretraining.max_gradient_norm": ("2", PRETRAINING),
    "pretraining.gradient_checkpointing": ("true", PRETRAINING),
    "pretraining.offload": ("activations", NO_KEY),
    "pretraining.dropout": ("0.1", PRETRAINING),
    "pretraining.masking_share": ("0.2", PRETRAINING),
    "pretraining.masking": ("words", PRETRAINING),
    "pretraining.validation_sequences": ("17", PRETRAINING),
    "pretraining.precision": ("fp32", PRETRAINING),
    "pretraining.probe": ("true", PRETRAINING),  # and the rows are another input
    "pretraining.log_every": ("3", NO_KEY),
    "downstream.name": ("other", {"report"}),  # the heading of its results
    "downstream.problem": (
        "token-classification",
        DATASET | FINETUNING | {"baseline", "evaluation"},
    ),
    "downstream.several_labels": ("true", DATASET | FINETUNING | {"baseline", "evaluation"}),
    "downstream.source": ("{elsewhere}/moods.jsonl", NO_KEY),  # its content is
    "downstream.columns.text": ("body", DATASET),
    "downstream.columns.second_text": ("body", DATASET),
    "downstream.columns.label": ("mood", DATASET),
    "downstream.columns.number": ("score", DATASET),
    "downstream.columns.tokens": ("words", DATASET),
    "downstream.columns.tags": ("names", DATASET),
    "downstream.columns.sentence": ("part", DATASET),
    "downstream.columns.question": ("query", DATASET),
    "downstream.columns.answer": ("reply", DATASET),
    "downstream.columns.prompt": ("query", DATASET),
    "downstream.columns.target": ("next", DATASET),
    "downstream.columns.answer_start": ("first", DATASET),
    "downstream.stratified": ("true", DATASET),
    "downstream.columns.document": ("page", DATASET),
    "downstream.columns.split": ("part", DATASET),
    "downstream.validation_share": ("0.15", DATASET),
    "downstream.test_share": ("0.3", DATASET),
    "downstream.missing_labels": ("drop", DATASET),
    "downstream.overlap": ("drop", DATASET),
    "downstream.train_examples": ("50", FINETUNING | {"baseline"}),
    "downstream.epochs": ("3", FINETUNING),
    "downstream.batch_size": ("17", FINETUNING),
    "downstream.micro_batch_size": ("4", FINETUNING),
    "downstream.optimizer": ("muon", FINETUNING),
    "downstream.learning_rate": ("0.002", FINETUNING),
    "downstream.warmup_share": ("0.2", FINETUNING),
    "downstream.schedule": ("cosine", FINETUNING),
    "downstream.weight_decay": ("0.02", FINETUNING),
    "downstream.adam_beta2": ("0.95", FINETUNING),
    "downstream.max_gradient_norm": ("2", FINETUNING),
    "downstream.gradient_checkpointing": ("true", FINETUNING),
    "downstream.offload": ("activations", NO_KEY),
    "downstream.dropout": ("0.2", FINETUNING),
    "downstream.max_length": ("33", FINETUNING),
    "downstream.stride": ("16", FINETUNING),
    "downstream.precision": ("fp32", FINETUNING),
    "downstream.tuning.method": ("probe", FINETUNING | {"report"}),  # its words
    "downstream.tuning.learning_rate": ("0.01", FINETUNING),
    "downstream.tuning.rank": ("4", FINETUNING),
    "downstream.tuning.alpha": ("8", FINETUNING),
    "downstream.tuning.dropout": ("0.1", FINETUNING),
    "downstream.tuning.layers": ("1", FINETUNING),
    "downstream.tuning.decay": ("0.5", FINETUNING),
    "downstream.freeze": ("embeddings", FINETUNING),
    "downstream.layer_decay": ("0.9", FINETUNING),
    "downstream.label_smoothing": ("0.1", FINETUNING),
    "downstream.class_weights": ("balanced", FINETUNING),
    "downstream.early_stopping": ("3", FINETUNING),
    "downstream.averaging": ("0.99", FINETUNING),
    "downstream.slices": ("[length]", {"report"}),  # and a stage
    "evaluation.from_scratch": ("false", {"evaluation"}),
    "evaluation.simple_baseline": ("false", {"evaluation"}),
    "evaluation.bootstrap_samples": ("300", {"evaluation"}),
    "evaluation.confidence": ("0.9", {"evaluation", "report"}),
    "evaluation.seeds": ("2", {"evaluation"}),  # and more stages of fine-tuning
    "evaluation.learning_curve": ("[0.5]", {"report"}),  # and more stages
    "evaluation.near_duplicates": ("true", {"report"}),  # and a stage
    "evaluation.forgetting": ("true", {"report"}),  # and a stage
    "evaluation.mislabelled": ("true", {"report"}),  # and a stage
    "evaluation.calibration": ("temperature", {"report"}),  # and a stage
    "evaluation.wanted_accuracy": ("0.8", {"calibration"}),
    "evaluation.explain": ("[occlusion]", {"report"}),  # and a stage
    "evaluation.probe_layers": ("true", {"report"}),  # and a stage
    "evaluation.explained_rows": ("100", {"explanation"}),
    "evaluation.explained_mistakes": ("5", {"explanation"}),
    "checkpoints.every_steps": ("7", NO_KEY),
    "checkpoints.every_minutes": ("2", NO_KEY),
}
# Fields of a further test set: of its rows, as of those of the problem.
FURTHER = "downstream.evaluate_also"
FIELDS[f"{FURTHER}.name"] = ("third", {"transfer"})
FIELDS[f"{FURTHER}.source"] = ("{elsewhere}/moods.jsonl", NO_KEY)  # its content is
for name, (value, _) in [*FIELDS.items()]:
    if name.startswith("downstream.columns."):
        further = name.replace("downstream.", f"{FURTHER}.", 1)
        FIELDS[further] = (value, {"further-test"})
        ALSO[further] = ALSO.get(name, ())
for name in FIELDS:
    if name.startswith(FURTHER):
        part, rows = ("names", "names") if name in OF_TOKENS else ("mood", "moods")
        asked = f"downstream.{part}.evaluate_also=[{{name: also, source: HERE/{rows}.jsonl}}]"
        ALSO[name] = (*ALSO.get(name, ()), asked)


def fields_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """The dotted names of all leaves of a model, those of lists without a number."""
    found = set()
    for name, info in model.model_fields.items():
        inner = next(
            (kind for kind in (info.annotation, *get_args(info.annotation)) if _is_model(kind)),
            None,
        )
        found |= fields_of(inner, f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


class Walk:
    """Walks the recipe, noting each stage's key; what a stage is given never changes."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> PendingArtifact:
        title = str(Title(stage.name, label.replace("other", "mood")))
        key = self.keys[title] = key_of(stage, arguments)
        steady = {"fingerprint": digest(title), "folder": Path(title)}
        return pending(stage.name, title, key).model_copy(update=steady)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> SimpleNamespace:
    """The tiny experiment, and a copy of its data elsewhere."""
    data = tmp_path_factory.mktemp("keys")
    file = write_experiment(data)
    write_wide_tables(data)
    file.write_text(file.read_text().replace("moods.csv", "moods.jsonl"))
    (data / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    shutil.copytree(data, elsewhere)
    return SimpleNamespace(data=data, file=file, elsewhere=elsewhere)


def write_wide_tables(folder: Path) -> None:
    """The labelled rows with every column that a field is changed to: a plan looks at them."""
    rows = [line.split(",") for line in (folder / "moods.csv").read_text().splitlines()[1:]]
    with (folder / "moods.jsonl").open("w") as out:
        for text, label in rows:
            words = text.split()
            row = {"text": text, "body": text, "label": label, "mood": label}
            row |= {"number": len(text), "score": len(text)}
            row |= {"question": f"what {text}", "query": f"where {text}"}
            row |= {"prompt": text, "target": words[-1], "next": words[-2]}
            row |= {"answer": words[0], "reply": words[1], "first": 0}
            row["part"] = "train"
            out.write(json.dumps(row | {"tokens": words, "tags": ["O"] * len(words)}) + "\n")
    tagged = [json.loads(line) for line in (folder / "names.jsonl").read_text().splitlines()]
    with (folder / "names.jsonl").open("w") as out:
        for row in tagged:
            out.write(
                json.dumps(row | {"words": row["tokens"], "names": row["tags"], "part": "1"}) + "\n"
            )


def load(place: SimpleNamespace, *settings: str) -> Experiment:
    """The tiny experiment, changed; its objective is one for models of either family."""
    return load_experiment(str(place.file), ["pretraining.objective=mlm", *settings])


def keys(place: SimpleNamespace, *settings: str) -> dict[str, dict[str, Any]]:
    """The key of each stage of the tiny experiment, by its title."""
    walk = Walk()
    recipe(load(place, *settings), walk)
    return walk.keys


def setting(place: SimpleNamespace, field: str, value: str) -> str:
    """The change of a field as it is given on the command line."""
    where = field.replace("downstream.", f"downstream.{problem_of(field)}.")
    where = where.replace("evaluate_also.", "evaluate_also.also.")
    return f"{where}={value.format(data=place.data, elsewhere=place.elsewhere)}"


def problem_of(field: str) -> str:
    """The problem in which a field is changed."""
    return "names" if field in OF_TOKENS else "mood"


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Titles of the stages that both have, with another key."""
    return {title for title in before.keys() & after.keys() if before[title] != after[title]}


def test_the_table_has_every_field_and_no_other() -> None:
    assert set(FIELDS) | OF_A_GIVEN_MODEL == fields_of(Experiment)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_in_the_key_of_the_stages_that_it_changes(
    field: str, place: SimpleNamespace
) -> None:
    value, stages = FIELDS[field]
    change = setting(place, field, value)
    unnamed = {} if field == "variant" else {"variant": ""}
    also = tuple(each.replace("HERE", str(place.data)) for each in ALSO.get(field, ()))
    now, then = (load(place, *also, *x).model_copy(update=unnamed) for x in ((), (change,)))
    assert now != then, "a value like the default shows nothing"
    before, after = keys(place, *also), keys(place, *also, change)
    (untouched,) = {"mood", "names"} - {problem_of(field)}
    expected = {
        title
        for title in before.keys() & after.keys()
        if title.split()[0] in stages
        and (not field.startswith("downstream.") or untouched not in title)
        # Random weights always learn in full.
        and not (".tuning." in field and title.endswith(" from scratch"))
    }
    assert changed(before, after) == expected


def test_a_method_of_tuning_counts_with_its_own_fields_alone(place: SimpleNamespace) -> None:
    full, lora = (
        keys(place, *(f"downstream.mood.tuning.{change}" for change in changes))
        for changes in ((), ("method=lora", "rank=4"))
    )
    assert full == keys(place, "downstream.mood.tuning.method=full")
    own = {
        name.removeprefix("training.tuning."): value
        for name, value in lora["finetuning mood"]["part"].items()
        if name.startswith("training.tuning.")
    }
    assert own == {"method": "lora", "learning_rate": 0, "rank": 4, "alpha": 16, "dropout": 0}
    assert not [name for name in full["finetuning mood"]["part"] if "tuning." in name]
    assert {"training.freeze", "training.layer_decay"}.isdisjoint(lora["finetuning mood"]["part"])
    modules = {title: set(key["code"]) for title, key in (full | lora).items()}
    assert {"tasks.tuning.lora", "tasks.tuning._adapters"} <= modules["finetuning mood"]
    assert "tasks.tuning.full" in modules["finetuning names"]
    assert "tasks.tuning.lora" not in modules["finetuning names"]
    assert "peft" in lora["finetuning mood"]["libraries"]
    assert "peft" not in full["finetuning mood"]["libraries"]


def test_a_rate_of_the_method_counts_in_place_of_that_of_the_problem(
    place: SimpleNamespace,
) -> None:
    own = ("downstream.mood.tuning.method=lora", "downstream.mood.tuning.learning_rate=0.01")
    before = keys(place, *own)
    assert before["finetuning mood"]["part"]["training.learning_rate"] == 0.01
    assert before["finetuning mood from scratch"]["part"]["training.learning_rate"] != 0.01
    after = keys(place, *own, "downstream.mood.learning_rate=0.002")
    assert changed(before, after) == {"finetuning mood from scratch"}


def test_of_a_published_tokenizer_nothing_counts_but_its_content_and_the_case(
    place: SimpleNamespace,
) -> None:
    usual = "tokenizer.vocab_size=8192"
    before = keys(place, usual, f"tokenizer.published={place.data}/vocab.txt")
    moved = f"tokenizer.published={place.elsewhere}/vocab.txt"
    assert keys(place, usual, moved) == before
    part = before["tokenizer"]["part"]
    assert {name for name in part if name.startswith("tokenizer.")} == {"tokenizer.lowercase"}
    assert changed(before, keys(place, usual, moved, "tokenizer.lowercase=false")) == TOKENIZER


def test_a_given_model_is_in_the_key_by_its_content_alone(
    place: SimpleNamespace, tmp_path: Path, home: Path
) -> None:
    body = write_body(tmp_path / "body")
    moved = shutil.copytree(body, tmp_path / "moved")
    new = keys(place)
    settings = ("model={}", "tokenizer={}", f"start={body}")
    before = keys(place, *settings)
    assert changed(new, before) >= {"tokenizer", "pretraining", "report"}
    assert not changed(new, before) & {"corpus", "dataset mood", "baseline mood"}
    assert keys(place, *settings[:2], f"start={moved}") == before
    also = keys(place, *settings, "evaluation.baseline=start")
    assert changed(before, also) == {"evaluation mood", "evaluation names"}
    assert also.keys() - before.keys() == {f"finetuning {n} from start" for n in ("mood", "names")}
    at_once = keys(place, *settings, "pretraining.steps=0")
    assert before.keys() - at_once.keys() == {"corpus", "tokenizer", "tokens", "pretraining"}
    (moved / "config.json").write_text((moved / "config.json").read_text() + " ")
    other = keys(place, *settings[:2], f"start={moved}")
    assert "pretraining" in changed(before, other)
    assert "tokenizer" not in changed(before, other)


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("texts/007.txt", "corpus"),
        ("moods.jsonl", "dataset mood"),
        ("names.jsonl", "dataset names"),
    ],
)
def test_one_character_of_the_data_is_in_the_key_of_what_reads_it(
    file: str, title: str, place: SimpleNamespace, tmp_path: Path
) -> None:
    other = tmp_path / "data"
    shutil.copytree(place.data, other)
    moved = SimpleNamespace(data=other, file=other / "tiny.yaml")
    assert keys(moved) == keys(place)
    (other / file).write_text((other / file).read_text().replace("dog", "dug", 1))
    assert changed(keys(place), keys(moved)) == {title}
