"""The accuracy of labels predicted from an encoder's features, while it is pre-trained.

The label of a text is that of its nearest neighbour among labelled training texts (`nearest.py`);
looking changes no weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tasks.data.pairs import passages
from tasks.data.results import Metric
from tasks.experiment.pretraining import Pretraining
from tasks.models.embedding.mean_states import mean_states
from tasks.models.learning.nearest import share_of_nearest
from tasks.training.loop import Precision, TrainingHistory, autocast, device_name

ACCURACY = "probe_accuracy"
METRICS = {ACCURACY: Metric("labels by the nearest neighbour of the features", "share")}
KNOWN, ASKED = 1024, 512  # texts, at most


@dataclass(frozen=True)
class Texts:
    """Labelled texts as tokens.

    Attributes:
        tokens: of each text, special tokens included.
        labels: of each text.
    """

    tokens: list[list[int]]
    labels: NDArray[np.str_]


@dataclass(frozen=True)
class OnlineProbe:
    """Looks how many of some texts have the label of their nearest neighbour among others.

    Attributes:
        known: training texts.
        asked: validation texts.
        pad: the token behind a shorter text, which is not read.
        precision: of the forward pass.
    """

    known: Texts
    asked: Texts
    pad: int
    precision: Precision

    @classmethod
    def of(cls, data: Path, tokenizer: Any, pretraining: Pretraining) -> OnlineProbe:
        """A probe of labelled rows: at most KNOWN and ASKED texts, spread over all of them.

        Args:
            data: folder with train.parquet and validation.parquet of stage `dataset`; of a pair of
                texts both are read as one.
            tokenizer: of the model.
            pretraining: how long a text may be, and the precision.
        """
        length = pretraining.sequence_length
        pad = 0 if tokenizer.pad_token_id is None else tokenizer.pad_token_id

        def texts(split: str, most: int) -> Texts:
            rows = pd.read_parquet(data / f"{split}.parquet")
            rows = rows.iloc[:: max(1, -(-len(rows) // most))]
            read = tokenizer(passages(rows), truncation=True, max_length=length)["input_ids"]
            # A text without a token is read as one token of padding.
            return Texts([ids or [pad] for ids in read], np.array(rows["label"], dtype=np.str_))

        known, asked = texts("train", KNOWN), texts("validation", ASKED)
        return cls(known, asked, pad, pretraining.precision)

    def outcome(self, history: TrainingHistory) -> dict[str, Any]:
        """For the page: the curve, how many texts, and the share of their most frequent label."""
        _, counts = np.unique(self.asked.labels, return_counts=True)
        return {
            "points": list(zip(*history.curve(f"quick_{ACCURACY}"), strict=True)),
            "most_frequent": float(counts.max() / counts.sum()),
            "known": len(self.known.tokens),
            "asked": len(self.asked.tokens),
        }

    @torch.no_grad()
    def __call__(self, model: Any) -> dict[str, float]:
        """The accuracy; the model is left in evaluation mode, on this machine's best device."""
        body = model.to(device_name()).eval().base_model
        with autocast(self.precision):
            known, asked = (
                mean_states(body, each.tokens, self.pad) for each in (self.known, self.asked)
            )
        return {ACCURACY: share_of_nearest(known, self.known.labels, asked, self.asked.labels)}
