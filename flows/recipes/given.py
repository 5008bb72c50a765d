"""The model that an experiment starts from, or a part is given: what recipes need to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.recipes import stages
from tasks import families
from tasks.contract import StageError
from tasks.data.text.tokenizer_files import TOKENIZER_FILES
from tasks.experiment import choices
from tasks.experiment.consistency import decoder_mistake, head_mistakes
from tasks.experiment.experiment import Experiment
from tasks.experiment.problem import Downstream
from tasks.experiment.training import Layers, layer_mistakes, recomputing_mistakes
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.models.files import require_room
from tasks.sources.published_tokenizers import PublishedTokenizer

if TYPE_CHECKING:  # it imports MLflow's client, which most plans do without
    from tasks.references.given_model import Given

COUNTS = ("num_hidden_layers", "n_layers", "n_layer")
WIDTHS = ("hidden_size", "dim", "n_embd")
BIASES = ("attention_bias", "mlp_bias", "norm_bias")


def find_start(experiment: Experiment) -> Given | None:
    """The model that an experiment starts from; None if from random weights.

    Raises:
        StageError: there is no such model, it cannot be read here, or it is not one that the
            experiment can train.
    """
    if not experiment.start:
        return None
    found = found_model(experiment.start, experiment.name)
    _require_fitting(experiment, found)
    return found


def found_model(reference: str, experiment: str) -> Given:
    """The model in the field `start`.

    Args:
        reference: as written.
        experiment: the name of the experiment.

    Raises:
        StageError: there is no such model, or it cannot be read here.
    """
    from tasks.machinery.execution.display import current_display
    from tasks.machinery.naming.secrets import redacting
    from tasks.references.given_model import find_model

    with redacting():
        return find_model(reference, "start", experiment, current_display().say)


def _require_fitting(experiment: Experiment, start: Given) -> None:
    """Check that a model can be pre-trained and fine-tuned as the experiment says."""
    require_room(experiment.downstream, start.configuration, start.name)
    require_decoder(experiment.downstream, start)
    require_layers(experiment.downstream, start)
    if not experiment.pretraining.steps:
        return
    family = family_of(start)
    layers = layers_of(start.configuration, start.name)
    for path, problem in [
        *head_mistakes(family, experiment.pretraining.objective),
        *recomputing_mistakes(
            "pretraining", layers, asked=experiment.pretraining.gradient_checkpointing
        ),
    ]:
        raise StageError(f"{path}: {problem}")
    longest = families.load(family).longest_input(start.configuration)
    length = experiment.pretraining.sequence_length
    if longest is not None and length > longest:
        raise StageError(
            f"pretraining.sequence_length: {length} is more than the {longest} tokens that "
            f"{start.name} reads at once; accepted: at most that"
        )


def require_decoder(problems: Sequence[Downstream], given: Given) -> None:
    """Check that a given model can write, if a problem asks for it.

    Raises:
        StageError: it reads only.
    """
    written = choices.those_with("problems", "ROLES", "target")
    for problem in problems:
        if problem.problem in written and (lacking := decoder_mistake(family_of(given))):
            raise StageError(
                f"downstream.{problem.name}.problem: found {problem.problem}, but the family of "
                f"{given.name} {lacking}"
            )


def require_layers(problems: Sequence[Downstream], given: Given) -> None:
    """Check that the layers of a given model have what methods of tuning need.

    Raises:
        StageError: they do not; of several problems, the first.
    """
    for path, problem in layer_mistakes(problems, layers_of(given.configuration, given.name)):
        raise StageError(f"{path}: {problem}")


def layers_of(configuration: Mapping[str, Any], name: str) -> Layers:
    """What a configuration says of the layers of its model, in the words of any family."""
    words = choices.words_of("families", configuration["model_type"], "_LAYERS")
    if any(configuration.get(field) for field in BIASES):
        words = tuple(word for word in words if word != "no biases")
    count, width = (
        next((configuration[field] for field in fields if configuration.get(field)), 0)
        for fields in (COUNTS, WIDTHS)
    )
    return Layers(name, words, 1 if "shared" in words else count, width)


def family_of(given: Given) -> str:
    """The family of a given model."""
    return str(given.configuration["model_type"])


def tokenizer_of(start: Given) -> PublishedTokenizer:
    """The tokenizer beside a given model."""
    files = start.model.files
    identity = {name: files[name] for name in TOKENIZER_FILES if name in files}
    return PublishedTokenizer(location=str(start.model.path), kind="folder", identity=identity)


def about(
    given: Given,
    origin: str,
    problems: Sequence[str],
    labelled: Sequence[Artifact],
    run: StageCaller,
) -> dict[str, Any]:
    """What a report says of a given model: its origin, and whether it was trained on test rows.

    Args:
        given: the model.
        origin: what it is, in words.
        problems: their names.
        labelled: their data, in the same order.
        run: calls a stage.
    """
    leakages = [
        run(
            stages.LEAKAGE,
            problem,
            corpora=given.lineage.corpora,
            rows=given.lineage.rows,
            held_out=data / "held_out.parquet",
        )
        for problem, data in zip(problems, labelled, strict=True)
        if given.lineage.trainings
    ]
    return {"origin": origin, "leakages": [found.whole for found in leakages]}
