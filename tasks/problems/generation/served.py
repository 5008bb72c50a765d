"""The fine-tuned model as MLflow serves it: prompts in, continuations out, as evaluated.

MLflow copies this file into the model and loads it where Temper is not installed: it imports only
torch, transformers and pandas.

A model writes the most likely next token again and again, to the end of the text that it wrote, or
to as many tokens as the longest target that it was fine-tuned on. A prompt that leaves no room for
so many is truncated at its beginning: what is nearest to the continuation matters most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

COLUMN = "prompt"
ROOM = "tokens_to_write"  # noted by the tokenizer of a model, in `init_kwargs`
USUAL_ROOM = 64  # of a model that was fine-tuned elsewhere
AT_ONCE = 4096  # tokens in a batch, with those to be written


def room_of(tokenizer: Any) -> int:
    """Tokens that a model writes at most: half of its longest input at most."""
    noted = int(tokenizer.init_kwargs.get(ROOM, USUAL_ROOM))
    return max(1, min(noted, tokenizer.model_max_length // 2))


def read_prompts(tokenizer: Any, prompts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
    """The tokens of each prompt, and whether its beginning did not fit."""
    if not prompts:
        return [], []
    most = tokenizer.model_max_length - room_of(tokenizer)
    encoded = tokenizer(list(prompts), truncation=False)["input_ids"]
    lead = int(_begins(tokenizer))
    kept = [ids if len(ids) <= most else [*ids[:lead], *ids[lead - most :]] for ids in encoded]
    return kept, [len(ids) > most for ids in encoded]


def _begins(tokenizer: Any) -> bool:
    """Whether the tokenizer puts a token before each text."""
    found = tokenizer("a")["input_ids"]
    return len(found) > 1 and found[0] == tokenizer.bos_token_id


@torch.no_grad()
def write_on(model: Any, prompts: Sequence[Sequence[int]], room: int) -> list[list[int]]:
    """The continuation of each prompt, as tokens, without the one that ends a text.

    Args:
        model: a causal language model.
        prompts: the tokens of each; at least one.
        room: tokens to write at most.
    """
    written: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    for rows in _groups(order, [len(each) + room for each in prompts]):
        found = _greedy(model, [list(prompts[row]) for row in rows], room)
        for row, tokens in zip(rows, found, strict=True):
            written[row] = tokens
    return written


def _groups(order: Sequence[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Rows, the longest first, in batches of at most AT_ONCE tokens, or one row."""
    group: list[int] = []
    for row in order:
        if group and sizes[group[0]] * (len(group) + 1) > AT_ONCE:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _greedy(model: Any, prompts: list[list[int]], room: int) -> list[list[int]]:
    """The most likely continuation of prompts, token by token; padded on the left."""
    ends = model.config.eos_token_id
    stops = set(ends if isinstance(ends, list) else [] if ends is None else [ends])
    longest = max(map(len, prompts))
    pad = model.config.pad_token_id or 0
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=model.device)
    mask = torch.tensor(
        [[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device
    )
    written: list[list[int]] = [[] for _ in prompts]
    going, cache, given = [True] * len(prompts), None, ids
    for _ in range(room):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -given.shape[1] :]
        found = model(
            input_ids=given,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        cache, best = found.past_key_values, found.logits[:, -1].argmax(-1)
        for row, token in enumerate(best.tolist()):
            going[row] = going[row] and token not in stops
            if going[row]:
                written[row].append(token)
        if not any(going):
            break
        given = best[:, None]
        mask = torch.cat([mask, torch.ones_like(given)], dim=1)
    return written


class Writer:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
        self.model: Any = model.eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder / "components" / "tokenizer")

    def predict(self, data: Any) -> pd.DataFrame:
        """The `continuation` of each prompt.

        Args:
            data: Texts, or a table with the column `prompt`.
        """
        prompts, _ = read_prompts(self.tokenizer, prompts_of(data))
        written = write_on(self.model, prompts, room_of(self.tokenizer)) if prompts else []
        texts = [self.tokenizer.decode(each, skip_special_tokens=True).strip() for each in written]
        return pd.DataFrame({"continuation": texts})


def prompts_of(data: Any) -> list[str]:
    """The texts of an input as MLflow gives it: a table, an array, a list, or one text.

    Raises:
        ValueError: a row has no prompt.
    """
    if isinstance(data, str):
        return [data]
    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    if table.empty:
        return []
    prompts = list(table[COLUMN] if COLUMN in table else table.iloc[:, 0])
    for number, prompt in enumerate(prompts, 1):
        if not pd.api.types.is_scalar(prompt) or pd.isna(prompt):
            raise ValueError(f"row {number} has no prompt; accepted: texts, or a column {COLUMN}")
    return [str(prompt) for prompt in prompts]


def _load_pyfunc(path: str, _model_config: Any = None) -> Writer:
    """Load a model; MLflow calls it with the folder of the model."""
    return Writer(Path(path))
