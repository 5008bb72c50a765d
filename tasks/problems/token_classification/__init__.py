"""Token classification: a BIO tag for each word (named entities)."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "tokens", "tags"
ROWS = "sentences"
METRICS = {
    "f1": Metric("entity F1"),
    "precision": Metric("entity precision"),
    "recall": Metric("entity recall"),
}
HEADLINE = "f1"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForTokenClassification", "single_label_classification")
LIBRARIES = ("scipy", "scikit-learn", "seqeval")
