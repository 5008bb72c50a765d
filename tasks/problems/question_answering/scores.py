"""The metrics of question answering, as SQuAD defines them.

Texts are compared in lower case, without punctuation, articles and superfluous blanks. Exact match
is 1 if the answer is one of the correct ones. F1 is that of the words that both have, each as often
as both have it, with the nearest of the correct answers. Where there is no correct answer, only no
answer is right (Rajpurkar et al. 2016, "SQuAD", and 2018, "Know what you don't know").
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import Described
from tasks.problems.class_scores import ratio
from tasks.problems.question_answering.excerpt import excerpt
from tasks.problems.weighted import Floats, Sums, Values

SAMPLED = 5000  # training rows that choose the majority baseline
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """A text without what does not count."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def truths(answers: Iterable[Any]) -> list[str]:
    """The correct answers, as texts or as rows have them; an empty one if there is none."""
    texts = [each["text"] if isinstance(each, Mapping) else str(each) for each in answers]
    return [text for text in texts if normalize(text)] or [""]


def exact_match(true: str, found: str) -> float:
    """Whether two answers are the same."""
    return float(normalize(true) == normalize(found))


def word_f1(true: str, found: str) -> float:
    """The harmonic mean of the shares of words that both answers have; of none, if both have none.

    As in SQuAD, an answer without words is compared as a whole.
    """
    one, other = normalize(true).split(), normalize(found).split()
    if not one or not other:
        return float(one == other)
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared / (len(one) + len(other))


def count(gold: Iterable[Iterable[Any]], predicted: Iterable[str]) -> Floats:
    """F1, exact match and 1 for each row: shape (rows, 3)."""
    found = [
        (
            max(word_f1(true, answer) for true in correct),
            max(exact_match(true, answer) for true in correct),
            1.0,
        )
        for correct, answer in zip(map(truths, gold), predicted, strict=True)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def measure(sums: Floats) -> Values:
    """The means over the rows, from the sums of `count`."""
    rows = sums[..., 2]
    return {"f1": ratio(sums[..., 0], rows), "exact_match": ratio(sums[..., 1], rows)}


def score(gold: Iterable[Iterable[Any]], predicted: Iterable[str], labels: Sequence[str]) -> Sums:
    """F1 and exact match, as functions of the rows' weights."""
    return Sums(count(gold, predicted), measure, deciding=lambda sums: sums[:, :1])


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """No answer, or as many first words of the text as answers have: what fits training best."""
    known = train.head(SAMPLED)
    lengths = [len(truths(each)[0].split()) for each in known["answer"] if len(each)]
    words = int(np.median(lengths)) if lengths else 0
    as_first = count(known["answer"], first_words(known["text"], words))[:, 0].sum()
    as_none = count(known["answer"], [""] * len(known))[:, 0].sum()
    return first_words(test["text"], words if as_first > as_none else 0)


def first_words(texts: Iterable[str], words: int) -> list[str]:
    """The first words of each text."""
    return [" ".join(text.split()[:words]) for text in texts]


def constant(majority: Sequence[str]) -> str:
    """Which of both it is."""
    return "the first words of the text" if any(majority) else "nothing"


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """What F1 lacks."""
    return 1 - count(answers["gold"], answers["predicted"])[:, 0]


def describe(answer: Any) -> Described:
    """Both answers, and the question with the text around the correct one."""
    correct, found = truths(answer["gold"]), str(answer["predicted"])
    [[f1, exact, _]] = count([answer["gold"]], [found])
    text = str(answer["text"])
    shown = excerpt(str(answer["question"]), text, max(0, text.find(correct[0])))
    said = " | ".join(dict.fromkeys(correct))
    return Described(shown, said or "none", found or "none", bool(exact), f"F1 {f1:.2f}")
