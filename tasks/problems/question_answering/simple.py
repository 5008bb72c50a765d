"""The field's simple model of question answering: the words beside those of the question.

It is near the sliding window that SQuAD was first compared with (Richardson et al. 2013, "MCTest").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from tasks.data.text.sentences import split_sentences
from tasks.problems.question_answering.scores import count, normalize, truths

WORDS = "the sentence most like the question by TF-IDF, in it the longest run of other words"
LENGTHS = (0.5, 0.75, 0.9, 1.0)  # quantiles of the words of an answer; the best on validation
BOUNDS = tuple(np.linspace(0, 0.9, 10))  # quantiles of the likeness below which there is no answer

Guess = tuple[float, list[str]]  # how like the question the sentence is, and the run of words


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[str]:
    """The answer to each test question, by the words of the training texts alone.

    The validation questions choose how many words an answer has at most, and, if some questions of
    the training have no answer, how like the question its sentence must be. The lower number wins
    a draw.
    """
    counts = TfidfVectorizer(token_pattern=r"(?u)\w+|[^\w\s]+", sublinear_tf=True)
    counts.fit([*dict.fromkeys(train["text"]), *train["question"]])
    answered = [len(truths(each)[0].split()) for each in train["answer"] if len(each)]
    lengths = sorted({int(np.quantile(answered, share)) for share in LENGTHS}) if answered else [0]
    held_out = guess(counts, validation)
    bounds = [0.0]
    if len(answered) < len(train):
        bounds = sorted({float(np.quantile([g[0] for g in held_out], share)) for share in BOUNDS})
    settings = [(most, bound) for bound in bounds for most in lengths]
    f1 = [count(validation["answer"], told(held_out, *each))[:, 0].sum() for each in settings]
    return told(guess(counts, test), *settings[int(np.argmax(f1))])


def guess(counts: TfidfVectorizer, rows: pd.DataFrame) -> list[Guess]:
    """The sentence of each text that is most like its question, and a run of words in it."""
    sentences = [split_sentences(text) or [text] for text in rows["text"]]
    row_of = np.repeat(np.arange(len(sentences)), [len(each) for each in sentences])
    asked = counts.transform(rows["question"])[row_of]
    said = counts.transform([sentence for each in sentences for sentence in each])
    likeness = np.asarray(asked.multiply(said).sum(axis=1)).ravel()
    starts = np.searchsorted(row_of, np.arange(len(sentences)))
    found = []
    for row, (start, own) in enumerate(zip(starts, sentences, strict=True)):
        alike = likeness[start : start + len(own)]
        best = int(alike.argmax())
        found.append((float(alike[best]), longest_run(rows["question"].iloc[row], own[best])))
    return found


def longest_run(question: str, sentence: str) -> list[str]:
    """The longest run of words that are not in the question; of equal ones, the first."""
    known = {*normalize(question).split()}
    best: list[str] = []
    run: list[str] = []
    for word in [*sentence.split(), ""]:
        if word and normalize(word) not in known:
            run.append(word)
            continue
        best, run = max(best, run, key=len), []
    return best


def told(guesses: Sequence[Guess], most: int, bound: float) -> list[str]:
    """The answers of at most `most` words; empty where the likeness is below `bound`."""
    return [" ".join(run[:most]) if alike >= bound else "" for alike, run in guesses]
