"""Text classification as in transformers' `run_glue.py`: padded to the longest input, or to 128."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from datasets import load_dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

from tests.benchmarks.clock import throughput
from tests.benchmarks.peers.pretraining import Clock
from tests.benchmarks.setting import BATCH, HEADS, LAYERS, LENGTH, POSITIONS, WIDTH, Figures


def main() -> None:
    """Train for an epoch; tell samples a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.parquet")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--labels", type=int, required=True)
    parser.add_argument("--padding", choices=["to-128", "dynamic"], required=True)
    parser.add_argument("--bf16", action="store_true")
    asked = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(asked.tokenizer)
    rows = load_dataset(
        "parquet",
        data_files=str(asked.data / "train.parquet"),
        split="train",
        cache_dir=str(asked.cache),
    )
    padding = "max_length" if asked.padding == "to-128" else False
    encoded = rows.map(
        lambda some: tokenizer(some["text"], padding=padding, max_length=LENGTH, truncation=True),
        batched=True,
    )
    names = sorted(set(rows["label"]))
    encoded = encoded.map(lambda row: {"labels": names.index(row["label"])})
    model = AutoModelForSequenceClassification.from_config(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=4 * WIDTH,
            max_position_embeddings=POSITIONS,
            num_labels=asked.labels,
        )
    )
    clock = Clock()
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(asked.cache / "trainer"),
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            bf16=asked.bf16,
            # Without a GPU, bf16 is refused unless this is said too.
            use_cpu=asked.bf16 and not torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=encoded.remove_columns(rows.column_names),
        data_collator=default_data_collator if padding else DataCollatorWithPadding(tokenizer),
        callbacks=[clock],
    ).train()
    Figures(samples_per_second=throughput(clock.times, BATCH)).tell()


if __name__ == "__main__":
    main()
