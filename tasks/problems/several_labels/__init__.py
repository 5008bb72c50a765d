"""Several labels: any number of labels for each text or pair of texts, such as its topics.

An experiment writes it as `problem: text-classification` with `several_labels: true`.
"""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "text", "label"
ROWS = "texts"
METRICS = {"micro_f1": Metric("micro-F1"), "macro_f1": Metric("macro-F1")}
HEADLINE = "micro_f1"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForSequenceClassification", "multi_label_classification")
LIBRARIES = ("scipy",)
BETWEEN = "|"  # labels in a cell of a table that is written
