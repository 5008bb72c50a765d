"""The model card of an exported model: what is known of it, and what is not.

The header is YAML, as the Hugging Face Hub reads it. The licence is left to the user.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tasks.machinery.naming.markdown import escaped
from tasks.machinery.store.artifact import Artifact
from tasks.models.files import (
    READER,
    auto_class,
    built_as,
    labels_of,
    parameters_of,
    problem_of,
)
from tasks.pages import evaluation_card
from tasks.pages.evaluation.found import Found
from tasks.pages.numbers import table
from tasks.problems.windows.cutting import STRIDE

MOST_LABELS = 60
NO_LICENCE = "# license: not chosen yet; it may depend on the data (see below)\n"
OWN_HEAD = "Dense"  # the classes of encoders with a head of ours: tasks/problems/dense_head.py
TASKS = {
    "DenseForSemanticSegmentation": "image-segmentation",
    "DenseForObjectDetection": "object-detection",
    "AutoModelForSemanticSegmentation": "image-segmentation",
    "AutoModelForUniversalSegmentation": "image-segmentation",
    "AutoModelForObjectDetection": "object-detection",
    "AutoModelForMaskedLM": "fill-mask",
    "BertForPreTraining": "fill-mask",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForTokenClassification": "token-classification",
    "AutoModelForQuestionAnswering": "question-answering",
    "AutoModelForCausalLM": "text-generation",
}
VERBS = {"pretraining": "Pre-training", "finetuning": "Fine-tuning"}


@dataclass(frozen=True)
class ModelCard:
    """A model and where it comes from, as far as the store knows.

    Attributes:
        folder: of the model.
        configuration: its config.json.
        digest: of its files.
        made: the artifact that it is a part of.
        trainings: those that made it, the last one first.
        corpora: the text that it was pre-trained on.
        rows: the labelled data that it was fine-tuned on.
        gaps: whether some of its data are unknown, or no longer in the store.
        evaluations: of it.
        tested: the rows that each of these is of, in words.
        version: of Temper.
        adapts: the model that the weights adapt, if they are an adapter: of the Hub as `hf:NAME`.
    """

    folder: Path
    configuration: dict[str, Any]
    digest: str
    made: Artifact
    trainings: Sequence[Artifact]
    corpora: Sequence[Artifact]
    rows: Sequence[Artifact]
    gaps: bool
    evaluations: Sequence[Artifact]
    tested: Sequence[str]
    version: str
    adapts: str | None = None

    def text(self) -> str:
        """The page, with its header."""
        parts = [
            f"# {self._title}",
            self._summary(),
            "## How to load it",
            self._loading(),
            "## Data",
            *self._data(),
            "## Results",
            *self._results(),
            "## How it was made",
            *self._made(),
        ]
        if self.unknown:
            parts += ["## Not known", "\n".join(f"- {escaped(each)}" for each in self.unknown)]
        return self._header() + "\n\n".join(parts) + "\n"

    @cached_property
    def unknown(self) -> list[str]:
        """What the store does not know of the model."""
        found = []
        if not self.trainings:
            found.append("how it was trained, and on which data: Temper did not make it here")
        elif self.gaps:
            found.append("some of its training data, which are no longer in the store")
        if self._problem and not self.evaluations:
            found.append("its results on a test split: `temper evaluate` measures them")
        if self.trainings and not self._run_id:
            found.append("the run in MLflow that recorded it")
        return found

    @property
    def _problem(self) -> str:
        if self.made.stage == "pretraining":  # a decoder can write, but was not tuned for it
            return ""
        return problem_of(self.configuration)

    @property
    def _run_id(self) -> str:
        return self.made.record.get("run_id", "")

    @property
    def _family(self) -> str:
        return str(self.configuration["model_type"])

    @property
    def _title(self) -> str:
        purpose = f"for {self._problem}" if self._problem else "pre-trained on text"
        return escaped(f"{self._family} {purpose}")

    @property
    def _task(self) -> str:
        file = self.made.path / "model.json"
        if "model.json" in self.made.files:
            task = str(json.loads(file.read_text(encoding="utf-8"))["task"])
            if task:  # else no pipeline serves it
                return task
        built, loaded = built_as(self.configuration), auto_class(self.configuration)
        return TASKS.get(built) or TASKS.get(loaded, "feature-extraction")

    @property
    def _stride(self) -> int:
        """The tokens that two windows of a long text share; 0 for no windows."""
        file = self.folder / "tokenizer_config.json"
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return int(known.get(STRIDE, 0))

    def _header(self) -> str:
        values: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": self._task}
        if self.adapts is not None:
            values["library_name"] = "peft"
        if self.adapts and self.adapts.startswith("hf:"):
            values["base_model"] = self.adapts.removeprefix("hf:").partition("@")[0]
        values["tags"] = sorted({"temper", self._family} | ({self._problem} - {""}))
        if published := sorted(
            {name for each in (*self.corpora, *self.rows) for name in _hub(each)}
        ):
            values["datasets"] = published
        written = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        return f"---\n{written}{NO_LICENCE}---\n\n"

    def _summary(self) -> str:
        parameters = parameters_of(self.folder)
        made = "made" if self.trainings else "exported"
        said = f"{built_as(self.configuration)}, {parameters:,} parameters, {made} with Temper."
        labels = labels_of(self.configuration) if self._problem else []
        if not labels:
            return escaped(said)
        shown = ", ".join(labels[:MOST_LABELS])
        more = f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else ""
        return escaped(f"{said} Its {len(labels)} answers: {shown}{more}.")

    def _loading(self) -> str:
        name, note = auto_class(self.configuration), ""
        if built_as(self.configuration).startswith(OWN_HEAD):
            name = "AutoModel"
            note = (
                "\n\nThat is the backbone: its head is Temper's own. `temper predict` answers with "
                "the whole, and so does the model in MLflow, without Temper "
                "(`mlflow.pyfunc.load_model`)."
            )
        if self.adapts is not None:
            return self._loading_beside(name)
        if self._problem and self._stride:
            note = (
                "\n\nIts answers to long texts are merged from windows, which share "
                f"{self._stride} tokens: by `temper predict`, and by the model in MLflow, without "
                "Temper. A `pipeline` of transformers reads no windows."
            )
        of_pictures = (self.folder / READER).is_file()
        what, reader = ("tokenizer", "AutoTokenizer")
        if of_pictures:
            what, reader = ("processor", "AutoImageProcessor")
        return (
            "In this folder; elsewhere, with its path or its name on the Hub in place of `.`:\n\n"
            "```python\n"
            f"from transformers import {reader}, {name}\n"
            f'{what} = {reader}.from_pretrained(".")\n'
            f'model = {name}.from_pretrained(".")\n'
            f"```{note}"
        )

    def _loading_beside(self, name: str) -> str:
        """How an adapter is loaded: `peft` does not know the answers of the head."""
        base, _, at = (self.adapts or "BODY").removeprefix("hf:").partition("@")
        base = base if (self.adapts or "").startswith("hf:") else "BODY"
        where = f'"{base}"' + (f', revision="{at}"' if at and base != "BODY" else "")
        labels = labels_of(self.configuration) if self._problem else []
        known = f", id2label={dict(enumerate(labels))!r}" if labels else ""
        known = known or (", num_labels=1" if self._problem == "regression" else "")
        return (
            "These are the weights of an adapter and of the head, beside those of the model that "
            "it adapts:\n\n"
            "```python\n"
            "from peft import PeftModel\n"
            f"from transformers import {name}\n"
            f"model = {name}.from_pretrained({where}{known})\n"
            'model = PeftModel.from_pretrained(model, ".")\n'
            "```"
        )

    def _data(self) -> Iterator[str]:
        lines = [["fine-tuned on", *_facts(each, _unit(each, "rows"))] for each in self.rows]
        lines += [
            ["pre-trained on", *_facts(each, _unit(each, "documents"))] for each in self.corpora
        ]
        if lines:
            yield table(["", "data", "size", "content"], lines, words=4)
        else:
            yield "Its training data are not known."

    def _results(self) -> Iterator[str]:
        for artifact, rows in zip(self.evaluations, self.tested, strict=True):
            found = Found.read(artifact.path)
            sure = f"{100 * found.facts['confidence']:g} %"
            documents = f"{found.metrics['test_documents']:,.0f} documents"
            yield escaped(
                f"{found.facts['problem']}, {found.facts['rows']} of {documents} in "
                f"{rows}; in brackets {sure} bootstrap intervals over documents:"
            )
            yield evaluation_card.metric_table(found)
        if not self.evaluations:
            yield "No results on a test split are known."

    def _made(self) -> Iterator[str]:
        for training in reversed(self.trainings):
            settings = [[name, str(value)] for name, value in training.key["part"].items()]
            yield f"{VERBS[training.stage]}:"
            yield table(["setting", "value"], settings, words=2)
        libraries = self.trainings[0].key["libraries"] if self.trainings else {}
        facts = {"Temper": self.version, **libraries, "content": self.digest[:16]}
        if self._run_id:
            facts["run in MLflow"] = self._run_id
        if model_id := self.made.record.get("model_id"):
            facts["model in MLflow"] = model_id
        yield table(["", "version"], [[k, str(v)] for k, v in facts.items()], words=2)


def _unit(data: Artifact, of_text: str) -> str:
    """What is counted in a data set."""
    return "pictures" if data.stage == "images" else of_text


def _facts(data: Artifact, unit: str) -> list[str]:
    """The name of a data set, its size, and the digest of its content."""
    name = json.loads((data.path / "dataset.json").read_text(encoding="utf-8"))["name"]
    splits = ("train", "validation", "test")
    counts = [
        f"{data.metrics[found]:,.0f} {split}"
        for split in splits
        if (found := f"{split}_{unit}") in data.metrics
    ]
    return [name, f"{unit}: {', '.join(counts)}", data.whole.digest[:16]]


def _hub(data: Artifact) -> Iterator[str]:
    """The names of data sets on the Hub that data are from."""
    part = data.key["part"]
    if part.get("source.kind") == "hub":
        for name in part:
            if name.startswith("source.identity."):
                yield name.removeprefix("source.identity.").partition(":")[0]
