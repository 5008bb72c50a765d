"""Why a picture has its label: the log-odds of the label that is answered."""

from tasks.problems.text_classification.explained import answer, direction, scores, words

__all__ = ["answer", "direction", "scores", "words"]

PARTS = "tasks.models.explaining.regions"
SCORE = "log-odds of the label"
PROBABLE = True
