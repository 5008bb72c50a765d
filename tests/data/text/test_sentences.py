"""Where sentences end."""

from tasks.data.text.sentences import split_paragraphs, split_sentences


def test_full_stops_question_marks_and_exclamation_marks_end_sentences():
    assert split_sentences("One. Two? Three! four. 5 is more.") == [
        "One.",
        "Two?",
        "Three! four.",
        "5 is more.",
    ]


def test_abbreviations_initials_and_numbers_do_not():
    text = "See e.g. The fox in Fig. 3 by J. Doe et al. Smith at version 1.5 of it. It is I. Go."
    assert split_sentences(text) == [
        "See e.g. The fox in Fig. 3 by J. Doe et al. Smith at version 1.5 of it.",
        "It is I.",
        "Go.",
    ]


def test_closing_quotes_stay_with_their_sentence():
    assert split_sentences('He said "No." Then (maybe.) "Yes!"') == [
        'He said "No."',
        "Then (maybe.)",
        '"Yes!"',
    ]


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not():
    assert split_sentences("A title\n \nwrapped\n  text") == ["A title", "wrapped text"]
    assert split_paragraphs("\n\na\nb\n\n\nc\n") == ["a b", "c"]


def test_blanks_of_all_kinds_are_made_single():
    for text in ("  a  b ", "a\tb", "a\u00a0b", "a\nb", " a\x1cb", "a \u2003 b\x0b", "a\u200bb c"):
        assert split_paragraphs(text) == [" ".join(text.split())]


def test_scripts_without_blanks_are_split_too():
    assert split_sentences("你好。世界！") == ["你好。", "世界！"]


def test_blanks_have_no_sentences():
    assert split_sentences(" \n\n\t") == []


def test_nothing_but_blanks_is_lost(shared_data):
    text = (
        shared_data
        / "classic-books"
        / "books"
        / "lewis-carroll-alice-s-adventures-in-wonderland.md"
    ).read_text()
    sentences = split_sentences(text)
    assert "".join(" ".join(sentences).split()) == "".join(text.split())
    assert 800 < len(sentences) < 2500
