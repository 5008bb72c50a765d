"""Prediction of hidden tokens: the head of a language model at the positions that count.

The head is applied to the chosen positions only. That is the same loss and the same gradients as
with the head on every position, for a fraction of the arithmetic: the projection to the vocabulary
is the largest product of a small model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks import families
from tasks.data.results import Metric
from tasks.training.flops import Product
from tasks.training.microbatches import split_rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.data.text.vocabulary import Vocabulary

MASKED_METRICS = {
    "validation_loss": Metric("loss on held-out text, nats per masked token", "nats", "lower"),
    "unigram_loss": Metric("the same when predicting by frequency alone", "nats", "lower"),
    "perplexity": Metric("perplexity of masked tokens", "number", "lower"),
    "masked_accuracy": Metric("accuracy on masked tokens", "share"),
}
LARGEST_EXPONENT = 700.0  # of a perplexity: a larger loss (nearly diverged) overflows a float
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # the inputs of the model in a batch
OF_HIDDEN = ("positions", "targets", "chances")  # one for each hidden token of a batch


def predict(model: nn.Module, batch: dict[str, Tensor]) -> Any:
    """Call a model with its language-model head on `positions` only: logits [hidden, vocabulary].

    A hook on the head gathers its input. The model is called as usual, so that autocast works and
    any masked model can be trained in this way.
    """
    from accelerate.utils import extract_model_from_parallel

    positions = batch["positions"]

    def gather(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states, *others = inputs
        return states.flatten(0, 1).index_select(0, positions), *others

    inputs = {name: batch[name] for name in INPUTS if name in batch}
    own: Any = extract_model_from_parallel(model, keep_torch_compile=False)  # if it is wrapped
    head = families.load(own.config.model_type).language_model_head(own)
    with head.register_forward_pre_hook(gather):
        return model(**inputs)


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the hidden tokens, in nats; 0 where none is hidden.

    A small batch of long words may hide none, if whole words are hidden.
    """
    from tasks.training.kernels.cross_entropy import cross_entropy

    if not len(targets):
        return logits.float().sum()  # of nothing, but with a gradient
    return cross_entropy(logits, targets)


def measure_masked(logits: Tensor, targets: Tensor) -> dict[str, tuple[float, int]]:
    """Sum of the cross-entropies and count of the correct predictions of the hidden tokens."""
    from torch.nn import functional

    loss = functional.cross_entropy(logits.float(), targets, reduction="sum")
    right = (logits.argmax(-1) == targets).sum()
    return {
        "validation_loss": (float(loss), len(targets)),
        "masked_accuracy": (float(right), len(targets)),
    }


def derive_masked(
    measured: Mapping[str, float],
    train: EncodedCorpus,
    held_out: EncodedCorpus,
    vocabulary: Vocabulary,
) -> dict[str, float]:
    """The perplexity, and the loss of predicting by frequency alone."""
    from tasks.data.text.token_frequencies import frequencies, unigram_loss

    return {
        "perplexity": math.exp(min(measured["validation_loss"], LARGEST_EXPONENT)),
        "unigram_loss": unigram_loss(held_out, frequencies(train, vocabulary), vocabulary),
    }


def split_masked(batch: dict[str, Tensor], rows: int) -> list[dict[str, Tensor]]:
    """A batch in parts: hidden tokens go with their row, positions count from its part's first."""
    flat = {name: batch[name] for name in OF_HIDDEN if name in batch}
    parts = split_rows({name: part for name, part in batch.items() if name not in flat}, rows)
    first = 0
    for part in parts:
        last = first + part["input_ids"].numel()
        own = (flat["positions"] >= first) & (flat["positions"] < last)
        part |= {name: values[own] for name, values in flat.items()}
        part["positions"] = part["positions"] - first
        first = last
    return parts


def unchanged(part: Any) -> Any:
    """What is stored: the model as it was trained, or the tokenizer, which gives a text as then."""
    return part


def only_its_own(config: Any) -> Sequence[Any]:
    """The encoders of a model that has one."""
    return [config]


def masked_head(config: Any, batch: dict[str, Tensor]) -> list[Product]:
    """The head of the language model, on the hidden tokens."""
    family = families.load(config.model_type)
    return family.language_model_products(config, len(batch["positions"]))
