"""Text classification: one label for each text, or for each pair of texts."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "text", "label"
ROWS = "texts"
METRICS = {"accuracy": Metric("accuracy"), "macro_f1": Metric("macro-F1")}
HEADLINE = "accuracy"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForSequenceClassification", "single_label_classification")
LIBRARIES = ("scipy",)
