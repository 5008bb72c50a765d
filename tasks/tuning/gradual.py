"""The top layers and the head learn, each layer more slowly than the one above it.

The discriminative fine-tuning of Howard and Ruder 2018, "Universal language model fine-tuning for
text classification", ACL, section 3.2; how few layers suffice: Lee et al. 2019, "What would Elsa
do? Freezing layers during transformer fine-tuning", arXiv:1911.03090.
"""

from __future__ import annotations

from typing import Any

from tasks.contract import StageError
from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate", "layers", "decay")
OPTIMIZERS: tuple[str, ...] = ("adamw", "muon")


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze the embeddings and the lower layers, if not all layers learn."""
    from tasks.models.depths import Depths, keep, layer_rates

    depths, learning = Depths.of(model), training.tuning.layers
    if learning > len(depths.layers):
        raise StageError(
            f"tuning.layers is {learning}, but the model has {len(depths.layers)} layers; "
            f"accepted: 0 (all) to {len(depths.layers)}"
        )
    if learning:
        keep(model, depths.embeddings.union(*depths.layers[: len(depths.layers) - learning]))
    return Tuned(model, layer_rates(model, training.tuning.decay))
