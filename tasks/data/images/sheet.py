"""Small pictures of each label, and sums over all pictures, for the page of a data set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.data.images.decoding import Decoded
from tasks.data.images.resizing import thumbnail

THUMBNAIL, OF_A_LABEL, MOST_LABELS = 48, 8, 24  # of the sheet of pictures on the page


class Sheet:
    """Small pictures of each label, and sums over all pictures, for the page."""

    def __init__(self) -> None:
        self._kept: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._sum, self._count = np.zeros(3), 0

    def add(self, label: str, decoded: Decoded) -> None:
        """Look at a picture."""
        self._sizes[decoded.size] += 1
        mean = decoded.image.resize((1, 1), Image.Resampling.BOX).convert("RGB")
        self._sum += np.asarray(mean, dtype=float).ravel()
        self._count += 1
        known = label in self._kept or len(self._kept) < MOST_LABELS
        if known and len(self._kept[label]) < OF_A_LABEL:
            self._kept[label].append(thumbnail(decoded.image, THUMBNAIL))

    def named(self, labels: Sequence[str]) -> list[str]:
        """The labels of the rows of the sheet."""
        return sorted(label for label in self._kept if not labels or label in labels)

    def pictures(self, labels: Sequence[str]) -> NDArray[np.uint8]:
        """[labels, OF_A_LABEL, side, side, 3]; white where a label has fewer pictures."""
        names = self.named(labels)
        shape = (len(names), OF_A_LABEL, THUMBNAIL, THUMBNAIL, 3)
        found = np.full(shape, 255, dtype=np.uint8)
        for row, name in enumerate(names):
            for column, small in enumerate(self._kept[name]):
                found[row, column] = small
        return found

    def sizes(self) -> list[list[int]]:
        """The ten most frequent sizes: width, height, pictures."""
        return [[*size, count] for size, count in self._sizes.most_common(10)]

    def means(self) -> list[float]:
        """The mean of each channel over all pictures, from 0 to 255."""
        return [round(float(each), 2) for each in self._sum / max(1, self._count)]
