"""Generation: a decoder learns the tokens of each target from the prompt and those before them.

The loss is on the target alone, its end included: the prompt is given. Prompt and target have a
blank between them. How prompts are read and continued is in `served.py`.

Bits per byte compare models of different tokenizers: the bits of all tokens of a target and of its
end, by its bytes in UTF-8 and one for the end. What a tokenizer does not keep (case, accents,
unknown words) costs no bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM

from tasks.contract import StageError
from tasks.data.text.length_buckets import Batch, Example, inputs_of, pad
from tasks.problems.generation.served import ROOM, read_prompts, room_of, write_on
from tasks.training.kernels.linear_cross_entropy import TOKENS, linear_cross_entropy
from tasks.training.kernels.patched_forwards import replaced_forwards

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.experiment.problem import FineTuning
    from tasks.training.flops import Product

CUT = "prompts_or_targets_cut_short"
PIPELINE = "text-generation"
LOSS = "cross-entropy of the target, nats per token"
INFERENCE: dict[str, Any] = {}
SERVED = "tasks.problems.generation.served"

LONGEST_ROOM = 256  # tokens to write at most, however long targets are
NO_TARGET = -100
_LEARNS = "_temper_learns"  # noted on the tokenizer of a model that is being fine-tuned


class Decoder:
    """The class of the model: a causal language model whose output shares its embeddings."""

    @staticmethod
    def from_config(config: Any, **how: Any) -> Any:
        """A model with random weights.

        Raises:
            StageError: the output has weights of its own, which would not be those of the encoder.
        """
        if not config.tie_word_embeddings:
            raise StageError(
                "problem generation needs a decoder whose output shares the weights of the "
                "embeddings, and this model's has its own (tie_word_embeddings is false); "
                "accepted: such as gpt2, or a model that is pre-trained here"
            )
        return AutoModelForCausalLM.from_config(config, **how)

    @staticmethod
    def from_pretrained(folder: Path, **how: Any) -> Any:
        """The model in a folder."""
        return AutoModelForCausalLM.from_pretrained(folder, **how)


AUTO_MODEL: Any = Decoder


@dataclass(frozen=True)
class Passage(Example):
    """A prompt and its target.

    Attributes:
        begin: where the target begins in `input_ids`.
        room: tokens that the model is to write; 0 while it learns, since writing takes long.
        size: bytes of the part of the target that is read, and of its end.
        decode: turns tokens into a text.
    """

    begin: int = 0
    room: int = 0
    size: int = 1
    decode: Callable[[list[int]], str] | None = field(default=None, compare=False)


def configure(tokenizer: Any, training: FineTuning, train: Path) -> None:
    """Note how many tokens the model is to write at most: those of the longest target."""
    targets = pd.read_parquet(train, columns=["target"])["target"]
    lengths = [len(ids) for ids in _targets(tokenizer, list(targets))["input_ids"]]
    tokenizer.init_kwargs[ROOM] = min(max(lengths, default=0) + 1, LONGEST_ROOM)
    setattr(tokenizer, _LEARNS, True)


def _targets(tokenizer: Any, targets: Sequence[str]) -> Any:
    """The tokens of targets, each behind the blank that is between it and its prompt."""
    return tokenizer(
        [f" {target}" for target in targets],
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """The tokens of each prompt and its target; `labels` are the tokens that follow each."""
    prompts, cut = read_prompts(tokenizer, list(rows["prompt"]))
    targets = [str(target) for target in rows["target"]]
    known = _targets(tokenizer, targets)
    room, end = room_of(tokenizer), tokenizer.eos_token_id
    writes = 0 if getattr(tokenizer, _LEARNS, False) else room

    def decode(tokens: list[int]) -> str:
        return str(tokenizer.decode(tokens, skip_special_tokens=True)).strip()

    found: list[Example] = []
    for row, prompt in enumerate(prompts):
        ids, size = list(known["input_ids"][row]), len(targets[row].encode())
        whole = len(ids) + (end is not None) <= room
        if whole and end is not None:
            ids, size = [*ids, end], size + 1
        elif not whole:
            ids = ids[:room]
            stop = int(known["offset_mapping"][row][room - 1][1])
            size = len(f" {targets[row]}"[:stop].strip().encode())
        if not ids:  # of an unknown target
            ids, size = [prompt[-1]], 1
        follow = [NO_TARGET] * (len(prompt) - 1) + ids + [NO_TARGET]
        found.append(
            Passage(
                [*prompt, *ids],
                follow,
                cut=int(cut[row] or not whole),
                begin=len(prompt),
                room=writes,
                size=max(size, 1),
                decode=decode,
            )
        )
    return found


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Passages as a batch.

    `labels` [rows, length]: the token that follows each, -100 outside of targets. `begins` [rows]:
    where targets begin; `room` [rows]: tokens to write.
    """
    passages = [each for each in examples if isinstance(each, Passage)]
    return {
        **inputs_of(examples, pad_id),
        "labels": pad([each.labels for each in examples], NO_TARGET),
        "begins": torch.tensor([each.begin for each in passages]),
        "room": torch.tensor([each.room for each in passages]),
    }


