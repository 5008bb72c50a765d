"""Embeddings by counting: what the stage writes, and that a pre-training begins with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from tasks.contract import Silent, StageError
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Pretraining
from tasks.models.building import EMBEDDINGS
from tasks.pages import embeddings_card
from tasks.stages.embeddings import count_embeddings
from tasks.stages.pretraining import pretrain
from tests.support.shown import shown
from tests.support.small_corpus import documents, encode

WIDTH = 32
LOADED = {
    "mlm": AutoModelForMaskedLM,
    "mlm+nsp": AutoModelForMaskedLM,
    "clm": AutoModelForCausalLM,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return encode(tmp_path_factory.mktemp("bert") / "run", documents(120), documents(12))


def run(corpus: Path, out: Path, width: int = WIDTH) -> dict[str, float]:
    out.mkdir()
    return count_embeddings(
        width=width,
        window=5,
        tokens=corpus / "tokens",
        tokenizer=corpus / "tokenizer",
        out=out,
        monitor=Silent(),
    )


def test_it_writes_a_vector_for_each_token_of_the_text(corpus: Path, tmp_path: Path) -> None:
    metrics = run(corpus, tmp_path / "out")
    vectors = np.load(tmp_path / "out" / "embeddings.npy")
    tokenizer = AutoTokenizer.from_pretrained(corpus / "tokenizer")
    assert vectors.shape == (len(tokenizer), WIDTH)
    assert vectors.dtype == np.float32
    known = vectors.any(axis=1)
    assert metrics == {"vectors": known.sum()}
    assert not known[tokenizer.all_special_ids].any()
    assert known[tokenizer.convert_tokens_to_ids(["matrix", "holds"])].all()
    near = json.loads((tmp_path / "out" / "neighbours.json").read_text())
    assert near
    assert all(word not in nearest for word, nearest in near.items())
    page = (shown(embeddings_card.show, tmp_path / "out") / "card.md").read_text()
    assert f"| {next(iter(near))} |" in page


@pytest.mark.parametrize(
    ("family", "objective"),
    [("bert", "mlm+nsp"), ("roberta", "mlm"), ("gpt2", "clm"), ("llama", "clm")],
)
def test_a_pretraining_begins_with_them(
    family: str, objective: str, corpus: Path, tmp_path: Path
) -> None:
    run(corpus, tmp_path / "out")
    vectors = np.load(tmp_path / "out" / "embeddings.npy")
    for name, file in (("counted", tmp_path / "out" / "embeddings.npy"), ("random", None)):
        (tmp_path / name).mkdir()
        pretrain(
            model=Model(layers=1, hidden_size=WIDTH, heads=2, max_positions=32, family=family),
            pretraining=Pretraining(
                objective=objective,
                steps=1,
                batch_size=8,
                sequence_length=24,
                learning_rate=1e-9,  # it leaves the weights as they began
                weight_decay=0,
                precision="fp32",
            ),
            seed=1,
            tokens=corpus / "tokens",
            tokenizer=corpus / "tokenizer",
            embeddings=file,
            out=tmp_path / name,
            monitor=Silent(),
        )
    counted, random = (
        LOADED[objective].from_pretrained(tmp_path / name / "model").state_dict()
        for name in ("counted", "random")
    )
    differing = {
        name for name in counted if not np.allclose(counted[name], random[name], atol=1e-5)
    }
    [name] = [name for name in differing if re.search("word_embeddings|wte|embed_tokens", name)]
    tied = {other for other in differing if re.search("decoder|lm_head", other)}
    assert differing == {name, *tied}, "the output shares them"
    known = vectors.any(axis=1)
    expected = vectors[known] * EMBEDDINGS * WIDTH**0.5
    assert np.allclose(counted[name].numpy()[known], expected, atol=1e-5)
    assert np.allclose(counted[name].numpy()[~known], random[name].numpy()[~known], atol=1e-5)


def test_a_text_of_lone_tokens_is_refused(tmp_path: Path) -> None:
    alone = encode(tmp_path / "run", documents(40), documents(12))
    for part, begins in (("sentences", [0, 1]), ("documents", [0, 1])):
        np.save(alone / "tokens" / f"train.{part}.npy", np.array(begins))
    tokens = np.load(alone / "tokens" / "train.tokens.npy")
    np.save(alone / "tokens" / "train.tokens.npy", tokens[:1])
    with pytest.raises(StageError, match="no two tokens of the corpus occur near each other"):
        run(alone, tmp_path / "out")
