"""Replaced-token detection: which tokens did a generator put there? (Clark et al., 2020, ELECTRA).

A small masked language model, the generator, fills in hidden tokens by drawing from what it thinks
likely. The model, the discriminator, says of every token whether it is the original one (section
2): it learns from all tokens, not only from the hidden ones. Where the generator draws the original
token, it counts as kept. Both are trained at once and share their embeddings; the generator is not
trained to deceive. The discriminator alone is stored; checkpoints contain both.

Tokens are drawn by numbers that are a function of seed, epoch and example, as the hidden places
are. So a batch has the same replacements in a resumed training.

The windows are those of `mlm`. The validation loss is measured with the generator of the same
training, so it compares models with equally good generators and the same masking share only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks import families
from tasks.data.randomness import draw
from tasks.data.results import Metric
from tasks.data.text.drawing import Arrays, Drawing
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.masked_prediction import (
    masked_head,
    masked_loss,
    measure_masked,
    split_masked,
    unchanged,
)
from tasks.objectives import mlm
from tasks.objectives.mlm import Windows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.results import Demonstration
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.flops import Product
    from tasks.training.microbatches import Batch

HEADS = ("replaced tokens",)
FIELDS = ("masking_share", "masking")
_STORED = ("head",)  # that of the discriminator
TASK = "feature-extraction"
METRICS = {
    "validation_loss": Metric("loss on held-out text, nats per token", "nats", "lower"),
    "share_loss": Metric("the same when predicting the share of replaced tokens", "nats", "lower"),
    "replaced_accuracy": Metric("replaced tokens that are found"),
    "kept_accuracy": Metric("kept tokens that are recognized as such"),
    "replaced_share": Metric("tokens that the generator replaced by another", better="lower"),
    "generator_loss": Metric("loss of the generator, nats per masked token", "nats", "lower"),
}
TRAINING_LOSS = "rtd_loss"
REFERENCE = ("by the share of replaced tokens", "share_loss")

WEIGHT = 50.0  # of the discriminator's gradient against the generator's (section 2)
SAMPLE, GENERATOR = 40, 41  # purposes of draws

split, stored_tokenizer = split_masked, unchanged


def new_model(config: Any, seed: int) -> Any:
    """A discriminator with random weights, and its generator as a part of it."""
    from transformers import AutoModelForMaskedLM, AutoModelForPreTraining

    from tasks.models import building
    from tasks.models.replaced_tokens import with_generator

    model = building.new_model(AutoModelForPreTraining, config, seed)
    its_own = int(draw(seed, GENERATOR) >> np.uint64(33))  # not the numbers that the model has
    return with_generator(
        model, building.new_model(AutoModelForMaskedLM, encoders(config)[1], its_own)
    )


def begin(model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
    """Set the bias of the generator's output to the frequencies of the tokens."""
    mlm.begin(model.generator, corpus, vocabulary)


@dataclass(frozen=True)
class WindowsToFill:
    """The windows of a corpus, with numbers to draw the hidden tokens by."""

    windows: Windows
    vocabulary: Vocabulary
    drawing: Drawing

    def __len__(self) -> int:
        return len(self.windows)

    def draw(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> Arrays:
        """A batch of masked windows; every hidden token shows the mask.

        Returns:
            Also `chances` [hidden]: a number in [0, 1) each; and `judged` [batch, length]: which
            tokens could have been hidden, so that special tokens do not count.
        """
        found = self.windows.draw(indices, epochs)
        ids, positions = found["input_ids"], found["positions"]
        ids.reshape(-1)[positions] = found["targets"]
        judged = self.vocabulary.ordinary[ids]
        ids.reshape(-1)[positions] = self.vocabulary.mask
        row, column = np.divmod(positions, ids.shape[1])
        bits = draw(self.drawing.seed, SAMPLE, epochs[row], indices[row], column)
        chances = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return found | {"chances": chances, "judged": judged}


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> WindowsToFill:
    """The windows of a corpus.

    Raises:
        StageError: the corpus does not fill one.
    """
    return WindowsToFill(mlm.examples(corpus, vocabulary, drawing), vocabulary, drawing)


def stored_model(model: Any) -> Any:
    """The discriminator alone."""
    from tasks.models.replaced_tokens import without_generator

    return without_generator(model)


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The sum of both cross-entropies, each a mean in nats: of a hidden token, of a judged one.

    What is minimized has `WEIGHT` times the second. Only the gradient has the weight, so that the
    curves are in nats.
    """
    from tasks.models.replaced_tokens import detect, detection_losses

    found = detect(model, batch)
    guessed = masked_loss(found.guesses, batch["targets"])
    detected = detection_losses(found, batch).sum() / batch["judged"].sum().clamp(min=1)
    detected = WEIGHT * detected - (WEIGHT - 1) * detected.detach()
    return {"loss": guessed + detected, "generator_loss": guessed, "rtd_loss": detected}


def counts(batch: Batch) -> dict[str, int]:
    """The hidden tokens, and those that are judged."""
    return {"generator_loss": len(batch["targets"]), "rtd_loss": int(batch["judged"].sum())}


def encoders(config: Any) -> Sequence[Any]:
    """Those of the discriminator and of the generator."""
    family: Any = families.load(config.model_type)
    return [config, family.generator(config)]


def head(config: Any, batch: Batch) -> list[Product]:
    """The generator's head on the hidden tokens, the discriminator's on all."""
    family: Any = families.load(config.model_type)
    detection: list[Product] = family.detection_products(config, batch["input_ids"].numel())
    return [*masked_head(encoders(config)[1], batch), *detection]


held = head


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on replaced and on kept tokens, and the loss of the generator."""
    from tasks.models.replaced_tokens import detect, detection_losses

    found = detect(model, batch)
    judged, replaced, said = batch["judged"], found.replaced, found.logits > 0
    number, replacements = int(judged.sum()), int(replaced.sum())
    loss, found_out = float(detection_losses(found, batch).sum()), int((said & replaced).sum())
    recognized = int((judged & ~replaced & ~said).sum())
    return {
        "validation_loss": (loss, number),
        "replaced_accuracy": (found_out, replacements),
        "kept_accuracy": (recognized, number - replacements),
        "replaced_share": (replacements, number),
        "generator_loss": measure_masked(found.guesses, batch["targets"])["validation_loss"],
    }


STORED_LOSS = (
    "loss of the discriminator on held-out text, nats per token; its generator is not stored, so "
    "each hidden token is replaced by one that is hidden elsewhere, a draw by frequency"
)


def measure_stored(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """The loss of the discriminator alone.

    The hidden tokens of the batch are exchanged among their places, in the order of `chances`.
    """
    from tasks.models.replaced_tokens import judge_replaced

    order = batch["chances"].argsort(stable=True)
    sampled = batch["targets"].new_empty(len(order))
    sampled[order] = batch["targets"][order.roll(1)]
    losses = judge_replaced(model, batch, sampled)
    return {"validation_loss": (float(losses.sum()), int(batch["judged"].sum()))}


def derive(
    measured: Mapping[str, float],
    train: EncodedCorpus,
    held_out: EncodedCorpus,
    vocabulary: Vocabulary,
) -> dict[str, float]:
    """The loss of the best constant prediction: the entropy of the share of replaced tokens."""
    share = measured["replaced_share"]
    parts = [part for part in (share, 1 - share) if part > 0]
    return {"share_loss": -sum(part * math.log(part) for part in parts)}


def demonstrate(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Sentences with a word replaced, and the words that the model suspects."""
    from tasks.models.replaced_tokens import find_replaced

    return find_replaced(model, tokenizer, held_out)
