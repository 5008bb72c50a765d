"""Rating: a number for each text. Tests add it: it has no labels, and metrics that are no sums."""

from tasks.problems import Head, Metric

INPUT, TRUTH = "text", "label"
ROWS = "texts"
METRICS = {
    "spearman": Metric("rank correlation", "number"),
    "pearson": Metric("correlation", "number"),
    "rmse": Metric("root mean square error", "number", better="lower"),
}
HEADLINE = "spearman"
PARTS = None
HEAD = Head("ForSequenceClassification", "regression")
LIBRARIES: tuple[str, ...] = ()
