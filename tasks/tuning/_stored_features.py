"""Features in files: what a frozen encoder gave for each example, found again by its content.

features.npy   float32, the features of all examples one after the other
index.npz      `digests` [examples, 32] of what the encoder read, `ends` and `widths` [examples]
features.json  `kept`: what of the encoder's answer they are
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from tasks.data.tables import write_json
from tasks.problems import Problem

Kept = Literal["pooled", "first", "all"]
FILE, INDEX, FACTS = "features.npy", "index.npz", "features.json"


def digest_of(kind: Problem, example: Any) -> bytes:
    """The identity of what an encoder reads of an example: its inputs, without its labels."""
    found = hashlib.sha256()
    for name, tensor in sorted(kind.collate([example], 0).items()):
        if name != "labels":
            found.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
            found.update(tensor.contiguous().numpy().tobytes())
    return found.digest()


def write_features(
    kind: Problem, kept: Kept, known: Iterable[tuple[Any, Tensor]], out: Path
) -> float:
    """Write the features of examples; how many bytes they take.

    Args:
        kind: the problem.
        kept: what of the encoder's answer they are.
        known: each example and its features: [numbers], or [places, width].
        out: the folder.
    """
    digests, ends, widths, parts = [], [0], [], []
    for example, features in known:
        digests.append(np.frombuffer(digest_of(kind, example), np.uint8))
        ends.append(ends[-1] + features.numel())
        widths.append(features.shape[-1] if features.ndim == 2 else 0)
        parts.append(features.flatten().numpy())
    stored = np.concatenate(parts)
    np.save(out / FILE, stored)
    np.savez(out / INDEX, digests=np.stack(digests), ends=ends[1:], widths=widths)
    write_json(out / FACTS, {"kept": kept})
    return float(stored.nbytes)


class StoredFeatures:
    """Features that were written before.

    Args:
        kind: the problem.
        kept: what of the encoder's answer they are.
        places: by digest, where they begin and end, and their width; 0 where they are flat.
        stored: all of them.
    """

    def __init__(
        self,
        kind: Problem,
        kept: Kept,
        places: dict[bytes, tuple[int, int, int]],
        stored: np.ndarray[Any, np.dtype[np.float32]],
    ) -> None:
        self.kind, self.kept, self.places, self.stored = kind, kept, places, stored

    @classmethod
    def open(cls, folder: Path, kind: Problem) -> Self | None:
        """Those in a folder; None if it has none, since the head reads more of the encoder."""
        if not (folder / FACTS).is_file():
            return None
        kept = json.loads((folder / FACTS).read_text(encoding="utf-8"))["kept"]
        with np.load(folder / INDEX) as index:
            ends, widths = index["ends"].tolist(), index["widths"].tolist()
            names = [row.tobytes() for row in index["digests"]]
        places = dict(zip(names, zip([0, *ends], ends, widths, strict=False), strict=True))
        return cls(kind, kept, places, np.load(folder / FILE, mmap_mode="r"))

    def of(self, example: Any, kept: Kept) -> Tensor | None:
        """The features of an example; None if they are unknown, or the head reads others."""
        place = self.places.get(digest_of(self.kind, example)) if kept == self.kept else None
        if place is None:
            return None
        begin, end, width = place
        found = torch.from_numpy(np.array(self.stored[begin:end]))
        return found.view(-1, width) if width else found
