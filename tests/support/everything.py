"""The tiny experiments with every stage that an experiment can ask for, on text and on images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tasks.experiment import choices
from tests.support import tiny_boxes, tiny_masks
from tests.support.added_parts import AddedParts
from tests.support.tiny_boxes import boxed_pictures, write_coco
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_images import write_image_experiment
from tests.support.tiny_masks import write_masked
from tests.support.tiny_pixels import write_image_body

OF_ATTENTION = "attention-rollout"  # convolutions have none
FOR_BOTH = {
    "calibration": "temperature",
    "mislabelled": True,
    "learning_curve": [0.5],
    "explained_rows": 10,
    "probe_layers": True,
}
FOR_TEXT = {"near_duplicates": True, "forgetting": True}


def write_everything(folder: Path, *, once: bool = False) -> list[Path]:
    """Both experiments: the YAML files.

    Args:
        folder: that they are written into.
        once: fine-tune once where several models would be compared, to be run and not only planned.
    """
    asked = FOR_BOTH | ({"from_scratch": False} if once else {"seeds": 2})
    methods = choices.names("explanations")
    text, images = write_experiment(folder / "text"), write_image_experiment(folder / "images")
    values = yaml.safe_load(text.read_text())
    values["evaluation"] |= asked | FOR_TEXT | {"explain": list(methods)}
    values["pretraining"]["embeddings"] = "cooccurrence"
    for problem in values["downstream"]:
        problem["slices"] = ["length", "label"]
        if problem["name"] == "names":
            problem["tuning"] = {"method": "probe"}
        problem["evaluate_also"] = [{"name": "also", "source": problem["source"]}]
    text.write_text(yaml.safe_dump(values, sort_keys=False))
    values = yaml.safe_load(images.read_text())
    write_masked(images.parent / "masks", 40)
    write_masked(images.parent / "also-masks", 12, seed=3)
    write_coco(images.parent / "boxes", boxed_pictures(40))
    [first] = values["downstream"]
    for name, problem in (("masks", tiny_masks.PROBLEM), ("boxes", tiny_boxes.PROBLEM)):
        of_problem = {"name": name, "problem": problem, "source": name, "epochs": 1}
        values["downstream"].append(first | of_problem | {"slices": ["label", "size"]})
    for problem, further in zip(values["downstream"], ("many", "also-masks"), strict=False):
        problem["evaluate_also"] = [{"name": "also", "source": further}]
    first["tuning"] = {"method": "probe"}
    first["slices"] = ["label", "brightness"]
    write_image_body(images.parent / "given", size=24)  # fitted to the pixels by stage `start`
    values["start"] = "given"
    del values["model"]
    of_pictures = [method for method in methods if method != OF_ATTENTION]
    values["evaluation"] |= asked | {"explain": of_pictures}
    images.write_text(yaml.safe_dump(values, sort_keys=False))
    return [text, images]


FINGERPRINTS = """
import json, sys
from pathlib import Path
import tasks
from flows.presets.loading import load_any
from flows.recipes import experiment, images
from tasks.experiment.experiment import Experiment
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store

found = {}
for file in sys.argv[1:]:
    planner, loaded = Planner(Store(Path("no store"))), load_any(file)
    (experiment if isinstance(loaded, Experiment) else images).recipe(loaded, planner)
    found |= {f"{loaded.name}: {step.title}": step.fingerprint for step in planner.steps}
heavy = [name for name in ("torch", "transformers", "datasets") if name in sys.modules]
print(json.dumps({"code": tasks.__file__, "heavy": heavy} | found))
"""


def fingerprints(copy: AddedParts, *experiments: Path) -> dict[str, str]:
    """The fingerprint of each stage by experiment and title; what reads a changed one changes."""
    found: dict[str, Any] = json.loads(copy.code(FINGERPRINTS, *map(str, experiments)))
    assert Path(found.pop("code")).is_relative_to(copy.folder)
    assert found.pop("heavy") == [], "a plan waits for no library that computes"
    return found
