"""Stage `forgetting`: what a fine-tuned model still knows of its pre-training.

The encoder of the pre-trained model is replaced by the fine-tuned one, and its head stays: the loss
of the objective on the held-out text, before and after (catastrophic forgetting: McCloskey & Cohen
1989, "Catastrophic interference in connectionist networks"). A head that is tied to the embeddings
changes with them. Where an objective stores a part of its model, it says what is measured of it. In
fp32, so that results do not depend on the hardware of the training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np

from tasks import objectives
from tasks.contract import Monitor, StageError
from tasks.data.tables import write_json
from tasks.data.text.drawing import Drawing, ExampleBatches
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.bodies import load_all, load_encoder
from tasks.models.continuing import given_configuration
from tasks.models.learning.measuring import evaluate
from tasks.objectives import Objective
from tasks.problems.weighted import Floats
from tasks.statistics import numbers
from tasks.statistics.bootstrap import Bootstrap, draw_weights

if TYPE_CHECKING:
    from torch import nn

LOSS = "validation_loss"
MASKING = 0.15  # as pre-training is validated
BLOCK = 8  # sequences that are drawn together in a resample


@runtime_checkable
class StoredInPart(Protocol):
    """The further names in the module of an objective that stores a part of its model.

    Attributes:
        STORED_LOSS: what `measure_stored` measures, for people.
    """

    STORED_LOSS: str

    def measure_stored(self, model: nn.Module, batch: Any) -> dict[str, tuple[float, int]]:
        """`validation_loss` of the stored part on a batch, as a sum and a count."""


@dataclass(frozen=True)
class Loss:
    """The loss that is measured before and after.

    Attributes:
        words: what it is, for people.
        measure: of a batch, as a sum and a count.
    """

    words: str
    measure: Callable[[nn.Module, Any], dict[str, tuple[float, int]]]

    @classmethod
    def of(cls, kind: Objective) -> Self:
        """That of an objective, by what its stored models contain."""
        if isinstance(kind, StoredInPart):
            return cls(kind.STORED_LOSS, kind.measure_stored)
        return cls(kind.METRICS[LOSS].words, kind.measure)


def measure_forgetting(
    objective: str,
    sequence_length: int,
    sequences: int,
    *,
    bootstrap_samples: int,
    confidence: float,
    seed: int,
    tokens: Path,
    tokenizer: Path,
    pretrained: Path,
    model: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Measure the objective of pre-training before and after fine-tuning.

    Args:
        objective: of the pre-training.
        sequence_length: of its sequences, in tokens.
        sequences: held-out sequences to measure on.
        bootstrap_samples: resamples of blocks of these sequences.
        confidence: coverage of the interval, such as 0.95.
        seed: that of the pre-training (its sequences and hidden tokens), and of the resamples.
        tokens: folder of stage `tokens`.
        tokenizer: folder of the tokenizer that made them.
        pretrained: folder of the pre-trained model, with its head.
        model: folder of the fine-tuned model.
        out: empty folder for finding.json.
        monitor: receives the progress.

    Returns:
        Under `forgetting/`: `before_loss`, `after_loss`, and `added_loss` with `/low` and `/high`,
        in nats.

    Raises:
        StageError: the pre-trained model was stored without its head, or the weights do not fit.
    """
    kind, loaded = objectives.load(objective), load_tokenizer(tokenizer)
    drawing = Drawing(length=sequence_length, masking_share=MASKING, seed=seed)
    corpus = EncodedCorpus.open(tokens, "validation")
    examples = kind.examples(corpus, Vocabulary.of(loaded), drawing)
    rows = min(BLOCK, len(examples))
    batches = ExampleBatches(examples, min(len(examples), sequences) // rows, rows, seed)
    blocks = [batches[step] for step in range(len(batches))]
    new = kind.new_model(given_configuration(pretrained, 0.0, len(loaded)), seed)
    network, loss = kind.stored_model(new), Loss.of(kind)
    if lacking := load_all(network, pretrained):
        raise StageError(
            f"the pre-trained model was stored without its head ({lacking[0]}, …), so its loss "
            "cannot be measured: set evaluation.forgetting to false"
        )
    monitor.progress(0, 2, "models")
    before = _measured(loss, network, blocks)
    load_encoder(network, model)
    monitor.progress(1, 2, "models")
    after = _measured(loss, network, blocks)
    monitor.progress(2, 2, "models")
    bootstrap = Bootstrap(bootstrap_samples, confidence, seed)
    generator = np.random.default_rng(seed)
    weights = draw_weights(generator, len(blocks), bootstrap_samples)
    drawn = weights @ after - weights @ before
    low, high = bootstrap.interval(drawn / len(blocks))
    metrics = {
        "forgetting/before_loss": float(before.mean()),
        "forgetting/after_loss": float(after.mean()),
        "forgetting/added_loss": float(after.mean() - before.mean()),
        "forgetting/added_loss/low": low,
        "forgetting/added_loss/high": high,
    }
    facts = {
        "objective": objective,
        "loss": loss.words,
        "sequences": len(blocks) * rows,
        "length": sequence_length,
        "confidence": confidence,
        "metrics": metrics,
        "sentences": [sentence(objective, metrics)],
    }
    write_json(out / "finding.json", facts)
    return metrics


def _measured(loss: Loss, network: Any, blocks: Sequence[Any]) -> Floats:
    """The loss of each block, of equally many sequences."""
    return np.array([evaluate(loss, network, [block], "fp32")[LOSS] for block in blocks])


def sentence(objective: str, metrics: dict[str, float]) -> str:
    """What fine-tuning did to the loss of the pre-training, in words."""
    before, after, added, low, high = metrics.values()
    verdict = "it has forgotten some of it" if low > 0 else "no forgetting is shown"
    return (
        f"fine-tuning takes the loss of {objective} on held-out text from {before:.3f} to "
        f"{after:.3f} nats ({numbers.difference(added, low, high, 'nats')}): {verdict}"
    )
