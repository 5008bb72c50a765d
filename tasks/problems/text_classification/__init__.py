"""Text classification: one label for each text, or for each pair of texts."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "text", "label"
ROWS = "texts"
METRICS = {
    "accuracy": Metric("accuracy"),
    "macro_f1": Metric("macro-F1"),
    "mcc": Metric("Matthews correlation (MCC)", "number"),
    "roc_auc": Metric("ROC-AUC", "number"),
    "calibration_error": Metric("expected calibration error", better="lower", centred=True),
}
HEADLINE = "accuracy"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForSequenceClassification", "single_label_classification")
LIBRARIES = ("scipy",)
