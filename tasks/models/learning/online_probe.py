"""How well labels are told from an encoder's features of texts, while it is pre-trained.

The label of a text is that of its nearest neighbour among labelled training texts (Wu et al., 2018,
"Unsupervised feature learning via non-parametric instance discrimination", section 3.4, with one
neighbour): nothing is trained and no random number is drawn, so that looking changes no weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tasks.data.pairs import passages
from tasks.data.results import Metric
from tasks.experiment.pretraining import Pretraining
from tasks.models.inference import group_by_length
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

        def texts(split: str, most: int) -> Texts:
            rows = pd.read_parquet(data / f"{split}.parquet")
            rows = rows.iloc[:: max(1, -(-len(rows) // most))]
            read = tokenizer(passages(rows), truncation=True, max_length=length)["input_ids"]
            return Texts(read, np.array(rows["label"], dtype=np.str_))

        pad = tokenizer.pad_token_id
        known, asked = texts("train", KNOWN), texts("validation", ASKED)
        return cls(known, asked, 0 if pad is None else pad, pretraining.precision)

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
            known, asked = (self._features(body, each.tokens) for each in (self.known, self.asked))
        middle = known.mean(dim=0)
        near = functional.normalize(asked - middle) @ functional.normalize(known - middle).T
        found = self.known.labels[near.argmax(dim=1).numpy()]
        return {ACCURACY: float(np.mean(found == self.asked.labels))}

    def _features(self, body: Any, tokens: Sequence[Sequence[int]]) -> Tensor:
        """[texts, width] the mean over the last states of the tokens of each text, in fp32."""
        found: list[Tensor] = [torch.empty(0)] * len(tokens)
        for places in group_by_length([len(ids) for ids in tokens]):
            longest = max(1, *(len(tokens[place]) for place in places))
            ids = torch.full((len(places), longest), self.pad)
            mask = torch.zeros_like(ids)
            for row, place in enumerate(places):
                ids[row, : len(tokens[place])] = torch.tensor(tokens[place], dtype=ids.dtype)
                mask[row, : max(1, len(tokens[place]))] = 1
            ids, mask = ids.to(body.device), mask.to(body.device)
            states = body(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            share = mask[..., None].float()
            means = ((states * share).sum(dim=1) / share.sum(dim=1)).cpu()
            for row, place in enumerate(places):
                found[place] = means[row]
        return torch.stack(found)
