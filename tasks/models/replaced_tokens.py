"""Replaced-token detection (Clark et al., 2020): a discriminator with a generator as a part of it.

The model is the discriminator, of the class that `transformers` has for it. Its generator is a
submodule beside its own parts: one optimizer trains both, and a checkpoint contains both.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.data.results import Demonstration
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.models.mask_filling import hide_words
from tasks.models.masked_prediction import INPUTS, predict

ROWS = 256  # hidden tokens whose probabilities are added up at once
CANDIDATES = 20  # likely words of the generator: the first that differs replaces the word
SUSPECTS = 3  # words that the model suspects most, on the page


def with_generator(model: Any, generator: Any) -> Any:
    """Make a generator a part of a discriminator, whose embeddings it shares; the discriminator.

    All embeddings are shared, those of places and types too, and their norm, as in the authors'
    code. The generator's output shares those of tokens.
    """
    prefix = model.base_model_prefix
    embeddings = model.base_model.embeddings
    generator.base_model.embeddings = embeddings
    generator.tie_weights()
    model.generator = generator
    # What is shared is written to a checkpoint once, under the discriminator's names.
    model._tied_weights_keys = {
        f"generator.{prefix}.embeddings.{name}": f"{prefix}.embeddings.{name}"
        for name, _ in embeddings.named_parameters()
    }
    return model


def without_generator(model: Any) -> Any:
    """The discriminator alone: another model with the same weights in memory."""
    alone = copy(model)
    alone._modules = {name: part for name, part in model._modules.items() if name != "generator"}
    del alone._tied_weights_keys  # that of the class is left
    return alone


@dataclass(frozen=True)
class Detected:
    """What generator and discriminator said of a batch.

    Attributes:
        guesses: [hidden, vocabulary] the generator's logits.
        replaced: [rows, length] where the token that was drawn is not the original one.
        logits: [rows, length] of the discriminator: above 0 where it takes a token for replaced.
    """

    guesses: Tensor
    replaced: Tensor
    logits: Tensor


def detect(model: nn.Module, batch: dict[str, Tensor]) -> Detected:
    """Fill in the hidden tokens of a batch by the generator, and have all tokens judged.

    The generator runs in a hook on the discriminator's encoder, inside of the model's `forward`, so
    that autocast works for both.
    """
    from accelerate.utils import extract_model_from_parallel

    own: Any = extract_model_from_parallel(model, keep_torch_compile=False)  # if it is wrapped
    positions, guesses, sampled = batch["positions"], [], []

    def fill(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        ids, *others = given
        guesses.append(predict(own.generator, batch).logits)
        sampled.append(sample(guesses[0], batch["chances"]))
        return ids.flatten().index_copy(0, positions, sampled[0]).view(ids.shape), *others

    inputs = {name: batch[name] for name in INPUTS if name in batch}
    with own.base_model.register_forward_pre_hook(fill):
        logits = model(**inputs).logits
    replaced = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    replaced.view(-1)[positions] = sampled[0] != batch["targets"]
    return Detected(guesses[0], replaced, logits)


def sample(logits: Tensor, chances: Tensor) -> Tensor:
    """A token for each row, drawn with the probabilities of the softmax.

    Args:
        logits: [rows, vocabulary]; no gradient passes.
        chances: [rows] a number in [0, 1) that the token is drawn by: the first at which the sum of
            the probabilities exceeds it.

    Returns:
        [rows] numbers of tokens.
    """
    found = []
    for some, drawn in zip(logits.detach().split(ROWS), chances.split(ROWS), strict=True):
        sums = some.float().softmax(-1).cumsum(-1)
        found.append(torch.searchsorted(sums, drawn[:, None] * sums[:, -1:], right=True))
    return torch.cat(found).squeeze(1).clamp(max=logits.shape[1] - 1)


def detection_losses(found: Detected, batch: dict[str, Tensor]) -> Tensor:
    """[rows, length] the cross-entropy of each judged token in nats, in fp32; 0 for others."""
    return _cross_entropy(found.logits, found.replaced) * batch["judged"]


def _cross_entropy(logits: Tensor, replaced: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        logits.float(), replaced.float(), reduction="none"
    )


def judge_replaced(model: nn.Module, batch: dict[str, Tensor], sampled: Tensor) -> Tensor:
    """As `detection_losses`, of tokens that are given.

    Args:
        model: the discriminator alone.
        batch: whose hidden places are filled in.
        sampled: [hidden] the tokens that are put there.
    """
    positions, ids = batch["positions"], batch["input_ids"]
    inputs = {name: batch[name] for name in INPUTS if name in batch}
    inputs["input_ids"] = ids.flatten().index_copy(0, positions, sampled).view(ids.shape)
    replaced = torch.zeros_like(ids, dtype=torch.bool)
    replaced.view(-1)[positions] = sampled != batch["targets"]
    return _cross_entropy(model(**inputs).logits, replaced) * batch["judged"]


def find_replaced(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Held-out sentences in which the generator replaced a word, and what the model suspects."""
    rows, example = [], ""
    for masked, word in hide_words(held_out, tokenizer):
        example = example or masked.replace(tokenizer.mask_token, word)
        ids, new = replace_word(masked, word, model, tokenizer)
        shown = masked.replace(tokenizer.mask_token, new)
        rows.append([shown, f"{word} → {new}", suspects(ids, model, tokenizer)])
    return {
        "example": example or tokenizer.decode(held_out.tokens[:8].tolist()),
        "header": ["held-out sentence with a replaced word", "replaced", "most suspected"],
        "rows": rows,
    }


@torch.no_grad()
def replace_word(masked: str, word: str, model: Any, tokenizer: Any) -> tuple[Tensor, str]:
    """The tokens of a sentence with the generator's best other word in place, and that word."""
    inputs = tokenizer(masked, return_tensors="pt").to(model.device)
    ids = inputs["input_ids"][0]
    place = int((ids == tokenizer.mask_token_id).nonzero()[0])
    likely = model.generator(**inputs).logits[0, place].argsort(descending=True)[:CANDIDATES]
    words = {token: tokenizer.decode([token]).strip() for token in likely.tolist()}
    others = (
        token
        for token, said in words.items()
        if said and said.lower() != word.lower() and token not in tokenizer.all_special_ids
    )
    ids[place] = next(others, int(likely[0]))
    return ids, tokenizer.decode([int(ids[place])]).strip()


@torch.no_grad()
def suspects(ids: Tensor, model: Any, tokenizer: Any) -> str:
    """The tokens that the model takes for replaced most, with its probabilities."""
    found = model(input_ids=ids[None]).logits[0].sigmoid()
    special = torch.tensor(tokenizer.all_special_ids, device=ids.device)
    found[torch.isin(ids, special)] = -1
    best = found.topk(min(SUSPECTS, int((found >= 0).sum())))
    return ", ".join(
        f"{tokenizer.decode([int(ids[place])]).strip()} {share:.0%}"
        for place, share in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    )
