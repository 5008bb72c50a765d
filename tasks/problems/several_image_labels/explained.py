"""Why a picture has a label, or lacks it: the log-odds of one label, as of several of a text."""

from tasks.problems.several_labels.explained import answer, direction, scores, words

__all__ = ["answer", "direction", "scores", "words"]

PARTS = "tasks.models.explaining.regions"
SCORE = "log-odds of the label"
PROBABLE = True
