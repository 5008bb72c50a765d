"""Stage `start`: a given model, fitted to the pictures that it is to read.

Pre-training and fine-tuning begin with what it writes, as with a model that was pre-trained here.
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from tasks.contract import Monitor, StageError
from tasks.data.notices import Notices
from tasks.data.tables import write_json
from tasks.experiment.images.pictures import Pixels
from tasks.families import images as families
from tasks.models.files import CONFIGURATION, WEIGHTS, configuration_of, read_weights
from tasks.models.images.building import is_of_head, read_body
from tasks.models.images.reader_file import Normalization, write_reader

METADATA = {"format": "pt"}  # without it, transformers does not read a file of weights


def fit_start(
    pixels: Pixels, *, family: str, start: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Write a model for pictures of another size, with all of its weights, to `out/model`.

    Args:
        pixels: how the pictures are stored.
        family: of the model.
        start: folder of the given model, with its preprocessor_config.json.
        out: empty folder.
        monitor: receives what was changed.

    Returns:
        `parameters` of the backbone.

    Raises:
        StageError: the weights are not those of the configuration, or the library cannot build it.
    """
    folder, notices = out / "model", Notices()
    folder.mkdir()
    given = configuration_of(start, start.name)
    weights = read_weights(start)
    for what in families.load(family).fit(given, weights, pixels.size):
        notices.add(what)
    write_json(folder / CONFIGURATION, given)
    kept = {name: tensor.contiguous() for name, tensor in weights.items()}
    save_file(kept, folder / f"model{WEIGHTS}", METADATA)
    write_reader(pixels, folder, Normalization.of(start))
    body, lacking = read_body(folder)
    if wrong := sorted(name for name in lacking if not is_of_head(name)):
        raise StageError(
            f"{start.name}/ has no weights for {len(wrong)} parts of a model of the family {family}"
            f" ({wrong[0]}, …); accepted: a folder with all weights of the model"
        )
    notices.report(monitor)
    return {"parameters": float(body.num_parameters())}
