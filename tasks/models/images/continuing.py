"""Pre-training on pictures that continues from a given model: its configuration and weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.contract import Monitor
from tasks.data.notices import Notices
from tasks.families import images as families
from tasks.models.bodies import read_configuration
from tasks.models.images.building import load_body, load_head
from tasks.models.images.normalization import convert_pixels, reading_usual


def given_configuration(folder: Path, dropout: float) -> Any:
    """The configuration of the model in a folder, with another dropout.

    Args:
        folder: as stage `start` writes it.
        dropout: probability in training.

    Raises:
        StageError: the library cannot read it.
    """
    config = read_configuration(folder)
    config.update(families.load(config.model_type).dropout(dropout))
    return config


def begin_with(network: Any, start: Path, monitor: Monitor) -> list[str]:
    """Give a network all weights that a model has, and have it read the same pictures.

    Args:
        network: of an objective.
        start: folder of the model, as stage `start` writes it.
        monitor: receives a notice of the weights that are random at first.

    Returns:
        The names of these.

    Raises:
        StageError: the backbones differ.
    """
    reading_usual(network, start)
    load_body(network, start)
    new = load_head(network, start)
    if not new:
        convert_pixels(network, start)
    notices = Notices()
    for name in new:
        notices.add(
            "weights of the objective's head that the model to start from does not have with this "
            "shape and these labels, so that they are random at first",
            name,
        )
    notices.report(monitor)
    return new
