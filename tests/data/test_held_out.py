"""A test row is found in a corpus in every script, however it is joined, split or wrapped there."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import pytest

from tasks.data.held_out import HeldOut, identifiers, write_held_out

# The letters of a script, what separates its words, and the end of its sentences.
SCRIPTS = {
    "Latin": ("abcdefghijklmnopqrstuvwxyzäöüßéñ", " ", "."),
    "Cyrillic": ("абвгдежзийклмнопрстуфхцчшщъыьэюя", " ", "."),
    "Greek": ("αβγδεζηθικλμνξοπρστυφχψωάέή", " ", "."),
    "Arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", " ", "؟"),
    "Hebrew": ("אבגדהוזחטיכלמנסעפצקרשת", " ", "."),
    "Devanagari": ("कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह", " ", "।"),
    "Thai": ("กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวศษสห", "", " "),
    "Chinese": ("的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年", "", "。"),
    "Japanese": ("あいうえおかきくけこさしすせそたちつてとなにぬねの日本語文書", "", "。"),
    "Korean": ("가나다라마바사아자차카타파하고노도로모보소오조초", " ", "."),
}
JOINED: dict[str, Callable[[list[str], random.Random], str]] = {
    "by blanks": lambda words, _: " ".join(words),
    "not at all": lambda words, _: "".join(words),
    "by no-break blanks": lambda words, _: "\N{NO-BREAK SPACE}".join(words),
    "letter by letter": lambda words, _: " ".join(" ".join(word) for word in words),
    "cut in pieces": lambda words, draw: " ".join(_pieces("".join(words), draw)),
    "wrapped": lambda words, draw: "".join(
        w + draw.choice([" ", " ", "\n"]) for w in words
    ).strip(),
    "in capitals": lambda words, _: " ".join(words).upper(),
    "decomposed": lambda words, _: normalize("NFD", " ".join(words)),
}


def _pieces(text: str, draw: random.Random) -> list[str]:
    cuts = sorted(draw.sample(range(1, len(text)), 6))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def words(letters: str, draw: random.Random) -> list[str]:
    """Words of a sentence that is long enough to identify a text."""
    return ["".join(draw.choices(letters, k=draw.randint(2, 8))) for _ in range(14)]


@pytest.mark.parametrize("how", JOINED)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_row_of_tokens_is_found_in_a_document(script: str, how: str, tmp_path: Path) -> None:
    letters, between, end = SCRIPTS[script]
    draw = random.Random(f"{script} {how}")
    for number in range(12):
        row = words(letters, draw)
        file = tmp_path / f"{number}.parquet"
        write_held_out(file, identifiers("", f"{' '.join(row)} {end}".strip()))
        held_out = HeldOut([file])
        others = [between.join(words(letters, draw)) + end for _ in range(2)]
        document = f"{others[0]}\n\n{JOINED[how](row, draw)}{end}\n\n{others[1]}"
        assert held_out.search("", document).containing, (row, document)
        assert held_out.search("", f"{others[0]}\n\n{others[1]}") == ([], []), "others are not it"