def _with_states(model: Any, batch: Batch, compute: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Call a model, with a function of states and weights in the place of its output layer.

    The model is called as usual, so that autocast works, and never holds the logits of prompts.
    """
    from accelerate.utils import extract_model_from_parallel

    own: Any = extract_model_from_parallel(model, keep_torch_compile=False)

    def instead(head: Any) -> Callable[[Tensor], Tensor]:
        return lambda states: compute(states, head.weight)

    with replaced_forwards([own.get_output_embeddings()], instead):
        found = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
        )
    logits: Tensor = found.logits
    return logits


def loss(model: Any, batch: Batch) -> Tensor:
    """The mean cross-entropy of the tokens of targets in nats."""
    labels = batch["labels"].flatten()
    chosen = labels != NO_TARGET

    def compute(states: Tensor, weight: Tensor) -> Tensor:
        return linear_cross_entropy(states.flatten(0, 1)[chosen], weight, labels[chosen])

    return _with_states(model, batch, compute)


def logits(model: Any, inputs: Batch) -> Tensor:
    """For each row the nats of its target, its tokens, and the tokens that the model writes.

    Returns:
        [rows, 2 + tokens], filled up with -1.
    """
    nats, counts = target_nats(model, inputs)
    room = int(inputs["room"].max())
    written: list[list[int]] = [[] for _ in nats]
    if room:
        ids, begins = inputs["input_ids"].tolist(), inputs["begins"].tolist()
        prompts = [row[:begin] for row, begin in zip(ids, begins, strict=True)]
        written = write_on(model, prompts, room)
    found = torch.full((len(nats), 2 + room), -1.0, dtype=torch.float32)
    found[:, 0], found[:, 1] = nats, counts
    for row, tokens in enumerate(written):
        found[row, 2 : 2 + len(tokens)] = torch.tensor(tokens, dtype=torch.float32)
    return found


def target_nats(model: Any, inputs: Batch) -> tuple[Tensor, Tensor]:
    """The sum of the cross-entropies of each target, and how many tokens it has."""
    ids, begins = inputs["input_ids"], inputs["begins"]
    places = torch.arange(ids.shape[1], device=ids.device)[None]
    lengths = inputs["attention_mask"].sum(1, keepdim=True)
    inside = (places >= begins[:, None] - 1) & (places < lengths - 1)
    row_of = inside.nonzero()[:, 0]
    follow = torch.roll(ids, -1, dims=1)[inside]

    def compute(states: Tensor, weight: Tensor) -> Tensor:
        chosen = states[inside]
        parts = [
            functional.cross_entropy(
                (chosen[begin : begin + TOKENS] @ weight.t()).float(),
                follow[begin : begin + TOKENS],
                reduction="none",
            )
            for begin in range(0, len(chosen), TOKENS)
        ]
        return torch.cat(parts)

    each = _with_states(model, inputs, compute)
    nats = torch.zeros(len(ids), device=ids.device).index_add_(0, row_of, each)
    return nats.cpu(), inside.sum(1).cpu()


def head(config: Any, batch: Batch) -> list[Product]:
    """The projection of the tokens of targets to the vocabulary."""
    tokens = int((batch["labels"] != NO_TARGET).sum())
    return [(tokens, config.hidden_size, config.vocab_size)]


def made_up(length: int) -> Example:
    """A prompt of one half, and a target of the other."""
    half = length // 2
    follow = [NO_TARGET] * (half - 1) + [0] * (length - half) + [NO_TARGET]
    return Passage([0] * length, follow, begin=half)


def texts(rows: pd.DataFrame) -> list[str]:
    """The prompts."""
    return list(rows["prompt"])


def any_truth(given: Any, labels: Sequence[str]) -> str:
    """None, for a prompt whose target is unknown."""
    return ""


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """What the model writes for each prompt, with the bits and bytes of the target.

    `predicted` is {text, bits, bytes}; the text alone where the target is unknown.
    """
    found: list[Any] = []
    losses: list[float] = []
    for example, row, target in zip(examples, logits, rows["target"], strict=True):
        assert isinstance(example, Passage)
        tokens = [int(token) for token in row[2:] if token >= 0]
        text = example.decode(tokens) if example.decode and example.room else ""
        nats, count = float(row[0]), max(1.0, float(row[1]))
        bits = {"text": text, "bits": nats / math.log(2), "bytes": example.size}
        found.append(bits if target else text)
        losses.append(nats / count)
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "prompt": list(rows["prompt"]),
            "gold": list(rows["target"]),
            "predicted": found,
            "loss": losses,
        }
    )
