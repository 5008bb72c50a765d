"""`temper export` writes a folder that transformers loads, at once or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.problems.windows.cutting import STRIDE
from tests.support.tiny_models import LABELS, wordpiece, write_body


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a head and labels, as a person may have it from elsewhere."""
    folder, tokenizer = tmp_path_factory.mktemp("given") / "classifier", wordpiece()
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    names = dict(enumerate(LABELS))
    config = BertConfig(
        vocab_size=len(tokenizer), intermediate_size=64, max_position_embeddings=64, **size
    )
    config.id2label, config.label2id = names, {name: n for n, name in names.items()}
    config.problem_type = "single_label_classification"
    torch.manual_seed(3)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["export", *words])
    return done.exit_code, done.output


def header_of(folder: Path) -> dict[str, Any]:
    """The YAML at the beginning of a model card."""
    _, written, _ = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(written)


def loading_of(folder: Path) -> str:
    """The Python of a model card."""
    return (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_database")
def test_the_weights_are_the_same_and_the_card_says_how_to_load_them(
    classifier: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    to.mkdir()  # an empty folder is accepted
    status, said = call(str(classifier), "--to", str(to))
    assert status == 0, said
    given, written = (load_file(each / "model.safetensors") for each in (classifier, to))
    assert given.keys() == written.keys()
    assert all(torch.equal(given[name], written[name]) for name in given)
    assert header_of(to) == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["bert", "temper", "text-classification"],
    }
    assert "# license:" in (to / "README.md").read_text()
    code = loading_of(to)
    assert len(code.splitlines()) == 3
    check = "import torch; print(model(**tokenizer('a cat', return_tensors='pt')).logits.shape)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{check}"], cwd=to, capture_output=True, text=True
    )
    assert done.stdout.strip() == "torch.Size([1, 3])", done.stderr


@pytest.mark.usefixtures("mlflow_database")
def test_the_card_says_that_long_texts_are_read_in_windows(
    classifier: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(classifier, tmp_path / "windows")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.init_kwargs[STRIDE] = 7
    tokenizer.save_pretrained(folder)
    for given, said in ((classifier, False), (folder, True)):
        to = tmp_path / f"out-{said}"
        status, printed = call(str(given), "--to", str(to))
        assert status == 0, printed
        assert ("windows, which share 7 tokens" in (to / "README.md").read_text()) == said


@pytest.mark.usefixtures("mlflow_database")
def test_what_is_not_known_is_said_and_nothing_is_made_up(classifier: Path, tmp_path: Path) -> None:
    status, said = call(str(classifier), "--to", str(tmp_path / "out"))
    assert status == 0, said
    card = (tmp_path / "out" / "README.md").read_text()
    for text in (card, said):
        assert "how it was trained, and on which data" in text
        assert "its results on a test split" in text
    assert "Its 3 answers: animal, plant, stone." in card
    assert "run in MLflow" not in card
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["home", "out"]


@pytest.mark.usefixtures("mlflow_database")
@pytest.mark.parametrize(
    ("kind", "loaded", "task"),
    [
        ("bert", "AutoModelForPreTraining", "fill-mask"),
        ("roberta", "AutoModelForMaskedLM", "fill-mask"),
        ("electra", "AutoModelForPreTraining", "feature-extraction"),
    ],
)
def test_an_encoder_is_loaded_with_its_own_head(
    kind: str, loaded: str, task: str, tmp_path: Path
) -> None:
    body = write_body(tmp_path / "body", kind)
    status, said = call(str(body), "--to", str(tmp_path / "out"))
    assert status == 0, said
    assert f"model = {loaded}.from_pretrained" in loading_of(tmp_path / "out")
    assert header_of(tmp_path / "out")["pipeline_tag"] == task


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("full", "has 1 entries, such as a.txt; accepted: a folder that is empty"),
        ("full/a.txt", "is not a folder"),
        ("no/such", "create it first"),
    ],
)
def test_a_place_that_would_lose_something_is_refused(
    name: str, said: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    status, told = call("whatever", "--to", str(tmp_path / name))
    assert (status, said in " ".join(told.split())) == (2, True), told
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("mlflow_database")
def test_a_reference_to_nothing_writes_nothing(tmp_path: Path) -> None:
    status, said = call(str(tmp_path / "none"), "--to", str(tmp_path / "out"))
    assert status == 2
    assert "MODEL: " in said
    assert not (tmp_path / "out").exists()
