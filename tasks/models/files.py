"""The files of a transformers model in a folder, and its configuration. Imports are light.

Only these files of a given model are ever read: its configuration, its weights as safetensors, its
tokenizer. No code beside them is executed, and no pickle is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import families
from tasks.contract import StageError
from tasks.data.text.tokenizer_files import TOKENIZER_FILES
from tasks.experiment.problem import Downstream, LabelledData
from tasks.machinery.host.foreign_json import read_foreign_json
from tasks.machinery.naming.links import require_inside
from tasks.problems import described, every

if TYPE_CHECKING:
    from torch import Tensor

CONFIGURATION = "config.json"
READER = "preprocessor_config.json"  # of a model that reads pictures: how large they are
INPUT_COLUMNS = "input_columns"  # a field of our own in it, of a model that reads several columns
PROBLEM = (
    "temper_problem"  # another: what a model was fine-tuned for, as several have the same head
)
WEIGHTS = ".safetensors"


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights in all files of a folder, by the names that they have there."""
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    for file in sorted(folder.glob(f"*{WEIGHTS}")):
        found |= load_file(file)
    return found


def weights_of(names: Iterable[str]) -> list[str]:
    """The files with weights among these."""
    return [name for name in names if name.endswith((WEIGHTS, f"{WEIGHTS}.index.json"))]


