"""How rows fall into parts, what is read of a row whose parts are blank, and where nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForImageClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
)

from flows.calls.explaining import Explainer
from tasks.contract import StageError
from tasks.explanations import attention_rollout, integrated_gradients, occlusion
from tasks.models.explaining.checks import Scale
from tasks.models.explaining.explained import load_explained, subject_of
from tasks.models.explaining.measured import Explaining
from tasks.models.explaining.subject import Subject
from tasks.problems import load
from tasks.stages.explanation import drivers, prepared, write_table
from tests.support.tiny_pixels import write_image_body

END = "<|endoftext|>"
LABELS = ["no", "yes"]


def bytewise() -> PreTrainedTokenizerFast:
    """A tokenizer as published decoders have it: one special token for all ends."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=[END], initial_alphabet=alphabet, vocab_size=300)
    tokenizer.train_from_iterator(["hello big world"] * 4, trainer)
    named = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), END)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **named)


def subject(problem: str, outputs: int) -> Subject:
    """A decoder with random weights, which pads with the token that ends a text."""
    reader = bytewise()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(reader), n_embd=16, n_layer=2, n_head=2, n_positions=64, num_labels=outputs
    )
    config.pad_token_id = config.bos_token_id = config.eos_token_id = reader.eos_token_id
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    model = GPT2ForSequenceClassification(config).eval()
    for weight in model.parameters():
        weight.data *= 5
    return subject_of(load(problem), load_explained(problem), model, reader)


@pytest.fixture(scope="module")
def decoder() -> Subject:
    return subject("text-classification", 2)


def texts(*given: str) -> pd.DataFrame:
    return pd.DataFrame({"document": "a", "text": [*given], "label": "no"})


def test_of_a_decoder_the_last_place_is_read_also_where_it_is_blank(decoder: Subject) -> None:
    (row,) = decoder.rows(texts("hello big world"), LABELS)
    row = decoder.chosen(row)
    full, blank = decoder.ends(row)
    with torch.no_grad():
        states = decoder.model.transformer(input_ids=row.blank).last_hidden_state
        expected = decoder.explained.scores(decoder.model.score(states[:, -1]))
    assert blank == pytest.approx(expected[0].numpy(), abs=1e-4)
    found = integrated_gradients.attribute(decoder, row)
    apart = full[row.answer] - blank[row.answer]
    assert found.sum() == pytest.approx(apart, abs=0.05 * abs(apart))
    assert decoder.model.config.pad_token_id == decoder.reader.pad_token_id


def test_white_space_is_no_word(decoder: Subject) -> None:
    given = "\n hello  big\n\n\nworld  "
    (row,) = decoder.rows(texts(given), LABELS)
    assert [piece.text for piece in row.pieces] == ["hello", "big", "world"]
    assert [given[piece.start : piece.end] for piece in row.pieces] == ["hello", "big", "world"]
    assert set(row.part_of) == {-1, 0, 1, 2}
    tokens = decoder.reader.convert_ids_to_tokens(row.inputs["input_ids"][0].tolist())
    beside = [part for token, part in zip(tokens, row.part_of, strict=True) if token == "Ċ"]
    assert beside == [-1, 1, 1, 1]
    (row,) = decoder.rows(texts("\n\n"), LABELS)
    assert (row.parts, row.pieces) == (0, ())


def test_a_row_without_words_is_explained_beside_others(decoder: Subject, tmp_path: Path) -> None:
    methods = {"occlusion": occlusion}
    how = Explaining(decoder, methods, Scale(probable=True))
    rows = [decoder.chosen(row) for row in decoder.rows(texts(" ", "hello big"), LABELS)]
    measured = [how.measure(row, number) for number, row in enumerate(rows)]
    found = drivers(decoder, measured, methods, LABELS)
    words = [each["word"] for one in found.values() for each in one["methods"]["occlusion"]]
    assert {*words} == {"hello", "big"}
    answers = pd.DataFrame({"document": ["a"] * 2, "gold": "no", "predicted": "no"})
    write_table(tmp_path / "table.parquet", [0, 1], measured, answers, LABELS, of_words=True)
    table = pd.read_parquet(tmp_path / "table.parquet")
    assert [list(each) for each in table["words"]] == [[], ["hello", "big"]]


@pytest.mark.parametrize("family", ["swin", "resnet"])
def test_attention_that_is_not_over_all_places_is_refused(family: str, tmp_path: Path) -> None:
    kind = load("image-classification")
    body = write_image_body(tmp_path / "body", family, size=32)
    model = AutoModelForImageClassification.from_pretrained(body).eval()
    pictures = subject_of(kind, load_explained("image-classification"), model, None)
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    table = pd.DataFrame({"pixels": [*pixels], "label": "no"})
    (row,) = pictures.rows(table, LABELS)
    with pytest.raises(StageError, match="attention over all places"):
        attention_rollout.attribute(pictures, row)


def test_few_rows_are_in_memory_at_once(decoder: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    usual = decoder.rows
    monkeypatch.setattr(decoder, "rows", lambda t, labels: asked.append(len(t)) or usual(t, labels))
    table = texts(*(f"hello {number}" for number in range(70)))
    found = prepared(decoder, table, [*range(70), 3], LABELS)
    assert next(found)[0] == 0
    assert asked == [64]
    assert [number for number, _ in found] == [*range(1, 70)]
    (row,) = decoder.rows(texts("hello"), LABELS)
    kept = Explaining(decoder, {}, Scale(probable=True)).values(row).without_inputs()
    assert (kept.row.inputs, kept.row.blank.numel(), kept.row.parts) == ({}, 0, 1)


def test_what_is_said_of_a_number_does_not_depend_on_the_rows_beside_it() -> None:
    numbers = subject("regression", 1)
    how = Explainer(numbers, numbers, {"occlusion": occlusion}, [])
    table = texts("hello big world", "big", "world world").drop(columns="label").assign(number=0.0)
    (alone,), (first, *_) = (list(how.explain(rows, 0)) for rows in (table[:1], table))
    assert alone.checks("occlusion") == pytest.approx(first.checks("occlusion"), abs=1e-5)
    assert "faithfulness" in alone.checks("occlusion")
