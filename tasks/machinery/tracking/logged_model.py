"""An artifact in MLflow's terms: a data set, or a logged model."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset

from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.rebuilding import readable
from tasks.machinery.tracking.tags import FINGERPRINT, RUN_NAME


def as_dataset(artifact: Artifact) -> Dataset | None:
    """The MLflow data set of an artifact; None if it is not a data set."""
    card = artifact.path / "dataset.json"
    if not card.is_file():
        return None
    values = json.loads(card.read_text())
    schema = [
        {"type": kind, "name": name, "required": True} for name, kind in values["columns"].items()
    ]
    return Dataset(
        name=values["name"],
        digest=artifact.whole.digest[:16],
        source_type="local",
        source=json.dumps({"uri": artifact.path.absolute().as_uri()}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps({"num_rows": values["rows"]}),
    )


def model_reference(artifact: Artifact) -> str:
    """The model of an artifact, as Temper and MLflow both accept it; empty if it has none."""
    model_id = artifact.record.get("model_id", "")
    return f"models:/{model_id}" if model_id else ""


def log_model(
    client: MlflowClient, run_id: str, experiment_id: str, title: str, artifact: Artifact
) -> str | None:
    """Log the model of an artifact, if it has one, in the transformers flavour.

    A model with a head of ours, which has no pipeline, is logged in that of Python functions. With
    tokenizer, signature and example. Idempotent: a model that an outage left half-logged is
    deleted and logged again.

    Returns:
        The id of the model.
    """
    file = artifact.path / "model.json"
    if not file.is_file():
        return None
    import transformers
    from mlflow.models import Model

    card: Mapping[str, Any] = json.loads(file.read_text())
    folder = readable(artifact / "model").path
    _delete_models_of(client, run_id, experiment_id)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    pipeline = pipeline_of(card["task"], folder) if card["task"] else None
    logged = client.create_logged_model(
        experiment_id,
        name=artifact.stage,
        source_run_id=run_id,
        tags={FINGERPRINT: artifact.fingerprint, RUN_NAME: title},
        params={"dtype": str(pipeline.model.dtype) if pipeline else "torch.float32"},
        model_type=card["task"] or kind_of(card["served"]),
    )
    common: dict[str, Any] = {
        "artifact_path": None,
        "run_id": run_id,
        "model_id": logged.model_id,
        "model_config": card.get("model_config") or None,
        "input_example": as_example(card["example"]),  # the signature is inferred from it
    }
    if pipeline is None:
        libraries = ("torch", "transformers", "safetensors", "pillow", "pandas", "numpy")
        Model.log(
            flavor=OwnModel(card["served"]),
            data_path=str(folder),
            pip_requirements=[f"{name}=={public_version(name)}" for name in libraries],
            **common,
        )
        return str(logged.model_id)
    Model.log(
        flavor=ServedBy(card.get("served", "")),
        transformers_model=pipeline,
        task=pipeline.task,
        pip_requirements=[f"{name}=={public_version(name)}" for name in ("torch", "transformers")],
        **common,
    )
    return str(logged.model_id)


def pipeline_of(task: str, folder: Path) -> Any:
    """The pipeline of the model in a folder, for a task.

    transformers 5 has none for some tasks, such as `question-answering`. MLflow stores a model as
    part of one: that of features keeps the whole model, and a module of ours serves it.
    """
    import transformers

    if (folder / "preprocessor_config.json").is_file():  # of a model that reads pictures
        return transformers.pipeline(task, model=str(folder), image_processor=str(folder))
    if task in transformers.pipelines.get_supported_tasks():
        return transformers.pipeline(task, model=str(folder), tokenizer=str(folder))
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    built = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, built).from_pretrained(folder, **local)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
    return transformers.pipeline("feature-extraction", model=model, tokenizer=tokenizer)


def as_example(asked: list[Any]) -> Any:
    """What a model is asked: texts as they are, rows of several columns as a table."""
    return pd.DataFrame(asked) if isinstance(asked[0], dict) else asked


class ServedBy:
    """The transformers flavour of MLflow, whose models are served with a module of ours.

    The module is copied into the model's folder (see `copied_code`), and takes the place of the
    flavour's own where the model is loaded to predict (`mlflow.pyfunc`, `mlflow models serve`).

    Args:
        module: its name; "" keeps the flavour's own.
    """

    __name__ = "mlflow.transformers"  # as MLflow names the flavour in its messages

    def __init__(self, module: str) -> None:
        self.module = module

    def save_model(self, *, path: str, mlflow_model: Any, **options: Any) -> None:
        """Save a model as the flavour does, and then name the module in its description."""
        if not self.module:
            mlflow.transformers.save_model(path=path, mlflow_model=mlflow_model, **options)
            return
        served: Any = importlib.import_module(self.module)
        example = options["input_example"]
        with tempfile.TemporaryDirectory() as folder:
            code, name = copied_code(self.module, Path(folder))
            mlflow.transformers.save_model(
                path=path,
                mlflow_model=mlflow_model,
                code_paths=[str(code)],
                signature=signature_of(example),  # without it, a pipeline answers the example
                **options,
            )
        answers = served._load_pyfunc(path).predict(example)
        mlflow_model.signature = signature_of(example, answers)
        mlflow_model.flavors["python_function"]["loader_module"] = name
        mlflow_model.save(str(Path(path) / "MLmodel"))


class OwnModel:
    """The flavour of Python functions of MLflow, for a model with a head of ours.

    The module that serves it is copied into the model, see `copied_code`.

    Args:
        module: the one that serves it.
    """

    __name__ = "mlflow.pyfunc"

    def __init__(self, module: str) -> None:
        self.module = module

    def save_model(self, *, path: str, mlflow_model: Any, data_path: str, **options: Any) -> None:
        """Save a model with its code; the answers to the example give the signature."""
        served: Any = importlib.import_module(self.module)
        example = options["input_example"]
        signature = signature_of(example, served._load_pyfunc(data_path).predict(example))
        with tempfile.TemporaryDirectory() as folder:
            code, name = copied_code(self.module, Path(folder))
            mlflow.pyfunc.save_model(
                path=path,
                mlflow_model=mlflow_model,
                loader_module=name,
                data_path=data_path,
                code_paths=[str(code)],
                signature=signature,
                **options,
            )


def copied_code(module: str, folder: Path) -> tuple[Path, str]:
    """A copy of a module that serves, to be stored with a model; and the name of the copy.

    It is a single file. With files of its `COPIED` it is a package in which all have the places
    that they have here, so that their relative imports hold.

    Args:
        module: its name.
        folder: that is copied into.
    """
    served: Any = importlib.import_module(module)
    top, file = f"temper_{kind_of(module)}", Path(served.__file__)
    beside: Sequence[str] = getattr(served, "COPIED", ())
    if not beside:
        return Path(shutil.copy(file, folder / f"{top}.py")), top
    package, within = folder / top, file.parents[1]
    for name in (*beside, str(file.relative_to(within))):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(within / name, package / name)
    for each in (package, *(entry for entry in package.iterdir() if entry.is_dir())):
        (each / "__init__.py").touch()
    return package, f"{top}.{'.'.join(module.split('.')[-2:])}"


def signature_of(example: Any, answers: Any = None) -> Any:
    """The signature of a model; a whole number in its answers is never missing."""
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer")
        return infer_signature(example, answers)


def kind_of(module: str) -> str:
    """The folder of a module that serves models: its problem, with `_`."""
    return module.split(".")[-2]


def _delete_models_of(client: MlflowClient, run_id: str, experiment_id: str) -> None:
    """Delete the models that an earlier try logged for the run."""
    for model in client.search_logged_models(
        [experiment_id], filter_string=f"source_run_id = '{run_id}'"
    ):
        client.delete_logged_model(model.model_id)


def public_version(name: str) -> str:
    """The public version of a distribution (without a build's local suffix)."""
    return importlib.metadata.version(name).partition("+")[0]
