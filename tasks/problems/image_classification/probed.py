"""What a linear probe of features answers: logistic regression of the label."""

from tasks.problems.text_classification.probed import answer

__all__ = ["answer"]

BODY = "tasks.models.images.probed_body"
