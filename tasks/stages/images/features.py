"""Stage `features` of pictures: what a frozen model gives for each of them, computed once.

As on text. A method that reads features reads pictures as they are, without augmentation.
"""

from __future__ import annotations

from pathlib import Path

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.experiment.images.problem import ImageTuning
from tasks.models.answering import read_labels
from tasks.models.images.building import load_body, new_classifier
from tasks.problems import load
from tasks.tuning import begin
from tasks.tuning._features import Features
from tasks.tuning._stored_features import write_features


def compute_features_of_pictures(
    problem: str,
    training: ImageTuning,
    chosen_by: int,
    *,
    data: Path,
    body: Path,
    architecture: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Compute the features of the pictures to train on, and of the validation pictures.

    Args:
        problem: that is solved with them.
        training: how pictures are chosen and read; of its other fields nothing counts.
        chosen_by: seed of the training, which chooses `train_examples` pictures; 0 for all.
        data: folder of stage `pixels` with the training and validation pictures.
        body: the pre-trained model.
        architecture: folder with the configuration of the model.
        out: empty folder for the files of `tasks/tuning/_stored_features.py`; it has none if the
            head reads more of the model, or they take too much memory, which is said.
        monitor: receives the progress.

    Returns:
        examples, and megabytes stored.
    """
    kind, labels = load(problem), read_labels(data)
    model = new_classifier(kind, architecture, labels, training.dropout, 0)
    load_body(model, body)
    begin(model, training, 0)
    examples = [
        example
        for split, most in (("train", training.train_examples), ("validation", 0))
        for example in kind.encode(
            kind.complete(
                choose_rows(data / f"{split}.parquet", kind.texts, most, chosen_by), data, split
            ),
            None,
            labels,
        )
    ]
    features, stored = Features(model, kind, training.precision), 0.0
    if features.read(examples, monitor):
        stored = write_features(kind, features.kept, features.known(), out)
    return {"examples": float(len(examples)), "megabytes": stored / 1e6}
