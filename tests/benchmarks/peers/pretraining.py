"""Language modelling as in transformers' `run_mlm.py`, of a decoder as in its `run_clm.py`.

`datasets.map` with a fast tokenizer, chunks as by its `group_texts`, its data collator, `Trainer`.
What is not said below is at its default.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from tasks import families
from tasks.experiment import choices
from tests.benchmarks.clock import moment, throughput
from tests.benchmarks.evaluation import loss_of
from tests.benchmarks.peers.chunks import group_texts
from tests.benchmarks.setting import BATCH, LEARNING_RATE, WARMUP_SHARE, Figures, Shape


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, _arguments: Any, state: Any, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.times.append(moment(state.global_step, state.max_steps))


def chunks(file: Path, tokenizer: Any, folder: Path, length: int) -> Any:
    """The training set: chunks of this many tokens."""
    rows = load_dataset("parquet", data_files=str(file), split="train", cache_dir=str(folder))
    tokenized = rows.map(
        lambda some: tokenizer(some["text"], return_special_tokens_mask=True),
        batched=True,
        remove_columns=rows.column_names,
    )
    return tokenized.map(group_texts, batched=True, fn_kwargs={"length": length})


def configuration(shape: Shape, tokenizer: Any) -> Any:
    """That of Temper's family, so that both train the same network; dropout at its default."""
    family, default = families.load(shape.family), AutoConfig.for_model(shape.family)
    config = family.configure(shape.size, tokenizer, 0.0)
    # Some heads read a field that no configuration of their family has: its default is theirs.
    known = [name for name in family.dropout(0.0) if hasattr(default, name)]
    config.update({name: getattr(default, name) for name in known})
    return config


def main() -> None:
    """Train for some steps; tell tokens a second, and keep the model where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the stage `corpus`")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--evaluation", type=Path, help="measure the trained model on these")
    Shape.ask(parser)
    asked = parser.parse_args()
    shape = Shape.asked(asked)
    set_seed(asked.seed)
    tokenizer = AutoTokenizer.from_pretrained(asked.tokenizer)
    decodes = choices.is_decoder(shape.family)
    auto_model = AutoModelForCausalLM if decodes else AutoModelForMaskedLM
    model = auto_model.from_config(configuration(shape, tokenizer))
    clock = Clock()
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(asked.cache / "trainer"),
            max_steps=asked.steps,
            per_device_train_batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            warmup_steps=round(WARMUP_SHARE * asked.steps),
            bf16=asked.bf16,
            torch_compile=asked.compile,
            # Without a GPU, bf16 is refused unless this is said too.
            use_cpu=asked.bf16 and not torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=asked.seed,
        ),
        train_dataset=chunks(asked.corpus / "train.parquet", tokenizer, asked.cache, shape.length),
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=not decodes),
        callbacks=[clock],
    )
    begun = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - begun
    Figures(
        seconds=seconds,
        tokens_per_second=throughput(clock.times, BATCH * shape.length),
        validation_loss=loss_of(model, asked.evaluation) if asked.evaluation else 0.0,
    ).tell()


if __name__ == "__main__":
    main()
