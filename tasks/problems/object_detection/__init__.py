"""Object detection: boxes around the objects of a picture, each with a label."""

from tasks.problems import Head, Metric, Parts

INPUT, TRUTH = "image", "label"
ROWS = "pictures"
METRICS = {  # centred: of pictures that are drawn twice, precision is higher
    "average_precision": Metric("average precision (AP, IoU 0.50 to 0.95)", centred=True),
    "average_precision_50": Metric("average precision at IoU 0.50 (AP50)", centred=True),
}
HEADLINE = "average_precision"
PARTS = Parts("class", Metric("AP"))
HEAD = Head("ForObjectDetection", "")  # the dense one of ours, or a published one
LIBRARIES = ("pycocotools",)
BESIDE: tuple[str, ...] = ()  # boxes move with the pixels, and are kept in the table
