"""`temper embed` writes the features of a body: the same whatever is read beside a row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from flows import embed
from flows.commands.main import app
from tasks.contract import StageError
from tasks.models.embedding.texts import embed_texts
from tests.support.tiny_images import write_pictures
from tests.support.tiny_models import labelled_texts, write_body
from tests.support.tiny_pixels import write_image_body

pytestmark = pytest.mark.usefixtures("mlflow_database")


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["embed", *words])
    return done.exit_code, done.stderr


def alone(folder: Path, text: str) -> np.ndarray:
    """The mean over the last states of a text that is read by itself."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        return model(input_ids=ids).last_hidden_state[0].mean(dim=0).numpy()


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "gpt2", "llama"])
def test_features_are_the_mean_over_tokens_whatever_is_read_beside(kind, tmp_path):
    folder = write_body(tmp_path / "body", kind)
    texts = labelled_texts(9, seed=3)["text"].tolist()
    (table,) = embed_texts(folder, texts)
    assert table["text"].tolist() == texts
    for text, features in zip(texts, table["features"], strict=True):
        assert features == pytest.approx(alone(folder, text), abs=1e-5)


def test_a_file_becomes_parquet_in_its_order_and_the_call_gives_the_same(tmp_path):
    folder, rows = write_body(tmp_path / "body"), labelled_texts(12, seed=4)
    rows.rename(columns={"text": "body"}).to_csv(tmp_path / "rows.csv", index=False)
    output = tmp_path / "features.parquet"
    words = [str(folder), str(tmp_path / "rows.csv"), "--column", "body", "--output", str(output)]
    status, said = call(*words)
    assert status == 0, said
    found = pd.read_parquet(output)
    width = json.loads((folder / "config.json").read_text())["hidden_size"]
    assert found["text"].tolist() == rows["text"].tolist()
    assert f"12 rows, {width} features each" in said
    called = embed(str(folder), rows, column="text")
    assert np.array_equal(np.stack(found["features"]), np.stack(called["features"]))
    assert not list(tmp_path.glob(".*partial"))


def test_a_text_beyond_the_input_of_the_model_is_cut_and_reported(tmp_path):
    folder = write_body(tmp_path / "body")
    longest = json.loads((folder / "config.json").read_text())["max_position_embeddings"]
    (tmp_path / "rows.txt").write_text(f"the cat\n{'cat ' * (2 * longest)}\n")
    output = tmp_path / "f.parquet"
    status, said = call(str(folder), str(tmp_path / "rows.txt"), "--output", str(output))
    assert status == 0, said
    assert "1 texts cut short" in said
    assert len(pd.read_parquet(output)) == 2


def test_a_text_that_is_cut_ends_as_others_do(tmp_path):
    folder = write_body(tmp_path / "body")
    longest = json.loads((folder / "config.json").read_text())["max_position_embeddings"]
    fitting = "cat " * (longest - 2)  # beside [CLS] and [SEP]
    (table,) = embed_texts(folder, ["the cat", fitting + "owl", fitting])
    assert table.attrs["cut"] == 1
    assert table["features"][1] == pytest.approx(table["features"][2], abs=1e-5)


@pytest.mark.parametrize("family", ["resnet", "swin", "vit"])
def test_pictures_of_a_folder_are_embedded_each_as_it_is_alone(family, tmp_path):
    folder = write_image_body(tmp_path / "body", family)
    pictures = write_pictures(tmp_path / "pictures", 12, 1)
    output = tmp_path / "f.parquet"
    status, said = call(str(folder), str(pictures), "--output", str(output))
    assert status == 0, said
    found = pd.read_parquet(output)
    assert found["image"].is_unique
    assert len(found) == len([*pictures.rglob("*.png")])
    for name, features in zip(found["image"][:3], found["features"][:3], strict=True):
        single = embed(str(folder), pictures / name)
        assert features == pytest.approx(single["features"].iloc[0], abs=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rows.txt", "--output", "f.csv"], "accepted: a file that ends in .parquet"),
        (["nothing.txt", "--output", "f.parquet"], "there is no file or folder nothing.txt"),
        (["empty.txt", "--output", "f.parquet"], "empty.txt, line 1: found ''"),
        (["rows.csv", "--column", "body", "--output", "f.parquet"], "body"),
    ],
)
def test_a_mistake_is_reported_and_nothing_is_written(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_body(tmp_path / "body")
    (tmp_path / "rows.txt").write_text("the cat\n")
    (tmp_path / "empty.txt").write_text("\nthe cat\n")
    (tmp_path / "rows.csv").write_text("text\nthe cat\n")
    status, found = call(str(folder), *words)
    assert status == 2
    assert said in found
    assert not (tmp_path / "f.parquet").exists()


def test_a_model_of_pictures_reads_no_texts(tmp_path):
    folder = write_image_body(tmp_path / "body")
    with pytest.raises(StageError, match="reads pictures"):
        embed(str(folder), ["a text"])
