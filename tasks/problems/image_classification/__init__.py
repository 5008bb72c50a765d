"""Image classification: one label for each picture."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "image", "label"
ROWS = "pictures"
METRICS = {
    "accuracy": Metric("accuracy"),
    "macro_f1": Metric("macro-F1"),
    "mcc": Metric("Matthews correlation (MCC)", "number"),
    "top5_accuracy": Metric("accuracy of the five most likely labels"),
    "calibration_error": Metric("expected calibration error", better="lower", centred=True),
}
HEADLINE = "accuracy"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForImageClassification", "single_label_classification")
LIBRARIES = ("scipy",)
