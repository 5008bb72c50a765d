"""Mistakes that involve several fields, found before anything is computed. Imports are light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from tasks.experiment import choices, variants
from tasks.experiment.experiment import BEFORE, Evaluation, Experiment
from tasks.experiment.problem import Downstream
from tasks.experiment.training import (
    Layers,
    layer_mistakes,
    optimizer_mistakes,
    recomputing_mistakes,
)

Mistake = tuple[str, str]


class Explained(Protocol):
    """The fields of an evaluation that say what is explained."""

    explain: list[str]
    explained_rows: int
    explained_mistakes: int
    probe_layers: bool


class Solved(Protocol):
    """A problem, by what is solved."""

    @property
    def kind(self) -> str:
        """A folder of `tasks/problems`."""


class _Steps(Protocol):
    """How long a pre-training is."""

    @property
    def steps(self) -> int:
        """Optimizer steps."""


class _Baseline(Protocol):
    """What the model is compared with."""

    @property
    def baseline(self) -> str:
        """The name of the further model, or none."""


class Begun(Protocol):
    """An experiment, by what it begins with."""

    @property
    def start(self) -> str:
        """A reference to a model, or empty."""

    @property
    def pretraining(self) -> _Steps:
        """Its pre-training."""

    @property
    def downstream(self) -> Sequence[Solved]:
        """Its problems."""

    @property
    def evaluation(self) -> _Baseline:
        """Its evaluation."""


def mistakes(experiment: Experiment) -> list[Mistake]:
    """All inconsistencies, as the path of a field and a message."""
    return [
        *variants.mistakes(experiment),
        *start_mistakes(experiment),
        *_forgetting(experiment),
        *([] if experiment.start else _new_encoder(experiment)),
        *_names(experiment),
        *_missing(experiment),
        *_pairs(experiment),
        *window_mistakes(experiment.downstream),
        *optimizer_mistakes(experiment.downstream),
        *_decoders(experiment),
        *explanation_mistakes(experiment.evaluation, experiment.downstream, attends=True),
    ]


def explanation_mistakes(
    given: Explained, downstream: Sequence[Solved], *, attends: bool
) -> list[Mistake]:
    """Explanations that no problem or no model could have, and numbers that count with some alone.

    Args:
        given: the fields of the evaluation.
        downstream: the problems.
        attends: whether the model has attention over all places.
    """
    solved = dict.fromkeys(problem.kind for problem in downstream)
    found = f"the problem is {' and '.join(solved)}"
    wrong: list[Mistake] = []
    if given.probe_layers and solved and not {*solved} & {*(accepted := choices.probed())}:
        said = f"{found}, which has no linear probe; accepted: {', '.join(accepted)}"
        wrong.append(("evaluation.probe_layers", said))
    path = "evaluation.explain"
    if not given.explain:
        usual = Evaluation.model_fields
        return wrong + [
            (
                f"evaluation.{name}",
                f"found {getattr(given, name)!r}, but {path} is empty; the field counts only with "
                f"a method there (accepted here: {usual[name].default!r})",
            )
            for name in ("explained_rows", "explained_mistakes")
            if getattr(given, name) != usual[name].default
        ]
    accepted = choices.explainable()
    if solved and not {*solved} & {*accepted}:
        said = f"{found}, which cannot be explained; accepted: {', '.join(accepted)}"
        return [*wrong, (path, said)]
    needing = choices.those_with("explanations", "NEEDS", "attention")
    lacking = [name for name in given.explain if name in needing and not attends]
    others = ", ".join(name for name in choices.names("explanations") if name not in needing)
    return wrong + [
        (
            path,
            f"found {name}, but the model has no attention over all places; accepted with it: "
            f"{others}",
        )
        for name in lacking
    ]


def _decoders(experiment: Experiment) -> list[Mistake]:
    """Problems whose answers are written need a decoder; it has no head that learns alone."""
    written = choices.those_with("problems", "ROLES", "target")
    found: list[Mistake] = []
    for problem in experiment.downstream:
        if problem.problem not in written:
            continue
        path = f"downstream.{problem.name}"
        if not experiment.start and (lacking := decoder_mistake(experiment.model.family)):
            found.append(
                (f"{path}.problem", f"found {problem.problem}, but model.family {lacking}")
            )
        message = f"but in {problem.problem} nothing else learns"
        if problem.freeze == "encoder":
            found.append(
                (f"{path}.freeze", f"found encoder, {message}; accepted: none, embeddings")
            )
        if problem.tuning.method == "probe":
            accepted = ", ".join(each for each in choices.names("tuning") if each != "probe")
            found.append((f"{path}.tuning.method", f"found probe, {message}; accepted: {accepted}"))
    return found


def decoder_mistake(family: str) -> str:
    """What is wrong with a family that is to write texts; empty if it can."""
    if choices.is_decoder(family):
        return ""
    fitting = choices.those_with("families", "HEADS", "next tokens")
    return f"is {family}, which reads only; accepted with it: {', '.join(fitting)}"


def start_mistakes(experiment: Begun) -> list[Mistake]:
    """What counts only with a model to start from, or with steps of pre-training after it."""
    return [*_steps(experiment), *_baseline(experiment)]


def _steps(experiment: Begun) -> list[Mistake]:
    if experiment.pretraining.steps:
        return []
    if not experiment.start:
        accepted = "at least 1, or 0 with `start`, a model that is pre-trained already"
        return [("pretraining.steps", f"found 0; accepted: {accepted}")]
    if not experiment.downstream:
        return [("downstream", "found no problem, and pretraining.steps is 0: nothing to train")]
    return []


def _baseline(experiment: Begun) -> list[Mistake]:
    continues = bool(experiment.start) and experiment.pretraining.steps > 0
    if experiment.evaluation.baseline != BEFORE or continues:
        return []
    lacking = "pretraining.steps is 0" if experiment.start else "there is no model in `start`"
    return [("evaluation.baseline", f"found {BEFORE}, but {lacking}; accepted: none")]


def _forgetting(experiment: Experiment) -> list[Mistake]:
    """The loss of a pre-training is measured with the head that it trained."""
    path, objective = "evaluation.forgetting", experiment.pretraining.objective
    if not experiment.evaluation.forgetting:
        return []
    if not experiment.pretraining.steps:
        return [(path, "found true, but pretraining.steps is 0: nothing is pre-trained here")]
    measured = choices.those_with("objectives", "_STORED", "head")
    if objective not in measured:
        accepted = f"false, or pretraining.objective {', '.join(measured)}"
        message = f"found true, but models of {objective} are stored without all of their heads"
        return [(path, f"{message}; accepted: {accepted}")]
    return []


def _new_encoder(experiment: Experiment) -> list[Mistake]:
    objective = experiment.pretraining.objective
    return [
        *head_mistakes(experiment.model.family, objective),
        *_rotary(experiment),
        *_lengths(experiment),
        *_tuned_layers(experiment),
    ]


def head_mistakes(family: str, objective: str) -> list[Mistake]:
    """The mistake of an objective that needs a head which a family does not have, if it is one."""
    lacking = [head for head in _heads_for(objective) if head not in _heads_of(family)]
    if not lacking:
        return []
    fitting = [
        name for name in choices.names("objectives") if {*_heads_for(name)} <= {*_heads_of(family)}
    ]
    return [
        (
            "pretraining.objective",
            f"{objective} needs a head for {' and '.join(lacking)}, which the family {family} "
            f"does not have; accepted with it: {', '.join(fitting) or 'no objective'}",
        )
    ]


def _rotary(experiment: Experiment) -> list[Mistake]:
    """Rotary positions turn pairs of numbers."""
    family, heads, width = (
        getattr(experiment.model, n) for n in ("family", "heads", "hidden_size")
    )
    if "rotary" not in choices.words_of("families", family, "POSITIONS") or width // heads % 2 == 0:
        return []
    fitting = [str(n) for n in range(1, width + 1) if width % n == 0 and width // n % 2 == 0]
    return [
        (
            "model.heads",
            f"{heads} heads of a hidden size of {width} are {width // heads} wide, but the rotary "
            f"positions of model.family {family} need heads of an even width; accepted: "
            f"{', '.join(fitting) or 'none with this hidden size'}",
        )
    ]


def _tuned_layers(experiment: Experiment) -> list[Mistake]:
    """Methods of tuning that need what the layers of the model do not have."""
    model = experiment.model
    words = choices.words_of("families", model.family, "_LAYERS")
    count = 1 if "shared" in words else model.layers
    layers = Layers(f"model.family {model.family}", words, count, model.hidden_size)
    asked = experiment.pretraining.gradient_checkpointing
    return [
        *recomputing_mistakes("pretraining", layers, asked=asked),
        *layer_mistakes(experiment.downstream, layers),
    ]


def _heads_for(objective: str) -> tuple[str, ...]:
    return choices.words_of("objectives", objective, "HEADS")


def _heads_of(family: str) -> tuple[str, ...]:
    return choices.words_of("families", family, "HEADS")


def _lengths(experiment: Experiment) -> list[Mistake]:
    longest = experiment.model.max_positions
    lengths = {"pretraining.sequence_length": experiment.pretraining.sequence_length}
    for problem in experiment.downstream:
        lengths[f"downstream.{problem.name}.max_length"] = problem.max_length
    return [
        (path, f"{length} is more than model.max_positions ({longest}); accepted: at most that")
        for path, length in lengths.items()
        if length > longest
    ]


def _names(experiment: Experiment) -> list[Mistake]:
    counts = Counter(problem.name for problem in experiment.downstream)
    return [
        (
            f"downstream.{number}.name",
            f"{problem.name} is the name of {counts[problem.name]} problems; each needs its own",
        )
        for number, problem in enumerate(experiment.downstream)
        if counts[problem.name] > 1
    ]


def _missing(experiment: Experiment) -> list[Mistake]:
    """Words for a missing value that are to be classes, of problems without classes."""
    classes = choices.those_with("problems", "ROLES", "label")
    return [
        (
            f"downstream.{problem.name}.missing_labels",
            f"found 'keep', but {problem.problem} has no classes; accepted with it: error, drop",
        )
        for problem in experiment.downstream
        if problem.missing_labels == "keep" and problem.problem not in classes
    ]


def window_mistakes(downstream: Sequence[Downstream]) -> list[Mistake]:
    """Windows of pairs: of which text they would be parts is not known."""
    said = "but pairs (columns.second_text) have no windows; accepted: 0, which truncates long ones"
    return [
        (f"downstream.{problem.name}.stride", f"found {problem.stride}, {said}")
        for problem in downstream
        if problem.stride > 0 and problem.columns.second_text
    ]


def _pairs(experiment: Experiment) -> list[Mistake]:
    """Pairs of a text with itself."""
    return [
        (
            f"downstream.{problem.name}.columns.second_text",
            f"found {problem.columns.text!r}, which is columns.text too; accepted: another column, "
            "or nothing where each row is one text",
        )
        for problem in experiment.downstream
        if problem.columns.second_text == problem.columns.text
    ]
