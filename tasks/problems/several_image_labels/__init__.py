"""Several image labels: any number of labels for each picture, such as what is on it.

An experiment writes it as `problem: image-classification` with `several_labels: true`. It is made
of the parts of image classification, which read pictures, and of those of several labels of texts.
"""

from tasks.problems import Head, Metric, Parts
from tasks.problems.several_labels import BETWEEN, HEADLINE, METRICS

__all__ = ["BETWEEN", "HEADLINE", "METRICS"]

INPUT, TRUTH = "image", "label"
ROWS = "pictures"
PARTS = Parts("class", Metric("F1"))
HEAD = Head("ForImageClassification", "multi_label_classification")
LIBRARIES = ("scipy",)