def files_of(folder: Path, where: str, within: Path | None = None) -> list[str]:
    """The names of the files in a folder that are the model and its tokenizer.

    Args:
        folder: the folder.
        where: its name for messages.
        within: the folder that links may not leave: the one that was named, if it contains this.

    Raises:
        StageError: it is not a transformers model with safetensors and its tokenizer, or one of
            its files is a link out of the folder.
    """
    there = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    read_with = (CONFIGURATION, READER, *TOKENIZER_FILES)
    chosen = [name for name in there if name in read_with]
    weights = weights_of(there)
    top = within or folder
    read = (folder / name for name in (*chosen, *weights))
    require_inside(top, (file.relative_to(top).as_posix() for file in read), where)
    missing = [
        what
        for what, found in (
            (CONFIGURATION, CONFIGURATION in chosen),
            ("weights (*.safetensors)", weights),
            (
                "tokenizer (tokenizer.json or vocab.txt)",
                {*there} & {"tokenizer.json", "vocab.txt", READER},
            ),
        )
        if not found
    ]
    if missing:
        listed = ", ".join(there[:8]) or "nothing"
        pickled = [name for name in there if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        hint = f"; {pickled[0]} may contain code, and is not read" if pickled else ""
        raise StageError(
            f"{where} is not a model with its tokenizer: no {' and no '.join(missing)}. Found "
            f"{listed}{hint}. Accepted: a folder that save_pretrained of transformers wrote, of "
            "the model and of its tokenizer, weights as safetensors"
        )
    configuration_of(folder, where)
    for name in weights:
        if name.endswith(WEIGHTS):
            _require_whole(folder / name, where)
    return [*chosen, *weights]


def _require_whole(file: Path, where: str) -> None:
    """Check that a file of weights is as long as its header says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            pass
    except SafetensorError as error:
        raise StageError(
            f"{where}: {file.name} is truncated or not a safetensors file ({error}): copy or "
            "download it again"
        ) from None


def parameters_of(folder: Path) -> int:
    """How many numbers the weights in a folder are; of those that are shared, once."""
    from safetensors import safe_open

    total = 0
    for file in sorted(folder.glob(f"*{WEIGHTS}")):
        with safe_open(file, framework="numpy") as opened:
            total += sum(prod(opened.get_slice(n).get_shape()) for n in opened.keys())  # noqa: SIM118
    return total


def configuration_of(folder: Path, where: str) -> dict[str, Any]:
    """The configuration of a model.

    Raises:
        StageError: it is not JSON, or has no model_type.
    """
    found = read_foreign_json(folder / CONFIGURATION, f"{where}: {CONFIGURATION}")
    if isinstance(found, dict) and "model_type" in found:
        return found
    raise StageError(f"{where}: {CONFIGURATION} has no model_type, so it is not a model")


def labels_of(configuration: dict[str, Any]) -> list[str]:
    """The labels of a model, in the order of its outputs; empty if it names none."""
    named = configuration.get("id2label") or {}
    return [str(named[number]) for number in sorted(named, key=int)]


def inputs_of(configuration: dict[str, Any], problem: str) -> list[str]:
    """The columns that a fine-tuned model reads, by role: two for pairs of texts."""
    kind = described(problem)
    usual: Sequence[str] = getattr(kind, "INPUTS", (kind.INPUT,))
    return [str(name) for name in configuration.get(INPUT_COLUMNS) or usual]


def require_inputs(data: LabelledData, configuration: dict[str, Any], where: str) -> None:
    """Check that the data have all columns that a fine-tuned model reads.

    Raises:
        StageError: the model reads pairs, and the rows are single texts.
    """
    for name in configuration.get(INPUT_COLUMNS) or ():
        if not getattr(data.columns, str(name), ""):
            raise StageError(
                f"{where} was fine-tuned on rows with a {name}; accepted: data with one, with its "
                f"column in columns.{name}"
            )


def longest_input(configuration: dict[str, Any]) -> int | None:
    """Tokens of the longest input of a model; None without a bound, or of an unknown family."""
    family = configuration.get("model_type", "")
    known = family in families.names()
    return families.load(family).longest_input(configuration) if known else None


def require_room(problems: Sequence[Downstream], configuration: dict[str, Any], where: str) -> None:
    """Check that a model is of a known family, and reads inputs as long as the problems need.

    Raises:
        StageError: the family is unknown, or with the field that needs more.
    """
    family = configuration["model_type"]
    if family not in families.names():
        accepted = ", ".join(families.names())
        raise StageError(f"{where} is of the family {family}; accepted: {accepted}")
    longest = longest_input(configuration)
    for problem in problems:
        if longest is not None and problem.max_length > longest:
            raise StageError(
                f"downstream.{problem.name}.max_length: {problem.max_length} is more than the "
                f"{longest} tokens that {where} reads at once; accepted: at most that"
            )


def require_head(problem: str, configuration: dict[str, Any], where: str) -> None:
    """Check that a model was fine-tuned for a kind of problem.

    Raises:
        StageError: it was not.
    """
    if answers(problem, configuration):
        return
    built = built_as(configuration)
    kind, head = configuration.get("problem_type"), described(problem).HEAD
    other = problem_of(configuration)
    if other and _has_head(problem, configuration):
        raise StageError(
            f"{where} was fine-tuned for {other}, not for {problem}; accepted with it: problem: "
            f"{other}"
        )
    instead = f"problem: {other}" if other else "a fine-tuned model (see `temper finetune`)"
    needed = (
        f"{head.architecture} ({head.problem_type})" if head.problem_type else head.architecture
    )
    raise StageError(
        f"{where} is {built}{f' ({kind})' if kind else ''}, but {problem} needs one that ends in "
        f"{needed}; accepted with it: {instead}"
    )


def built_as(configuration: dict[str, Any]) -> str:
    """The class of a model, for messages."""
    return str((configuration.get("architectures") or ["a model without a head"])[0])


def problem_of(configuration: dict[str, Any]) -> str:
    """The problem that a model was fine-tuned for; empty if there is none.

    Of a published model, which does not state it: the default one of those whose head it has.
    """
    found = [name for name in every() if answers(name, configuration)]
    return min(found, key=lambda name: not described(name).HEAD.is_default, default="")


def auto_class(configuration: dict[str, Any]) -> str:
    """The class of `transformers` that loads a model by its configuration."""
    built = built_as(configuration)
    _, found, head = built.rpartition("For")
    if found:
        return f"AutoModelFor{head}"
    return "AutoModelForCausalLM" if built.endswith("LMHeadModel") else "AutoModel"


def answers(problem: str, configuration: dict[str, Any]) -> bool:
    """Whether a model was fine-tuned for a problem, or has its head and does not state for which.

    What it states counts only with the head of that: a model that was pre-trained again has none.
    """
    stated = configuration.get(PROBLEM)
    if stated in every() and _has_head(stated, configuration):
        return bool(stated == problem)
    return _has_head(problem, configuration)


def _has_head(problem: str, configuration: dict[str, Any]) -> bool:
    head = described(problem).HEAD
    built = str((configuration.get("architectures") or [""])[0])
    if not head.problem_type or not built.endswith(head.architecture):
        return built.endswith(head.architecture)
    one = len(labels_of(configuration)) == 1
    untold = "regression" if one else "single_label_classification"  # as transformers takes it
    return bool((configuration.get("problem_type") or untold) == head.problem_type)


def require_labels(asked: Sequence[str], configuration: dict[str, Any], where: str) -> None:
    """Check that a model has the labels of the data.

    Raises:
        StageError: the data have labels that the model does not have.
    """
    known = labels_of(configuration)
    unknown = [label for label in asked if label not in known]
    if unknown:
        raise StageError(
            f"the data have {len(unknown)} of {len(asked)} labels that {where} does not have: "
            f"{_listed(unknown)}. Its labels: {_listed(known) or 'none by name'}. Evaluate it on "
            "data with these, or fine-tune a model on the labels of the data"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"{', '.join(names[:6])}{more}"
