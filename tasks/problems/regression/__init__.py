"""Regression: one number for each text or pair of texts, such as a score."""

from tasks.problems import Head, Metric

INPUT, TRUTH = "text", "number"
ROWS = "texts"
METRICS = {
    "spearman": Metric("rank correlation (Spearman)", "number"),
    "pearson": Metric("correlation (Pearson)", "number"),
    "rmse": Metric("root mean square error", "number", better="lower"),
}
HEADLINE = "spearman"
PARTS = None
HEAD = Head("ForSequenceClassification", "regression")
LIBRARIES: tuple[str, ...] = ()
