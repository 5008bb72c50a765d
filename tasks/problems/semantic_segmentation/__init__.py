"""Semantic segmentation: a label for each pixel of a picture."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "image", "label"
ROWS = "pictures"
METRICS = {
    "mean_iou": Metric("mean IoU of the classes"),
    "boundary_f1": Metric("boundary F1 of the classes"),
    "pixel_accuracy": Metric("accuracy of the pixels"),
}
HEADLINE = "mean_iou"
PARTS = Parts("class", Metric("IoU"))
HEAD = Head("Segmentation", "")  # Semantic, of ours or a published one; or Universal
LIBRARIES: tuple[str, ...] = ()
BESIDE = ("-masks.npy",)  # what stage `pixels` stores of each split beside its pixels
