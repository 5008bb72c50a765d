"""The loss of mixed pictures: that of each truth, by its share."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tasks.experiment.images.problem import ImageTuning
from tasks.models.images.losses import count_labels, picture_loss_of
from tasks.problems import load

LABELS = 3


def model_of(scores: torch.Tensor) -> object:
    return lambda **_: SimpleNamespace(logits=scores)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("name", ["image-classification", "several-image-labels"])
def test_the_loss_of_a_mixture_is_that_of_its_parts(
    name: str, weights: str, smoothing: float
) -> None:
    kind = load(name)
    several = name == "several-image-labels"
    draw = np.random.default_rng(0)
    rows = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]] if several else [[0], [2], [1], [1]]
    examples = [SimpleNamespace(labels=row) for row in rows]
    counts = count_labels(examples, LABELS, kind.HEAD.problem_type)
    training = ImageTuning(label_smoothing=smoothing, class_weights=weights)
    number = len(examples)
    apart, mixed = (
        picture_loss_of(kind, training, counts, number, mixed=each) for each in (False, True)
    )
    scores = torch.from_numpy(draw.normal(size=(number, LABELS))).float()
    model = model_of(scores)
    truth = torch.tensor(rows) if several else torch.tensor(rows)[:, 0]
    shares = truth if several else torch.nn.functional.one_hot(truth, LABELS).float()
    pictures = {"pixel_values": torch.zeros(number, 1)}

    def of_one(labels: torch.Tensor) -> torch.Tensor:
        if smoothing or weights == "balanced":
            return apart(model, pictures | {"labels": labels})
        plain = torch.nn.functional
        name = "binary_cross_entropy_with_logits" if several else "cross_entropy"
        return getattr(plain, name)(scores, labels)

    assert mixed(model, pictures | {"labels": shares}) == pytest.approx(float(of_one(truth)))
    half = 0.3 * shares + 0.7 * shares.roll(1, 0)
    expected = 0.3 * of_one(truth) + 0.7 * of_one(truth.roll(1, 0))
    assert mixed(model, pictures | {"labels": half}).item() == pytest.approx(float(expected))


def test_labels_of_several_are_counted_each() -> None:
    examples = [SimpleNamespace(labels=[1.0, 0.0, 1.0]), SimpleNamespace(labels=[1.0, 0.0, 0.0])]
    assert list(count_labels(examples, 3, "multi_label_classification")) == [2, 0, 1]
