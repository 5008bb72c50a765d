"""Rows about experiments on images, and the loss that both sides are compared by."""

from __future__ import annotations

from operator import sub
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from tasks.data.images.resizing import to_square
from tests.benchmarks.pictures import LEARNT, SIDE, UNSEEN
from tests.benchmarks.pictures.drawing import write_pictures
from tests.benchmarks.rows import Row, faster
from tests.benchmarks.training import Effort
from tests.benchmarks.turns import in_turn, module, ratios, run, stage, values

FAMILIES = ("resnet", "vit")
GROWN, FEWEST = 10, 300  # times the pictures, in the row about memory
MAP = "datasets.map, two processes"
AT_ONCE = 100


def pictures(data: Path, scratch: Path, effort: Effort) -> list[Row]:
    """Preparing, memory, and training of each family, on pictures that are drawn once."""
    learnt, unseen = _drawn(data / "pictures", LEARNT, 0), _drawn(data / "unseen", UNSEEN, 1)
    evaluation = _evaluation(unseen, data / "pictures.pt")
    pixels = scratch / "pixels"
    rows = [
        _preparing(learnt, pixels, scratch, effort.repetitions),
        _memory(data, scratch, effort.repetitions),
    ]
    for family in FAMILIES:
        print(f"    {family}", flush=True)
        rows += _training(family, learnt, pixels / "pixels", scratch, evaluation, effort)
    return rows


def loss_on(model: Any, evaluation: Path) -> float:
    """Cross-entropy on pictures of tests/benchmarks/pictures, in nats.

    Args:
        model: of classes.
        evaluation: `pixel_values` [pictures, 3, side, side] from -1 to 1, and `labels`.
    """
    stored = torch.load(evaluation, weights_only=True)
    model.eval()
    parts = zip(stored["pixel_values"].split(AT_ONCE), stored["labels"].split(AT_ONCE), strict=True)
    with torch.no_grad():
        losses = [
            functional.cross_entropy(model(pixel_values=each).logits, labels, reduction="sum")
            for each, labels in parts
        ]
    return sum(map(float, losses)) / len(stored["labels"])


def _drawn(folder: Path, count: int, seed: int) -> Path:
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        write_pictures(partial, count, seed)
        partial.rename(folder)
    return folder


def _evaluation(folder: Path, file: Path) -> Path:
    """Held-out pictures as both sides read them."""
    names = sorted(each.name for each in folder.iterdir())
    found = sorted(folder.glob("*/*.jpg"))
    pixels = np.stack([to_square(Image.open(each), SIDE, 3, "stretch") for each in found])
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = torch.tensor([names.index(each.parent.name) for each in found])
    torch.save({"pixel_values": values, "labels": labels}, file)
    return file


def _preparing(folder: Path, pixels: Path, scratch: Path, repetitions: int) -> Row:
    found = []
    for turn in range(repetitions):  # the peer's cache of the turn before would spare it the work
        cache = scratch / f"imagefolder-{turn}"
        commands = {
            "Temper": stage("ours.pixels", "--pictures", folder, "--out", pixels),
            MAP: module("peers.pixels", "--pictures", folder, "--cache", cache),
        }
        found.append(in_turn(commands, 1))
    measured = {name: [turn[name][0] for turn in found] for name in ("Temper", MAP)}
    return faster(
        measured,
        "Temper",
        MAP,
        "samples_per_second",
        what=f"preparing pictures: read, checked, split, resized to {SIDE} pixels and stored",
        against=f"{MAP} (read, resized and stored)",
        unit="pictures/s",
        target=1.5,
    )


def _memory(data: Path, scratch: Path, repetitions: int) -> Row:
    sizes = (FEWEST, GROWN * FEWEST)
    commands = {
        f"{count:,} pictures": stage(
            "ours.pixels",
            *("--pictures", _drawn(data / f"pictures-{count}", count, 2)),
            *("--out", scratch / f"pixels-{count}"),
        )
        for count in sizes
    }
    measured = in_turn(commands, repetitions)
    small, large = (values(measured, name, "megabytes_peak") for name in commands)
    return Row(
        what=f"peak memory of preparing {sizes[1]:,} pictures",
        against=f"itself with {sizes[0]:,}",
        unit="MB",
        ours=large,
        theirs=small,
        result=ratios(large, small),
        target=1.3,
        at_least=False,
    )


def _training(
    family: str, folder: Path, pixels: Path, scratch: Path, evaluation: Path, effort: Effort
) -> list[Row]:
    """Pictures a second in pre-training and fine-tuning; the loss after as many pictures."""
    if not pixels.exists():
        run(stage("ours.pixels", "--pictures", folder, "--out", pixels.parent))
    theirs = ["--pictures", folder, "--cache", scratch / "trainer-images", "--family", family]
    ours = ["--data", pixels, "--family", family]
    commands = {
        "Temper": stage("ours.images", *ours, "--steps", effort.our_steps),
        "Temper, fine-tuning": stage("ours.images", *ours, "--finetune"),
        "Trainer": module("peers.images", *theirs, "--steps", effort.peer_steps),
        "Trainer, bf16": module("peers.images", *theirs, "--steps", effort.peer_steps, "--bf16"),
    }
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        del commands["Trainer, bf16"]  # emulated, and many times slower
    measured = in_turn(commands, effort.repetitions)
    rows = [
        faster(
            measured,
            name,
            peer,
            "samples_per_second",
            what=f"{what}, {family} tiny, {SIDE} pixels",
            against=f"{peer} with `set_transform`",
            unit="pictures/s",
            target=3.0 if peer == "Trainer" else None,
        )
        for name, what in (("Temper", "pre-training"), ("Temper, fine-tuning", "fine-tuning"))
        for peer in commands
        if peer.startswith("Trainer")
    ]
    steps = effort.picture_steps
    if not steps:
        return rows
    losses: dict[str, list[float]] = {"ours": [], "theirs": []}
    for seed in range(effort.race_repetitions):
        told = ["--steps", steps, "--seed", seed, "--evaluation", evaluation]
        race = {
            "ours": stage("ours.images", *ours, *told),
            "theirs": module("peers.images", *theirs, *told),
        }
        found = in_turn(race, 1)
        for side, each in losses.items():
            each.append(found[side][0]["validation_loss"])
    return [
        *rows,
        Row(
            what=f"loss on held-out pictures, {family} tiny, {steps:,} steps of the same pictures",
            against="Trainer, each with its own augmentation",
            unit="nats",
            ours=losses["ours"],
            theirs=losses["theirs"],
            result=list(map(sub, losses["ours"], losses["theirs"])),
            target=0.0,
            at_least=False,
        ),
    ]
