"""Texts that are nearly the same are found, also with other words at their ends."""

from __future__ import annotations

import random

import pytest

from tasks.data.near_texts import NearTexts
from tasks.data.same_text import content
from tasks.data.shingles import Shingles, shingles


def text(seed: int, words: int = 60) -> str:
    draw = random.Random(seed)
    return " ".join(
        "".join(draw.choice("abcdefghijklmnop") for _ in range(draw.randint(3, 8)))
        for _ in range(words)
    )


def of(words: str) -> Shingles:
    return shingles(content(words))


def test_the_text_that_is_mostly_in_another_is_found_by_its_number() -> None:
    texts = [text(seed) for seed in range(20)]
    near = NearTexts([of(each) for each in texts])
    other = f"{text(100, 5)} {texts[7]} {text(101, 30)}"
    [(number, share)] = near.mostly_in(of(other))
    assert number == 7
    assert share == pytest.approx(1, abs=0.05)


def test_half_of_a_text_is_near_and_a_quarter_is_not() -> None:
    words = text(1, 200).split()
    near = NearTexts([of(" ".join(words))])
    assert near.mostly_in(of(" ".join([*words[:130], *text(2, 70).split()])))
    assert not near.mostly_in(of(" ".join([*words[:50], *text(3, 150).split()])))


def test_short_texts_are_never_found_and_do_not_shift_the_numbers() -> None:
    near = NearTexts([of("short"), of(text(4))])
    assert [number for number, _ in near.mostly_in(of(text(4)))] == [1]
    assert near.mostly_in(of("short")) == []
    assert NearTexts([]).mostly_in(of(text(4))) == []
