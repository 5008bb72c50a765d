"""References to models, resolved to content before anything is computed.

    models:/NAME@ALIAS  models:/NAME/VERSION  models:/NAME/latest  models:/m-…    in MLflow
    runs:/ID            the model that a run made; runs:/ID/TITLE: that of a stage of an experiment
    hf:NAME[@REVISION]  on the Hugging Face Hub: safetensors only
    anything else       the path of a folder

A folder or a model on the Hub may be an adapter of `peft`: it is merged into the model that it
names, which is found in the same way.

A model that Temper made and still has in its store resolves to the artifact there: its bytes are
the same, so cached results are found, and its lineage is known. Any other model is copied into the
store as an artifact of a stage `model`, which nothing computes, named by its content. So it is the
same model however it is referred to and wherever its files are.

MLflow stores a pre-trained model with its masked-language-modelling head, without the pooler that
next-sentence prediction trained. So a model that was deleted from the store differs after it is
downloaded from MLflow.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from tasks.contract import StageError
from tasks.data.text.tokenizer_files import TOKENIZER_FILES
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.hub import commit_of, why_unanswered
from tasks.machinery.naming.links import require_inside
from tasks.machinery.naming.paths import place
from tasks.machinery.naming.spelling import nearest, nearest_path
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.rebuilding import readable
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.registry import Registry
from tasks.machinery.tracking.tags import (
    ARTIFACT,
    FINGERPRINT,
    artifact_name,
    used_stages,
)
from tasks.machinery.tracking.tracking import Tracking
from tasks.models.files import CONFIGURATION, READER, WEIGHTS, files_of
from tasks.references.adapters import ADAPTER, is_adapter, merge, read_adapter
from tasks.references.given_files import require_finite, require_sound

IMPORTED = "model"  # the stage name of models copied into the store
MAKERS = ("pretraining", "finetuning")
FORGOTTEN_AFTER = 24 * 3600.0  # seconds: no download takes longer
ACCEPTED = (
    "Accepted: models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-…, runs:/ID, a folder, "
    "hf:NAME[@REVISION]"
)


def resolve_model(reference: str, field: str, tracking: Tracking, store: Store) -> Input:
    """The folder of a model, with its tokenizer.

    Args:
        reference: the reference as written.
        field: the field with the reference, for messages.
        tracking: the MLflow to query.
        store: the store with its artifact, or to copy it into.

    Raises:
        StageError: there is no such model, or it cannot be read here.
    """
    try:
        if reference.startswith("models:/"):
            return _of_mlflow(reference, reference.removeprefix("models:/"), tracking, store)
        if reference.startswith("runs:/"):
            return _of_run(reference, reference.removeprefix("runs:/"), tracking, store)
        if reference.startswith("hf:"):
            return _of_hub(reference, field, store)
        return _of_folder(reference, field, store)
    except StageError as error:
        said = str(error).removeprefix(f"{field}: ")
        raise StageError(f"{field}: {said}") from None
    except OSError as error:
        raise StageError(
            f"{field}: {error.filename or reference} cannot be read: {error.strerror}"
        ) from None


def _of_mlflow(reference: str, name: str, tracking: Tracking, store: Store) -> Input:
    if name.startswith("m-") and "/" not in name and "@" not in name:
        try:
            logged = tracking.client.get_logged_model(name)
        except MlflowException:
            raise StageError(f"MLflow has no model {name}. {ACCEPTED}") from None
        made = f"{logged.name}/{logged.tags.get(FINGERPRINT, '')[:32]}"
        return _in_store(made, store) or _downloaded(reference, store)
    version = _version(name, tracking)
    made = version.tags.get(ARTIFACT, "")
    return _in_store(made, store) or _downloaded(f"models:/{version.name}/{version.version}", store)


def _version(name: str, tracking: Tracking) -> Any:
    """A version of a registered model by its alias, its number, or as the latest."""
    model, at, alias = name.partition("@")
    if not at:
        model, _, number = name.partition("/")
    if not model or not (alias if at else number):
        raise StageError(f"models:/{name} names no version. {ACCEPTED}")
    registry = Registry(tracking.client, model)
    registry.require()
    if at:
        aliases = registry.aliases()
        if alias not in aliases:
            listed = ", ".join(sorted(aliases)) or "none"
            raise StageError(
                f"{model} has no alias {alias!r}{nearest(alias, aliases)}. Its aliases: {listed}"
            )
        number = aliases[alias]
    versions = registry.versions()
    if number == "latest" and versions:
        return versions[-1]
    return registry.version(number)


def _of_run(reference: str, name: str, tracking: Tracking, store: Store) -> Input:
    run_id, _, title = name.partition("/")
    found = tracking.find(run_id) if run_id else None
    if found is None:
        raise StageError(f"MLflow at {tracking.address} has no run {run_id!r}. {ACCEPTED}")
    tags = found.data.tags
    made = artifact_name(tags)
    if made:
        models = tracking.client.search_logged_models(
            [found.info.experiment_id], filter_string=f"source_run_id = '{run_id}'"
        )
        if made.partition("/")[0] in MAKERS and models:
            return _in_store(made, store) or _downloaded(f"models:/{models[0].model_id}", store)
    used = used_stages(tags)
    titles = [k for k, v in used.items() if v.artifact.partition("/")[0] in MAKERS]
    if title in titles and (here := _in_store(used[title].artifact, store)):
        return here
    if title in titles:
        return _of_run(reference, used[title].run_id, tracking, store)
    if titles:
        listed = " or ".join(repr(f"runs:/{run_id}/{each}") for each in titles)
        wrong = f"has no stage {title!r}{nearest(title, titles)}" if title else "has several stages"
        raise StageError(f"the run {run_id} {wrong}; accepted: {listed}")
    return _downloaded(reference, store)


def _of_hub(reference: str, field: str, store: Store, *, adapts: bool = True) -> Input:
    """A model on the Hub, or the one that an adapter there adapts; it may be no adapter itself."""
    import huggingface_hub

    ((name, commit),) = commit_of(reference, field, "model").items()
    unanswered = why_unanswered(name, commit, "model")
    try:  # uses the Hub's own cache: the next time nothing is downloaded
        folder = huggingface_hub.snapshot_download(
            name,
            revision=commit,
            allow_patterns=[
                CONFIGURATION,
                f"*{WEIGHTS}",
                f"*{WEIGHTS}.index.json",
                READER,
                ADAPTER,
                *TOKENIZER_FILES,
            ],
            local_files_only=bool(unanswered),  # its client would try for minutes
        )
    except (OSError, huggingface_hub.errors.HfHubHTTPError, ValueError) as error:
        problem = unanswered or str(error).partition("\n")[0]
        raise StageError(
            f"{reference} cannot be downloaded ({problem}), and is not in the Hub's cache on this "
            "machine; connect to the Hub once, or give a folder with the model"
        ) from None
    where = f"hf:{name}@{commit[:12]}"
    if is_adapter(Path(folder)) and adapts:
        return _adapted(Path(folder), where, field, store, from_hub=True)
    return _imported(Path(folder), where, store)


def _adapted(
    folder: Path, where: str, field: str, store: Store, *, from_hub: bool = False
) -> Input:
    """The model of an adapter; one from the Hub may name a model there alone."""
    base = read_adapter(folder, where).base
    if from_hub and not base.startswith("hf:"):
        raise StageError(
            f"{where}: {ADAPTER}: base_model_name_or_path: found {cut(repr(base), 80)}; accepted: "
            "a model on the Hub. Download the adapter, and name the folder of its model there"
        )
    if base.startswith("hf:"):
        found = _of_hub(base, field, store, adapts=False)
    else:
        found = _of_model_folder(base, store)
    with _aside(store) as merged:
        merge(folder, found.path, merged, where)
        return _imported(merged, f"{where} in {base}", store)


def _of_model_folder(reference: str, store: Store) -> Input:
    """A model in a folder that an adapter names: no further adapter."""
    folder = place(reference)
    if not folder.is_dir():
        raise StageError(
            f"the model that the adapter adapts, {reference}, does not exist"
            f"{nearest_path(folder)}; accepted: a folder, or the name of a model on the Hub"
        )
    return _imported(folder, reference, store)


def _of_folder(reference: str, field: str, store: Store) -> Input:
    folder = place(reference)
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else f"does not exist{nearest_path(folder)}"
        raise StageError(f"{reference} {what}. {ACCEPTED}")
    if made := _in_store(store.name_of(folder), store):
        return made
    if (folder / "MLmodel").is_file() or (folder / "model" / "config.json").is_file():
        return _arranged(folder, reference, store)
    if is_adapter(folder):
        return _adapted(folder, reference, field, store)
    return _imported(folder, reference, store)


def _downloaded(uri: str, store: Store) -> Input:
    """What MLflow has under an address of its own."""
    with _aside(store) as folder:
        try:
            found = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder))
        except (OSError, MlflowException) as error:
            raise StageError(f"{uri} cannot be downloaded from MLflow: {error}") from None
        return _arranged(Path(found), uri, store)


def _arranged(found: Path, where: str, store: Store) -> Input:
    """Convert MLflow's layout, or a stage's output, to that of transformers: one folder."""
    readers = [found / "components" / name for name in ("image_processor", "tokenizer")]
    parts = [found / "model", next((each for each in readers if each.is_dir()), readers[-1])]
    if not parts[0].is_dir():
        return _imported(found, where, store)
    if not parts[1].is_dir():
        return _imported(parts[0], f"{where} (model/)", store, within=found)
    with _aside(store) as folder:
        for part in parts:
            files = [file for file in part.iterdir() if file.is_file()]
            require_inside(found, [str(file.relative_to(found)) for file in files], where)
            for file in files:
                shutil.copyfile(file, folder / file.name)
        return _imported(folder, where, store)


def _imported(folder: Path, where: str, store: Store, within: Path | None = None) -> Input:
    """The artifact of these files: that of the stage that made them, or a copy by content."""
    names, begun = files_of(folder, where, within), time.monotonic()
    require_sound(folder, names, where)
    with _aside(store) as own:  # the folder may change meanwhile: the copy is what gets hashed
        for name in names:
            shutil.copyfile(folder / name, own / name)
        files_of(own, where)
        require_sound(own, names, where)
        require_finite((own / name for name in names if name.endswith(WEIGHTS)), where)
        content = {name: digest_file(own / name) for name in names}
        made = _made_here(content, store)
        if made is not None:
            return made
        key = {"stage": IMPORTED, "part": {}, "inputs": content, "code": {}, "libraries": {}}
        fingerprint = digest(key)
        with store.locked(IMPORTED, fingerprint) as target:
            artifact = store.load(IMPORTED, fingerprint)
            if artifact is None or artifact.damage():
                shutil.copytree(own, store.begin(target) / "model")
                artifact = store.complete(
                    target, key, {}, {"reference": where}, time.monotonic() - begun
                )
    return artifact / "model"


def _made_here(content: dict[str, str], store: Store) -> Input | None:
    """The artifact of a training whose model has these files, if it is undamaged."""
    for stage in MAKERS:
        for artifact in store.artifacts(stage):
            made = {k: v for k, v in artifact.files.items() if k.startswith("model/")}
            if made == {f"model/{name}": value for name, value in content.items()}:
                return _in_store(artifact.name, store)
    return None


def _in_store(name: str, store: Store) -> Input | None:
    artifact: Artifact | None = store.named(name)
    if artifact is None or artifact.damage() or artifact.stage not in MAKERS:
        return None
    return readable(artifact / "model")


@contextmanager
def _aside(store: Store) -> Iterator[Path]:
    """A temporary folder beside the store; folders that a kill left there are deleted."""
    place = store.root.parent / "incoming"
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > FORGOTTEN_AFTER:
                shutil.rmtree(left)
    with TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


def registered_model(version: Any, tracking: Tracking, store: Store) -> Input:
    """The folder of a version's model, with its tokenizer.

    Args:
        version: the model version, as MLflow gives it.
        tracking: the MLflow that has it.
        store: the store with its artifact, or to copy it into.

    Raises:
        StageError: it is neither in the store nor in MLflow, or not a model of transformers.
    """
    made = _in_store(version.tags.get(ARTIFACT, ""), store)
    if made is not None:
        return made
    found = _downloaded(f"models:/{version.name}/{version.version}", store)
    if not found.artifact.record:  # the runs that read it name its model in MLflow
        model_id = str(version.source).removeprefix("models:/")
        record = {"run_id": version.run_id or "", "tracking_uri": tracking.uri}
        found.artifact.write_record(
            record | ({"model_id": model_id} if model_id.startswith("m-") else {})
        )
    return found
