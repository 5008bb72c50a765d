"""The colours of masks, in files and on pages. MLflow copies this file into models."""

from __future__ import annotations


def palette() -> list[int]:
    """Red, green and blue of 256 numbers, as PASCAL VOC has them: bits of the number, spread."""
    colours = []
    for number in range(256):
        for channel in range(3):
            bits = (number >> (3 * place + channel) & 1 for place in range(3))
            colours.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return colours
