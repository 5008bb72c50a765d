"""Causal language modelling: every token is predicted from those before it (Radford et al., 2019).

The documents are laid in a ring, a separator after each, and cut into windows that fill a sequence:
no padding. Each position predicts the token that follows it in the ring, the last one of a window
the first of the next window, so an epoch predicts each token of the ring once. Each epoch cuts at
another offset. A window may contain parts of several documents, which see each other, as in GPT-2.

Bits per byte compare models of different tokenizers. The bytes are those of the held-out text in
UTF-8 as it is before it is tokenized: all its sentences, each with one byte for the blank or the
end of the document behind it. The bits are those of all its tokens, and of the separator after each
document. What a tokenizer does not keep (case, accents, unknown words) costs no bits: models whose
tokenizers differ in that are not compared by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks import families
from tasks.data.results import Metric
from tasks.data.text.drawing import Arrays, Drawing
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.masked_prediction import LARGEST_EXPONENT, only_its_own, unchanged
from tasks.objectives.mlm import Windows
from tasks.training.flops import Product
from tasks.training.microbatches import split_rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.results import Demonstration
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.microbatches import Batch

HEADS = ("next tokens",)
FIELDS = ()
_STORED = ("head",)
TASK = "text-generation"
METRICS = {
    "validation_loss": Metric("loss on held-out text, nats per token", "nats", "lower"),
    "unigram_loss": Metric("the same when predicting by frequency alone", "nats", "lower"),
    "perplexity": Metric("perplexity of the next token", "number", "lower"),
    "bits_per_byte": Metric("bits per byte of held-out text", "bits", "lower"),
    "next_token_accuracy": Metric("accuracy on the next token", "share"),
}
TRAINING_LOSS = "clm_loss"
REFERENCE = ("by frequency", "unigram_loss")


def new_model(config: Any, seed: int) -> Any:
    """A model with random weights; it writes texts that are as long as it can read, at most."""
    from transformers import AutoModelForCausalLM

    from tasks.models import building

    model = building.new_model(AutoModelForCausalLM, config, seed)
    model.generation_config.max_length = config.max_position_embeddings
    return model


def begin(model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
    """The output has no bias that could be set to the frequencies of the tokens."""


@dataclass(frozen=True)
class Passages(Windows):
    """The windows of a corpus, with what follows each of their tokens."""

    @property
    def width(self) -> int:
        """Tokens of the ring in a window: nothing stands around them."""
        return self.drawing.length

    def draw(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> Arrays:
        """A batch of windows; `targets` [batch, length]: the token that follows each."""
        places = self.first(indices, epochs)[:, None] + np.arange(self.width + 1)
        read = self.read(places)
        return {"input_ids": read[:, :-1].copy(), "targets": read[:, 1:].copy()}


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Passages:
    """The windows of a corpus.

    Raises:
        StageError: the corpus does not fill one.
    """
    return Passages.of(corpus, vocabulary, drawing)


def stored_tokenizer(tokenizer: Any) -> Any:
    """A tokenizer that gives a text as the beginning of a document, which the model continues."""
    from tasks.models.written_text import as_beginning

    return as_beginning(tokenizer)


def _in_place_of_head(
    model: nn.Module, batch: Batch, compute: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Any:
    """Call a model, with a function of states, weights and targets in the place of its head.

    The model is called as usual, so that autocast works, but without labels: it would shift them
    and compute all logits.
    """
    from accelerate.utils import extract_model_from_parallel

    from tasks.training.kernels.patched_forwards import replaced_forwards

    own: Any = extract_model_from_parallel(model, keep_torch_compile=False)  # if it is wrapped
    targets = batch["targets"].flatten()

    def instead(head: Any) -> Callable[[Tensor], Tensor]:
        return lambda states: compute(states.flatten(0, 1), head.weight, targets)

    with replaced_forwards(
        [families.load(own.config.model_type).language_model_head(own)], instead
    ):
        return model(input_ids=batch["input_ids"], use_cache=False).logits


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of the next tokens, in nats per token."""
    from tasks.training.kernels.linear_cross_entropy import linear_cross_entropy

    loss = _in_place_of_head(model, batch, linear_cross_entropy)
    return {"loss": loss, "clm_loss": loss}


def counts(batch: Batch) -> dict[str, int]:
    """The tokens."""
    return {"clm_loss": batch["targets"].numel()}


split, encoders, stored_model = split_rows, only_its_own, unchanged


def head(config: Any, batch: Batch) -> list[Product]:
    """The head of the language model, on all tokens."""
    family = families.load(config.model_type)
    return family.language_model_products(config, batch["targets"].numel())


def held(config: Any, batch: Batch) -> list[Product]:
    """The same, on the tokens whose logits are held at once."""
    from tasks.training.kernels.linear_cross_entropy import TOKENS

    tokens = min(TOKENS, batch["targets"].numel())
    return families.load(config.model_type).language_model_products(config, tokens)


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on the next tokens."""
    from tasks.training.kernels.linear_cross_entropy import sum_and_right

    loss, right = _in_place_of_head(model, batch, sum_and_right).tolist()
    tokens = batch["targets"].numel()
    return {"validation_loss": (loss, tokens), "next_token_accuracy": (right, tokens)}


def derive(
    measured: Mapping[str, float],
    train: EncodedCorpus,
    held_out: EncodedCorpus,
    vocabulary: Vocabulary,
) -> dict[str, float]:
    """The perplexity, the bits per byte, and the loss of predicting by frequency alone."""
    from tasks.data.text.token_frequencies import frequencies, unigram_loss

    loss = measured["validation_loss"]
    known = frequencies(train, vocabulary, ring=True)
    tokens = len(held_out.tokens) + len(held_out.documents) - 1  # a separator after each document
    return {
        "perplexity": math.exp(min(loss, LARGEST_EXPONENT)),
        "unigram_loss": unigram_loss(held_out, known, vocabulary, ring=True),
        "bits_per_byte": loss / math.log(2) * tokens / held_out.text_bytes,
    }


def demonstrate(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Beginnings of sentences, how they continue, and how the model continues them."""
    from tasks.models.written_text import continue_sentences

    return continue_sentences(model, tokenizer, held_out)
