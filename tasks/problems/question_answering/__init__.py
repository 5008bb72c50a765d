"""Question answering: the part of a text that answers a question about it, or none (SQuAD)."""

from tasks.problems import Head, Metric

INPUT, TRUTH = "question", "answer"
INPUTS = ("question", "text")
ROWS = "questions"
METRICS = {"f1": Metric("F1 of words"), "exact_match": Metric("exact match")}
HEADLINE = "f1"
PARTS = None
HEAD = Head("ForQuestionAnswering", "", outputs=2)
LIBRARIES = ("scipy",)
