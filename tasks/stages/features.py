"""Stage `features`: what a frozen encoder gives for each labelled row, computed once.

Ten fine-tunings that train the head alone (`tuning.method: probe`) read one pass over the encoder,
also with other rates, epochs, or shares of the labels. All validation rows are among them, since a
training chooses some by its seed.
"""

from __future__ import annotations

from pathlib import Path

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.experiment.problem import FineTuning
from tasks.models.answering import read_labels
from tasks.models.learning.text_model import text_model
from tasks.problems import load
from tasks.tuning import begin
from tasks.tuning._features import Features
from tasks.tuning._stored_features import write_features


def compute_features(
    problem: str,
    training: FineTuning,
    chosen_by: int,
    *,
    data: Path,
    body: Path,
    architecture: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Compute the features of the rows to train on, and of the validation rows.

    Args:
        problem: that is solved with them.
        training: how rows are chosen and read; of its other fields nothing counts.
        chosen_by: seed of the training, which chooses `train_examples` rows; 0 for all.
        data: folder with train.parquet, validation.parquet and labels.json.
        body: the encoder.
        architecture: folder with the configuration and the tokenizer of the model.
        out: empty folder for the files of `tasks/tuning/_stored_features.py`; it has none if the
            head reads more of the encoder, or they take too much memory, which is said.
        monitor: receives the progress.

    Returns:
        examples, and megabytes stored.
    """
    kind, train = load(problem), data / "train.parquet"
    rows = choose_rows(train, kind.texts, training.train_examples, chosen_by)
    validation = choose_rows(data / "validation.parquet", kind.texts, 0, 0)
    labels = read_labels(data)
    model, tokenizer = text_model(
        kind, labels, training, 0, train=train, body=body, architecture=architecture
    )
    begin(model, training, 0)
    examples = [
        example
        for table in (rows, validation)
        for example in kind.encode(kind.learnt(table, rows, model), tokenizer, labels)
    ]
    features, stored = Features(model, kind, training.precision), 0.0
    if features.read(examples, monitor):
        stored = write_features(kind, features.kept, features.known(), out)
    return {"examples": float(len(examples)), "megabytes": stored / 1e6}
