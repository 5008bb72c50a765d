"""`temper export`: a model as a plain folder of transformers, with a model card."""

from __future__ import annotations

import importlib.metadata
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from flows.commands.parts import ModelArgument
from flows.terminal.in_process import FAILED, INTERRUPTED, err, out, prepare, stop
from tasks.contract import StageError

if TYPE_CHECKING:
    from tasks.machinery.store.artifact import Input


def export(
    model: ModelArgument,
    *,
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="The folder to write: a new one, or one that is empty."
        ),
    ],
    adapter: Annotated[
        bool,
        typer.Option(
            "--adapter/--merged",
            help="Write the adapter beside its body, or one plain model (the default).",
        ),
    ] = False,
    onnx: Annotated[
        bool,
        typer.Option("--onnx", help="Also write model.onnx, checked to answer the same."),
    ] = False,
) -> None:
    """Write a model as a plain folder of transformers, with a model card.

    Of a model that was tuned beside a frozen body (lora, dora, ia3), that is the merged one; with
    --adapter its adapter alone, as peft publishes it. The folder has the configuration, the
    weights as they are, the tokenizer, and in README.md what is known of the model: its data, its
    results with intervals, and how to load it.
    """
    if adapter and onnx:
        stop(["--onnx: accepted with --merged: an adapter alone answers nothing"])
    require_room_for(to)
    prepare()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        card = _export(model, to, onnx=onnx, adapter=adapter)
    except StageError as error:
        stop([str(error)])
    except OSError as error:
        stop([f"--to {to}: cannot be written: {error.strerror}; nothing is left of it"], FAILED)
    except KeyboardInterrupt:
        stop([f"interrupted: nothing is written to {to}"], INTERRUPTED)
    out.print(f"written: {to}", highlight=False, markup=False)
    for line in card:
        out.print(line, highlight=False, markup=False)


def require_room_for(folder: Path) -> None:
    """Check in advance that a folder can be written; end the program if not."""
    if folder.is_dir():
        there = sorted(entry.name for entry in folder.iterdir())
        if there:
            stop(
                [
                    f"--to {folder}: has {len(there)} entries, such as {there[0]}; accepted: a "
                    "folder that is empty, or not there yet"
                ]
            )
    elif folder.is_symlink() or folder.exists():
        stop([f"--to {folder}: is not a folder; accepted: a new folder, or one that is empty"])
    elif not folder.absolute().parent.is_dir():
        stop([f"--to {folder}: no folder {folder.absolute().parent}; create it first"])


def _export(reference: str, to: Path, *, onnx: bool, adapter: bool) -> list[str]:
    """Write the folder; returns what to say of it.

    Raises:
        StageError: there is no such model, its files change while they are copied, or it cannot be
            written as ONNX.
        OSError: the folder cannot be written.
    """
    from tasks.machinery.host.files import writing_folder
    from tasks.machinery.host.home import store_folder
    from tasks.machinery.store.store import Store
    from tasks.pages.model_card import ModelCard
    from tasks.references.given_model import find_model
    from tasks.references.lineage import evaluations_of, tested_on
    from tasks.references.own_adapter import OwnAdapter

    if onnx:
        from tasks.references.as_onnx import require_onnx, write_onnx

        require_onnx()
    given = find_model(reference, "MODEL", "", err.print)
    store, own = Store(store_folder()), None
    if adapter:
        own = OwnAdapter.of(given.model.artifact, given.model.path, reference, store)
    evaluations = evaluations_of(given.model, store)
    card = ModelCard(
        folder=given.model.path,
        configuration=given.configuration,
        digest=given.model.digest,
        made=given.model.artifact,
        trainings=given.lineage.trainings,
        corpora=[each.artifact for each in given.lineage.corpora],
        rows=[each.artifact for each in given.lineage.rows],
        gaps=given.lineage.gaps,
        evaluations=evaluations,
        tested=[tested_on(each, store) for each in evaluations],
        version=importlib.metadata.version("temper"),
        adapts=None if own is None else own.base,
    )
    with writing_folder(to) as folder:
        if own is None:
            _copy(given.model, reference, folder)
        else:
            own.write(folder)
        said = [] if own is None else [own.words]
        said += [write_onnx(folder).words] if onnx else []
        title = "ONNX" if onnx else "The model that it adapts"
        text = "".join([card.text(), *(f"\n## {title}\n\n{line}.\n" for line in said)])
        (folder / "README.md").write_text(text, encoding="utf-8")
    lines = [f"the model card is {to / 'README.md'}; add a licence to its first lines", *said]
    return lines + [f"not known: {each}" for each in card.unknown]


def _copy(model: Input, reference: str, folder: Path) -> None:
    """Copy the files of a model.

    Raises:
        StageError: one changes meanwhile.
    """
    from tasks.machinery.host.digest_memo import digest_file

    for name, digest in model.files.items():
        shutil.copyfile(model.path / name, folder / name)
        if digest_file(folder / name) != digest:
            raise StageError(f"MODEL: {name} of {reference} changed while it was copied")


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
