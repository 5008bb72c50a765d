"""The model that an experiment on images starts from: what its recipe needs to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.recipes import image_stages as stages
from flows.recipes.given import found_model
from tasks.contract import StageError
from tasks.experiment import choices
from tasks.experiment.images.consistency import model_mistakes
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.own_head import own_head_mistakes
from tasks.experiment.training import Layers
from tasks.families import images as families
from tasks.families import published
from tasks.families.images._sides import side_of
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.models.images.reader_file import Normalization

if TYPE_CHECKING:  # it imports MLflow's client, which most plans do without
    from tasks.references.given_model import Given

CHANNELS = 3  # of the pictures that models read; grey ones have three equal channels


def find_image_start(experiment: ImageExperiment) -> Given | None:
    """The model that an experiment on images starts from; None if from random weights.

    Raises:
        StageError: there is no such model, it cannot be read here, or it is not one that the
            experiment can train.
    """
    if not experiment.start:
        return None
    found = found_model(experiment.start, experiment.name)
    require_family(found, "start")
    _require_size(found, experiment.pixels.size)
    family, layers = family_of(found), layers_of(found.configuration, found.name)
    mistakes = own_head_mistakes if published.problem_of(family) else model_mistakes
    for path, problem in mistakes(experiment, family, layers):
        raise StageError(f"{path}: {problem}")
    return found


def require_family(given: Given, field: str) -> None:
    """Check that a given model reads pictures as the models here do.

    Args:
        given: the model.
        field: where it is named, for messages.

    Raises:
        StageError: it is of an unknown family, reads other channels, or has no image processor.
    """
    kind, name = given.configuration["model_type"], given.name
    if not family_of(given):
        accepted = ", ".join((*families.names(), *published.names()))
        raise StageError(f"{field}: {name} is of the family {kind}; accepted: {accepted}")
    channels = given.configuration.get("num_channels", CHANNELS)
    if channels != CHANNELS:
        raise StageError(
            f"{field}: {name} reads pictures of {channels} channels; accepted: models of "
            f"{CHANNELS}, which read grey pictures as three equal ones"
        )
    # A model with a head of its own is told the size of each picture that it reads.
    for size in () if published.of_type(kind) else ("image_size", "patch_size"):
        side = given.configuration.get(size)
        if isinstance(side, list) and len({*side}) > 1:
            raise StageError(f"{field}: {name}: {size}: found {side}; accepted: squares")
    Normalization.of(given.model.path, f"{field}: {name}")


def _require_size(given: Given, size: int) -> None:
    """Check that a given model can read pictures of a size."""
    multiple, least = published.load(family_of(given)).sides(given.configuration)
    if size % multiple == 0 and size >= least:
        return
    below = max(least, size - size % multiple)
    near = [str(each) for each in dict.fromkeys((below, below + multiple))]
    usual = given.configuration.get("image_size")
    trained = f" (it was trained with {side_of(usual)})" if isinstance(usual, int) else ""
    accepted = f"multiples of {multiple} from {least} on" if multiple > 1 else f"at least {least}"
    such = f", such as {' or '.join(near)}" if multiple > 1 else ""
    raise StageError(
        f"pixels.size: found {size}; accepted with {given.name}: {accepted}{such}{trained}"
    )


def layers_of(configuration: dict[str, Any], name: str) -> Layers:
    """What a configuration says of the layers of its model, in the words of any family."""
    family = families.of_type(configuration["model_type"])
    if not family:
        own = published.of_type(configuration["model_type"])
        return Layers(name, choices.words_of("families/published", own, "_LAYERS"))
    words = choices.words_of("families/images", family, "_LAYERS")
    stages = configuration.get("depths") or []
    count = len(stages) or int(configuration.get("num_hidden_layers") or 0)
    widths = [*(configuration.get("hidden_sizes") or [configuration.get("hidden_size") or 0])]
    widths.append(int(configuration.get("embed_dim") or 0) * 2 ** max(0, len(stages) - 1))
    return Layers(name, words, count, max(widths))


def family_of(given: Given) -> str:
    """The family of a given model; "" for none that is known."""
    kind = given.configuration["model_type"]
    return families.of_type(kind) or published.of_type(kind)


def about_given(
    given: Given, problems: Sequence[str], labelled: Sequence[Artifact], run: StageCaller
) -> dict[str, Any]:
    """What a report says of a given model: its origin, and whether it was trained on test pictures.

    Args:
        given: the model.
        problems: their names.
        labelled: their pictures, of stage `images`, in the same order.
        run: calls a stage.
    """
    trained = [*given.lineage.corpora, *given.lineage.rows]
    found = [
        run(stages.LEAKAGE, problem, trained=trained, held_out=images / "held_out.parquet")
        for problem, images in zip(problems, labelled, strict=True)
        if trained
    ]
    return {"origin": given.origin_as_body, "leakages": [each.whole for each in found]}
