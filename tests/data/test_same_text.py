"""When two texts are the same text."""

import re

from tasks.data.same_text import digest, digest_of, normalize, share


def test_case_punctuation_and_blanks_make_no_difference():
    assert digest("Don't  STOP,\nnow!") == digest("don ' t stop now")
    assert digest("ﬁne naïve") == digest("fine NAÏVE")


def test_words_make_a_difference():
    assert digest("one two") != digest("onetwo")


def test_texts_without_words_are_told_apart():
    assert normalize(":-)  ") == ":-)"
    assert digest(":-)") != digest(":-(")


def test_ascii_has_the_words_of_any_text():
    text = "".join(map(chr, range(128))) + " A_b1 C"
    assert normalize(text) == " ".join(re.findall(r"\w+", text.casefold()))
    assert normalize(f"é {text}") == f"é {normalize(text)}"
    assert digest(text) == digest_of(normalize(text))
    assert normalize("\x1c-\x1f-") == "- -"


def test_shares_are_even_and_depend_on_the_seed():
    shares = [share(0, f"document {n}") for n in range(4000)]
    assert all(0 <= value < 1 for value in shares)
    assert 0.18 < sum(value < 0.2 for value in shares) / 4000 < 0.22
    assert share(1, "document 0") != share(0, "document 0") == shares[0]
