"""Losses of smoothed labels and balanced classes, against their definitions, torch and sklearn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from tasks import problems
from tasks.contract import StageError
from tasks.data.text.length_buckets import Example
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.problem import FineTuning
from tasks.models.class_loss import NO_LABEL, SEVERAL, ClassLoss, balanced_weights
from tasks.models.images.losses import PictureLoss, picture_loss_of
from tasks.models.learning import tuning
from tasks.models.learning.tuning import labels_in
from tasks.problems import Head, defaults
from tasks.training.microbatches import split_rows, weighed
from tests.support.shapes import case

ONE = "single_label_classification"
SHARE = 0.2
HEAD = Head("ForSequenceClassification", ONE)


def model_of(logits: torch.Tensor):
    """A model that gives these logits, those of the rows that it is asked for."""
    return lambda rows: SimpleNamespace(logits=logits[rows])


def drawn(*shape: int, labels: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(*shape, labels, generator=generator)
    return scores, torch.randint(labels, shape, generator=generator)


def loss_of(loss: ClassLoss, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(len(scores))
    return loss(model_of(scores), {"rows": rows, "labels": labels})


@pytest.mark.parametrize(
    "kind",
    ["bert text-classification", "bert token-classification", "roberta token-classification"],
)
def test_without_smoothing_and_weights_it_is_the_models_own_loss(kind: str) -> None:
    given = case(kind)
    found = ClassLoss(given.model.config.problem_type)(given.model, given.batch)
    assert float(found) == pytest.approx(float(defaults.loss(given.model, given.batch)), rel=1e-6)


def test_the_truth_is_shared_as_in_the_paper() -> None:
    scores, labels = drawn(6)
    found = loss_of(ClassLoss(ONE, SHARE), scores, labels)
    truth = (1 - SHARE) * functional.one_hot(labels, 4) + SHARE / 4
    expected = -(truth * scores.log_softmax(-1)).sum(-1).mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_words_without_a_label_do_not_count() -> None:
    scores, labels = drawn(3, 5)
    labels[:, 3:] = NO_LABEL
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = loss_of(ClassLoss(ONE, SHARE, weights), scores, labels)
    alone = loss_of(ClassLoss(ONE, SHARE, weights), scores[:, :3], labels[:, :3])
    assert float(found) == pytest.approx(float(alone), rel=1e-6)


def test_several_labels_are_a_yes_or_no_each() -> None:
    scores, labels = drawn(6)[0], (drawn(6)[0] > 0).float()
    plain = functional.binary_cross_entropy_with_logits(scores, labels)
    assert float(loss_of(ClassLoss(SEVERAL), scores, labels)) == pytest.approx(float(plain))
    smooth = labels * (1 - SHARE) + SHARE / 2
    expected = functional.binary_cross_entropy_with_logits(scores, smooth)
    found = loss_of(ClassLoss(SEVERAL, SHARE), scores, labels)
    assert float(found) == pytest.approx(float(expected))


@pytest.mark.parametrize("chosen", [{"label_smoothing": 0.1}, {"class_weights": "balanced"}])
def test_a_loss_of_the_problem_is_not_replaced(chosen: dict[str, Any]) -> None:
    training = FineTuning(**chosen)
    own = SimpleNamespace(HEAD=HEAD, loss=lambda *_: 0.0, SMOOTHS=False)
    with pytest.raises(StageError, match="and the problem has a loss of its own"):
        tuning.loss_of(own, training, [Example([1], [0])], 2)
    usual = SimpleNamespace(HEAD=HEAD, loss=defaults.loss, SMOOTHS=False)
    assert isinstance(tuning.loss_of(usual, training, [Example([1], [0])], 2), ClassLoss)


@pytest.mark.parametrize("chosen", [{"label_smoothing": 0.1}, {"class_weights": "balanced"}])
def test_a_loss_of_a_problem_of_pictures_is_not_replaced(chosen: dict[str, Any]) -> None:
    training, counts = ImageTuning(**chosen), np.array([3, 1])
    with pytest.raises(StageError, match="and the problem has a loss of its own"):
        picture_loss_of(problems.load("object-detection"), training, counts, 4, mixed=False)
    segments = problems.load("semantic-segmentation")
    usual = picture_loss_of(segments, training, counts, 4, mixed=False)
    assert isinstance(usual, PictureLoss)


def test_balanced_weights_are_sklearns_and_1_on_average() -> None:
    labels = [0] * 6 + [1] * 3 + [3]
    weights = balanced_weights([Example([1], [label]) for label in labels], ONE, 4).numpy()
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert weights == pytest.approx([expected[0], expected[1], 0, expected[2]])
    assert weights[labels].mean() == pytest.approx(1)
    totals = [weights[label] * labels.count(label) for label in (0, 1, 3)]
    assert totals == pytest.approx([10 / 3] * 3), "all classes weigh the same together"


def test_balanced_tags_leave_out_what_has_no_label() -> None:
    sentences = [Example([1] * 3, [0, NO_LABEL, 1]), Example([1] * 2, [0, 0])]
    weights = balanced_weights(sentences, "single_label_classification", 2)
    assert weights.tolist() == pytest.approx([4 / 6, 2.0])


def test_balanced_questions_weigh_yes_and_no_the_same() -> None:
    rows = [Example([1], each) for each in ([1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0])]
    weights = balanced_weights(rows, SEVERAL, 2)
    assert weights.tolist() == [[1.0, 1.0], [1.0, 0.0]]
    scores, labels = torch.zeros(4, 2), torch.tensor([each.labels for each in rows])
    found = loss_of(ClassLoss(SEVERAL, weights=weights), scores, labels)
    assert float(found) == pytest.approx(np.log(2))


@pytest.mark.parametrize("problem_type", [ONE, SEVERAL])
def test_the_parts_of_a_batch_add_up_to_its_loss(problem_type: str) -> None:
    scores, labels = drawn(9)
    shape = (4, 2) if problem_type == SEVERAL else (4,)
    if problem_type == SEVERAL:
        labels = functional.one_hot(labels, 4).float()
    loss = ClassLoss(problem_type, SHARE, torch.rand(shape, generator=torch.Generator()))
    batch = {"rows": torch.arange(9), "labels": labels}
    whole, total = labels_in(batch)["loss"], torch.zeros(())
    for part in split_rows(batch, 4):
        share = labels_in(part)["loss"] / whole
        total += weighed({"loss": loss(model_of(scores), part)}, {"loss": share})["loss"]
    assert float(total) == pytest.approx(float(loss(model_of(scores), batch)), rel=1e-6)
