"""The last tokens of short windows, as somebody would add it: in one file of `tasks/objectives`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.data.results import Metric
from tasks.models.masked_prediction import (
    masked_head,
    masked_loss,
    measure_masked,
    only_its_own,
    predict,
    split_masked,
    unchanged,
)

if TYPE_CHECKING:
    from tasks.data.text.drawing import Arrays, Drawing, Indices
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.data.text.vocabulary import Vocabulary

HEADS = ("masked tokens",)
FIELDS = ()
TASK = "fill-mask"
METRICS = {
    "validation_loss": Metric("loss of the last tokens, nats a token", "nats", "lower"),
    "uniform_loss": Metric("the same when all tokens are as likely", "nats", "lower"),
    "masked_accuracy": Metric("last tokens predicted"),
}
TRAINING_LOSS = "end_loss"
REFERENCE = ("uniform", "uniform_loss")
HIDDEN = 4  # tokens at the end of a window

head = held = masked_head
split, encoders = split_masked, only_its_own
stored_model = stored_tokenizer = unchanged


def new_model(config: Any, seed: int) -> Any:
    from transformers import AutoModelForMaskedLM

    from tasks.models import building

    return building.new_model(AutoModelForMaskedLM, config, seed)


def begin(model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
    """It knows nothing."""


@dataclass(frozen=True)
class Ends:
    """Windows that do not overlap, with their last tokens hidden."""

    corpus: EncodedCorpus
    vocabulary: Vocabulary
    length: int

    def __len__(self) -> int:
        return len(self.corpus.tokens) // self.length

    def draw(self, indices: Indices, epochs: Indices) -> Arrays:
        places = indices[:, None] * self.length + np.arange(self.length)
        ids = self.corpus.tokens[places].astype(np.int64)
        hidden = np.zeros(ids.shape, bool)
        hidden[:, -HIDDEN:] = True
        targets = ids[hidden]
        ids[hidden] = self.vocabulary.mask
        return {"input_ids": ids, "positions": np.flatnonzero(hidden), "targets": targets}


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Ends:
    return Ends(corpus, vocabulary, drawing.length)


def losses(model: Any, batch: Any) -> dict[str, Any]:
    loss = masked_loss(predict(model, batch).logits, batch["targets"])
    return {"loss": loss, "end_loss": loss}


def counts(batch: Any) -> dict[str, int]:
    return {"end_loss": len(batch["targets"])}


def measure(model: Any, batch: Any) -> dict[str, tuple[float, int]]:
    return measure_masked(predict(model, batch).logits, batch["targets"])


def derive(measured: Any, train: Any, held_out: Any, vocabulary: Vocabulary) -> dict[str, float]:
    return {"uniform_loss": float(np.log(vocabulary.size))}


def demonstrate(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> dict[str, Any]:
    text = tokenizer.decode(held_out.tokens[:8].tolist())
    return {"example": f"{text} {tokenizer.mask_token}", "header": ["text"], "rows": [[text]]}
