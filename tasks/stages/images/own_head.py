"""Stage `start` of a published model with a head of its own: fitted to the pictures it is to read.

Fine-tuning begins with what it writes.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.contract import Monitor
from tasks.data.notices import Notices
from tasks.data.tables import write_json
from tasks.experiment.images.pictures import Pixels
from tasks.families import published as families
from tasks.models.files import CONFIGURATION, configuration_of, weights_of
from tasks.models.images.published import read_whole
from tasks.models.images.reader_file import Normalization, write_reader
from tasks.problems import load


def fit_own_head(
    pixels: Pixels, *, family: str, start: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Write a model for pictures of another size, with all of its weights, to `out/model`.

    Args:
        pixels: how the pictures are stored.
        family: of the model.
        start: folder of the given model, with its preprocessor_config.json.
        out: empty folder.
        monitor: receives what is not used.

    Returns:
        `parameters` of the model.

    Raises:
        StageError: the weights are not those of the configuration, or the library cannot build it.
    """
    given = configuration_of(start, start.name)
    families.load(family).fit(given, pixels.size)
    with TemporaryDirectory(dir=out) as name:
        fitted = Path(name)
        write_json(fitted / CONFIGURATION, given)
        for file in weights_of(each.name for each in start.iterdir()):
            (fitted / file).symlink_to((start / file).absolute())
        auto_model = load(families.problem_of(family)).AUTO_MODEL
        model, further = read_whole(auto_model, fitted)
    notices = Notices()
    for weight in further:
        notices.add("weights beside the model that are not of its class, not used", weight)
    notices.report(monitor)
    model.save_pretrained(out / "model")
    write_reader(pixels, out / "model", Normalization.of(start))
    return {"parameters": float(model.num_parameters())}
