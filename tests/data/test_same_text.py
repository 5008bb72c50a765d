"""When two texts are the same text."""

import pytest

from tasks.data import same_text
from tasks.data.same_text import (
    content,
    count_words,
    digest,
    digest_of,
    share,
    single_spaced,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c1ccccc1", "C1CCCCC1"),  # benzene, cyclohexane
        ("C(=O)N", "C=ON"),
        ("फल", "फूल"),  # fruit, flower: they differ in a vowel sign
        ("good 👍", "good 👎"),
        ("wait!", "wait?"),
        ("one two", "onetwo"),
    ],
)
def test_only_blanks_and_the_unicode_form_make_no_difference(one: str, other: str) -> None:
    assert digest(one) != digest(other)
    assert digest(f" {one}\n") == digest(one)
    assert digest(f"{one}\t {other}") == digest(f"{one} {other}")
    assert digest("nai\u0308ve") == digest("naïve")


def test_texts_are_alike_but_for_case_punctuation_and_blanks() -> None:
    assert content("Don't  STOP,\nnow!") == content("don ' t stop now") == "dontstopnow"
    assert content("ﬁne naïve") == content("fine NAI\u0308VE")
    assert content("我 爱 北 京 。") == content("我爱北京")
    assert content("एक फल, दो") == content("एक फल दो") != content("एक फूल दो")
    assert content("good 👍") != content("good 👎")


def test_texts_without_letters_are_told_apart() -> None:
    assert content(":-)  ") == ":-)"
    assert digest_of(content(":-)")) != digest_of(content(":-("))


def test_ascii_has_the_content_of_any_text() -> None:
    text = "".join(map(chr, range(128))) + " A_b1 C"
    assert content(f"é {text}") == f"é{content(text)}"
    assert content("a\x1c-\x1fb") == "ab"


def test_shares_are_even_and_depend_on_the_seed():
    shares = [share(0, f"document {n}") for n in range(4000)]
    assert all(0 <= value < 1 for value in shares)
    assert 0.18 < sum(value < 0.2 for value in shares) / 4000 < 0.22
    assert share(1, "document 0") != share(0, "document 0") == shares[0]


def test_a_long_text_has_the_same_words_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    blanks = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    text = "".join(f"word{n}{blank}\n{blank}" for n, blank in enumerate(blanks)) + "\u200b end \t"
    short = single_spaced(text), count_words(text)
    monkeypatch.setattr(same_text, "_AT_ONCE", 10)
    assert (single_spaced(text), count_words(text)) == short
    assert short[1] == len(blanks) + 2
