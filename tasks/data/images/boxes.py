"""Boxes around the objects of a picture, as sources write them and as text in tables.

In a table they are JSON: `[{"label": "cat", "box": [left, top, right, bottom]}, …]` in pixels, from
the outer edge of the first pixel to that of the last; answers have a `score` from 0 to 1 too, and
what is neither learnt nor measured has `"crowd": true`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box around an object.

    Attributes:
        label: what it is.
        corners: left, top, right, bottom, in pixels.
        score: how sure an answer is; 1 of a truth.
        crowd: whether it is neither learnt nor measured, as a crowd of COCO or a difficult object
            of Pascal VOC: answers in it are neither right nor wrong.
    """

    label: str
    corners: Corners
    score: float = 1.0
    crowd: bool = False

    @property
    def area(self) -> float:
        """Its area in pixels."""
        left, top, right, bottom = self.corners
        return max(0.0, right - left) * max(0.0, bottom - top)

    def within(self, width: float, height: float) -> Box:
        """The part of it that is in a picture."""
        left, top, right, bottom = self.corners
        return replace(
            self,
            corners=(
                min(max(left, 0.0), width),
                min(max(top, 0.0), height),
                min(max(right, 0.0), width),
                min(max(bottom, 0.0), height),
            ),
        )

    def moved(self, scale: tuple[float, float], shift: tuple[float, float]) -> Box:
        """The box after its picture is scaled, and then shifted to the right and down."""
        left, top, right, bottom = self.corners
        return replace(
            self,
            corners=(
                left * scale[0] + shift[0],
                top * scale[1] + shift[1],
                right * scale[0] + shift[0],
                bottom * scale[1] + shift[1],
            ),
        )


def as_text(boxes: Sequence[Box], *, scored: bool = False, digits: int = 2) -> str:
    """Boxes as text for a table.

    Args:
        boxes: with corners in pixels.
        scored: whether they are answers, with scores.
        digits: decimals of a pixel; answers in a square that are scaled to a larger picture need
            more than those that are only read.
    """
    rows = [
        {"label": box.label, "box": [round(float(c), digits) for c in box.corners]}
        | ({"score": round(float(box.score), 4)} if scored else {})
        | ({"crowd": True} if box.crowd else {})
        for box in boxes
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> list[Box]:
    """The boxes of a text."""
    return [
        Box(row["label"], tuple(row["box"]), row.get("score", 1.0), row.get("crowd", False))
        for row in json.loads(text)
    ]


def objects_in(text: str) -> list[Box]:
    """The boxes of a text that are learnt and measured: those of no crowd."""
    return [box for box in from_text(text) if not box.crowd]


VISIBLE = 0.3  # the share of a box that has to be in a picture for it to stay


def moved(
    corners: Floats, present: NDArray[np.bool_], maps: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Boxes moved as their pictures are: the upright boxes around their moved corners.

    Args:
        corners: [pictures, boxes, 4], from -1 to 1.
        present: [pictures, boxes] which of them are boxes.
        maps: of `Augmenter.maps`, [pictures, 2, 3]: where a place of the result was before.

    Returns:
        The boxes, cut at the edges, and which of them are still there: those of which at least
        VISIBLE is in the picture.
    """
    turned = np.linalg.inv(maps[:, :, :2])
    x, y = corners[..., [0, 2, 2, 0]], corners[..., [1, 1, 3, 3]]
    places = np.stack([x, y], axis=-1) - maps[:, None, None, :, 2]
    found = np.einsum("pij,pbcj->pbci", turned, places)
    low, high = found.min(axis=2), found.max(axis=2)
    inside_low, inside_high = np.clip(low, -1, 1), np.clip(high, -1, 1)
    area = np.prod(high - low, axis=-1)
    seen = np.prod(inside_high - inside_low, axis=-1) >= VISIBLE * np.maximum(area, 1e-12)
    return np.concatenate([inside_low, inside_high], axis=-1), present & seen & (area > 0)
