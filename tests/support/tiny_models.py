"""Tiny data sets and bodies, made in a second: words tell the labels, so a tiny model learns."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    ElectraConfig,
    ElectraForPreTraining,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from tasks import families
from tasks.experiment.model import Model
from tasks.models.written_text import as_beginning

LABELS = ["animal", "plant", "stone"]
TELLING = {"animal": ["cat", "dog", "owl"], "plant": ["oak", "fern"], "stone": ["flint", "chalk"]}
FILLER = ["a", "the", "of", "is", "was", "by", "near", "old", "new", "it", "there", "and", "runs"]
TAGS = ["O", "B-animal", "I-animal", "B-plant", "I-plant"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def words_of(generator: np.random.Generator, telling: list[str]) -> list[str]:
    """A sentence of 3 to 12 filler words with a telling one somewhere."""
    words = list(generator.choice(FILLER, generator.integers(3, 13)))
    words.insert(int(generator.integers(0, len(words) + 1)), str(generator.choice(telling)))
    return [str(word) for word in words]


def labelled_texts(rows: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    labels = [LABELS[i] for i in generator.integers(0, len(LABELS), rows)]
    texts = [" ".join(words_of(generator, TELLING[label])) for label in labels]
    documents = [f"{seed}-{row // 2}" for row in range(rows)]
    return pd.DataFrame({"document": documents, "text": texts, "label": labels})


def topics_of_texts(rows: int, seed: int) -> pd.DataFrame:
    """Texts, each with the labels of one or two telling words."""
    first, second = (labelled_texts(rows, each) for each in (seed, seed + 1000))
    both = np.arange(rows) % 3 == 0
    texts = first["text"].where(~both, first["text"] + " " + second["text"])
    labels = [
        sorted({one, other} if two else {one})
        for one, other, two in zip(first["label"], second["label"], both, strict=True)
    ]
    return first.assign(text=texts, label=labels)


def rated_texts(rows: int, seed: int) -> pd.DataFrame:
    """Texts, each with a number that its telling word determines but for some noise."""
    labelled = labelled_texts(rows, seed)
    noise = np.random.default_rng(seed).normal(0, 20, rows)
    numbers = 5000 + 400 * labelled["label"].map(LABELS.index) + noise
    return labelled.drop(columns="label").assign(number=numbers)


def tagged_sentences(rows: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    tag = {w: f"B-{kind}" for kind in ("animal", "plant") for w in TELLING[kind]}
    tokens = [words_of(generator, TELLING[LABELS[i % 3]]) for i in range(rows)]
    tags = [[tag.get(word, "O") for word in words] for words in tokens]
    documents = [f"{seed}-{row // 2}" for row in range(rows)]
    return pd.DataFrame({"document": documents, "tokens": tokens, "tags": tags})


def asked_questions(rows: int, seed: int) -> pd.DataFrame:
    """Questions for the animal or the plant of a text; a fifth of the texts has no such word."""
    generator = np.random.default_rng(seed)
    filler = [word for word in FILLER if word not in ("old", "new")]
    found = []
    for row in range(rows):
        kind, other = ("animal", "plant") if row % 2 else ("plant", "animal")
        words = [str(word) for word in generator.choice(filler, generator.integers(4, 9))]
        answer = str(generator.choice(TELLING[kind]))
        for word in [str(generator.choice(TELLING[other])), *([answer] if row % 5 else [])]:
            words.insert(int(generator.integers(0, len(words) + 1)), word)
        text = " ".join(words)
        start = f" {text} ".find(f" {answer} ")
        found.append(
            {
                "document": f"{seed}-{row // 2}",
                "question": "is it old" if kind == "animal" else "was it new",
                "text": text,
                "answer": [{"text": answer, "start": start}] if start >= 0 else [],
            }
        )
    return pd.DataFrame(found)


ENDS = {"animal": "runs by the old fern", "plant": "is there near it", "stone": "was new and old"}


def continued_texts(rows: int, seed: int) -> pd.DataFrame:
    """Prompts whose continuation depends on one word."""
    labelled = labelled_texts(rows, seed)
    targets = labelled["label"].map(ENDS)
    return labelled.rename(columns={"text": "prompt"}).drop(columns="label").assign(target=targets)


# Rows of each problem on text, and their labels.
MADE: dict[str, tuple[Callable[[int, int], pd.DataFrame], list[str]]] = {
    "text-classification": (labelled_texts, LABELS),
    "several-labels": (topics_of_texts, LABELS),
    "token-classification": (tagged_sentences, TAGS),
    "regression": (rated_texts, []),
    "question-answering": (asked_questions, []),
    "generation": (continued_texts, []),
}


def write_data(folder: Path, problem: str, train_rows: int = 160) -> Path:
    """A folder as stage `dataset` writes it."""
    folder.mkdir(parents=True)
    make, labels = MADE[problem]
    for seed, (split, rows) in enumerate(
        {"train": train_rows, "validation": 40, "test": 80}.items()
    ):
        make(rows, seed).to_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


def wordpiece() -> PreTrainedTokenizerFast:
    """A BERT tokenizer of whole words and letters: unknown words fall into letters."""
    letters = "abcdefghijklmnopqrstuvwxyz'-"
    words = sorted({*FILLER, *(word for words in TELLING.values() for word in words)})
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys([*pieces, *words]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **dict(zip(names, SPECIAL, strict=True))
    )


def write_body(folder: Path, kind: str = "bert", *, layers: int = 1, seed: int = 7) -> Path:
    """A folder as stage `pretraining` writes `model/`.

    `kind`: bert (with a pooler), bert-mlm, roberta, electra (a discriminator), or a decoder: gpt2,
    llama.
    """
    tokenizer = wordpiece()
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": tokenizer.pad_token_id,
    }

    def decoder() -> PreTrainedModel:
        fields = {"layers": layers, "hidden_size": 32, "heads": 2, "max_positions": 64}
        model = Model(family=kind, intermediate_size=64, **fields)
        return AutoModelForCausalLM.from_config(
            families.load(kind).configure(model, tokenizer, 0.0)
        )

    torch.manual_seed(seed)
    model = {
        "bert": lambda: BertForPreTraining(BertConfig(**size)),
        "bert-mlm": lambda: BertForMaskedLM(BertConfig(**size)),
        "roberta": lambda: RobertaForMaskedLM(RobertaConfig(**size)),
        "electra": lambda: ElectraForPreTraining(ElectraConfig(**size, embedding_size=32)),
    }.get(kind, decoder)()
    model.save_pretrained(folder)
    stored = as_beginning(tokenizer) if kind in ("gpt2", "llama") else tokenizer
    stored.save_pretrained(folder)
    return folder
