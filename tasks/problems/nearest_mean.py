"""The nearest mean, a classifier of sparse features whose memory does not grow with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.preprocessing import normalize

from tasks.problems.weighted import Floats

SHARPNESS = (5.0, 10.0, 20.0, 40.0)  # of the probabilities; the likeliest on validation counts
AT_ONCE = 1_000  # rows whose likeness to all means is in memory


class NearestMean:
    """Answers with the label whose mean is the most alike, by the cosine.

    Rocchio's classifier (Manning, Raghavan and Schütze 2008, "Introduction to information
    retrieval", section 14.2). A mean has the features of its rows alone, so that all means together
    have at most as many numbers as the rows. The probabilities are a softmax of the cosines.

    Attributes:
        classes_: the labels, in alphabetical order.
    """

    def __init__(self) -> None:
        self.classes_: NDArray[Any] = np.array([])
        self.means: Any = None
        self.sharpness = SHARPNESS[0]

    def fit(
        self,
        features: csr_matrix,
        labels: Sequence[str],
        held_out: csr_matrix,
        answers: Sequence[str],
    ) -> Self:
        """Compute the means of rows, and choose the sharpness by other rows.

        Args:
            features: of shape (rows, features).
            labels: of these rows.
            held_out: of shape (other rows, features).
            answers: the labels of these; those that no row has are passed over.
        """
        self.classes_, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
        ones = np.ones(len(numbers))
        membership = csr_matrix((ones, (numbers, np.arange(len(numbers)))))
        self.means = normalize(membership @ features).T.tocsr()
        place = {label: number for number, label in enumerate(self.classes_)}
        known = [row for row, answer in enumerate(answers) if answer in place][:AT_ONCE]
        if known:
            cosines = self._cosines(held_out[known])
            true = [place[list(answers)[row]] for row in known]
            found = {each: softmax(each * cosines, axis=1) for each in SHARPNESS}
            each = np.arange(len(known))
            self.sharpness = max(found, key=lambda how: float(np.log(found[how][each, true]).sum()))
        return self

    def _cosines(self, features: csr_matrix) -> Floats:
        found: Floats = (normalize(features) @ self.means).toarray()
        return found

    def predict_proba(self, features: csr_matrix) -> Floats:
        """The probabilities of the labels: of shape (rows, labels)."""
        parts = [
            softmax(self.sharpness * self._cosines(features[begin : begin + AT_ONCE]), axis=1)
            for begin in range(0, features.shape[0], AT_ONCE)
        ]
        return np.concatenate(parts)

    def predict(self, features: csr_matrix) -> NDArray[Any]:
        """The likeliest label of each row."""
        parts = [
            self._cosines(features[begin : begin + AT_ONCE]).argmax(axis=1)
            for begin in range(0, features.shape[0], AT_ONCE)
        ]
        return self.classes_[np.concatenate(parts)]
