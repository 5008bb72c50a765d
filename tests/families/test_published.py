"""Every published model with a head of its own: checked, fitted, given other labels, served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

from tasks.contract import Silent, StageError
from tasks.data.images.augmentation import to_tensor
from tasks.data.images.boxes import Box, as_text, from_text
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.pictures import Pixels
from tasks.families import published
from tasks.models.files import files_of
from tasks.models.images import beginning
from tasks.models.images.reader_file import write_reader
from tasks.models.inference import predict
from tasks.models.relabelling import Relabelled
from tasks.problems import load
from tasks.problems.object_detection.served import Detector
from tasks.problems.semantic_segmentation.served import Segmenter
from tasks.references.given_files import require_sound
from tasks.stages.images.own_head import fit_own_head
from tests.support.tiny_own_heads import LABELS, OWN_HEADS, write_own_head

SIDE = 64
OTHER = ["owl", "cat", "yak"]  # of which the model does not know the last
USUAL = {"yolos", "detr", "segformer", "mask2former"}  # one of each kind of head, and backbone


def pictures(count: int = 2) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def fitted(folder: Path, kind: str, size: int = SIDE) -> Path:
    """The folder of a tiny model, as stage `start` writes it."""
    given = write_own_head(folder / "given", kind)
    require_sound(given, files_of(given, "given"), "given")
    (folder / "start").mkdir()
    family = published.of_type(kind)
    fit_own_head(
        Pixels(size=size), family=family, start=given, out=folder / "start", monitor=Silent()
    )
    return folder / "start" / "model"


def with_labels(folder: Path, kind: str, labels: list[str], monitor: Any = None) -> Any:
    problem = load(published.problem_of(published.of_type(kind)))
    model = beginning.new_model(problem, folder, labels, 0.0, 0)
    beginning.load(model, problem, folder, labels, monitor or Silent())
    return model


@pytest.mark.parametrize(
    "kind", [k if k in USUAL else pytest.param(k, marks=pytest.mark.slow) for k in OWN_HEADS]
)
def test_a_published_model_is_learnt_and_answers_as_its_own_processor_says(
    kind: str, tmp_path: Path
) -> None:
    folder = fitted(tmp_path, kind)
    problem = load(published.problem_of(published.of_type(kind)))
    said: list[str] = []
    monitor = Silent()
    monitor.say = said.append  # type: ignore[method-assign]
    model = with_labels(folder, kind, OTHER, monitor)
    assert type(model).__name__ == OWN_HEADS[kind][0]
    assert len(said) == 1
    assert said[0].startswith("labels that the model to start from does not have")
    assert said[0].endswith("'yak'")
    pixels = pictures()
    stored = to_tensor(list(pixels))

    # It learns by its own loss: everything that its answers depend on has a gradient.
    batch = {"pixel_values": stored}
    if hasattr(model, "objects"):
        boxes = torch.full((2, 2, 5), -100.0)
        boxes[0] = torch.tensor([[1, 10, 10, 30, 40.0], [2, 20, 20, 50, 60.0]])
        batch["labels"] = boxes
    else:
        batch["labels"] = torch.randint(0, 3, (2, SIDE, SIDE))
        batch["labels"][0, :9] = -100
    loss = problem.loss(model.train(), batch)
    loss.backward()
    assert loss.item() > 0
    lacking = [n for n, part in model.named_parameters() if part.grad is None]
    assert all("layernorm" in name for name in lacking), "but Swin's norm of the pooled map"

    # It keeps what it has learnt of labels by their names; those that it knew are answered.
    again = with_labels(folder, kind, LABELS[::-1]).eval()
    whole = getattr(transformers, OWN_HEADS[kind][0]).from_pretrained(tmp_path / "given").eval()
    reader = transformers.AutoImageProcessor.from_pretrained(tmp_path / "given")
    mean, deviation = (
        torch.tensor(each)[:, None, None] for each in (reader.image_mean, reader.image_std)
    )
    with torch.no_grad():
        outputs = whole(pixel_values=((stored + 1) / 2 - mean) / deviation)
        if hasattr(model, "objects"):
            same_objects(kind, again, stored, outputs)
        else:
            same_masks(kind, again, stored, outputs)

    # It is stored as a plain model, and served.
    again.save_pretrained(tmp_path / "model")
    configuration = json.loads((tmp_path / "model" / "config.json").read_text())
    assert configuration["architectures"] == [OWN_HEADS[kind][0]]
    write_reader(Pixels(size=SIDE), tmp_path / "model")
    served = Detector if hasattr(model, "objects") else Segmenter
    assert len(served(tmp_path).predict([in_base64(each) for each in pixels])) == 2


@pytest.mark.parametrize(
    ("kind", "at_rest"),
    [("upernet", 1), ("segformer", 0)],  # norms of what is pooled to one place
)
def test_the_last_batch_of_an_epoch_may_be_one_picture(
    kind: str, at_rest: int, tmp_path: Path
) -> None:
    folder = fitted(tmp_path, kind)
    problem, model = load("semantic-segmentation"), with_labels(folder, kind, LABELS).train()
    pixels = to_tensor(list(pictures(1)))
    labels = torch.randint(0, 3, (1, SIDE, SIDE))
    problem.loss(model, {"pixel_values": pixels, "labels": labels}).backward()
    norms = [each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert all(each.training for each in norms)
    used = [int(each.num_batches_tracked) for each in norms]
    assert (used.count(0), max(used)) == (at_rest, 1)


def same_objects(kind: str, model: Any, stored: torch.Tensor, outputs: Any) -> None:
    by_queries = kind in ("yolos", "detr")
    name = "DetrImageProcessorPil" if by_queries else "RTDetrImageProcessorPil"
    processor = getattr(transformers, name)()
    sizes = [(SIDE, SIDE)] * len(stored)
    expected = processor.post_process_object_detection(outputs, 0.0, target_sizes=sizes)
    for found, wanted in zip(model.objects(stored), expected, strict=True):
        order = wanted["scores"].argsort(descending=True, stable=True)
        number = min(5, len(order))
        names = [LABELS[::-1][int(i)] for i in found[:number, 1]]
        assert torch.allclose(found[:number, 0], wanted["scores"][order][:number], atol=1e-5)
        assert names == [LABELS[int(i)] for i in wanted["labels"][order][:number]]
        corners = wanted["boxes"][order][:number].clamp(0, SIDE)
        assert torch.allclose(found[:number, 2:], corners, atol=1e-3)


def same_masks(kind: str, model: Any, stored: torch.Tensor, outputs: Any) -> None:
    found = 2 - model(pixel_values=stored).logits.argmax(-1)
    name = "Mask2FormerImageProcessorPil" if kind == "mask2former" else "SegformerImageProcessorPil"
    processor = getattr(transformers, name)()
    sizes = [(SIDE, SIDE)] * len(stored)
    expected = torch.stack(processor.post_process_semantic_segmentation(outputs, sizes))
    assert (found == expected).float().mean() > 0.98, "ties, and two interpolations of masks"


def test_no_query_has_two_labels_where_it_may_be_of_no_object() -> None:
    from tasks.problems.published.detection import answers

    logits = torch.tensor([[[3.0, 2.9, 0.0], [0.0, 0.0, 9.0]]])
    boxes = torch.tensor([[[0.5, 0.5, 0.5, 1.5], [0.1, 0.1, 0.1, 0.1]]])
    found = answers(logits, boxes, 2, torch.Size([10, 20]))
    assert found[0, 0, 1:].tolist() == [0.0, 5.0, 0.0, 15.0, 10.0], "clipped to the picture"
    assert float(found[0, 1, 0]) < 0.01
    each = answers(logits[..., :2], boxes, 2, torch.Size([10, 20]))
    assert each[0, :2, 1].tolist() == [0.0, 1.0], "each label of a query is an answer"


def test_a_detector_answers_data_with_fewer_labels_in_another_order(tmp_path: Path) -> None:
    kind, folder = load("object-detection"), write_own_head(tmp_path, "yolos")
    model = kind.AUTO_MODEL.from_pretrained(folder).eval()
    given = {"pixels": list(pictures()), "document": ["1", "2"], "image": ["1", "2"]}
    truth = Box("owl", (5.0, 5.0, 40.0, 40.0))
    rows = pd.DataFrame(given | {"label": [as_text([truth]), as_text([])]})
    known = predict(kind, model, rows, kind.encode(rows, None, LABELS), LABELS)
    labels = ["owl", "fox", "cat", "dog"]  # a fox is known to another model
    asked = Relabelled(model, LABELS, labels)
    found = predict(kind, asked, rows, kind.encode(rows, None, labels), labels)
    assert list(found["predicted"]) == list(known["predicted"])
    assert list(found["loss"]) == pytest.approx(list(known["loss"]))
    assert all(from_text(text) for text in found["predicted"])


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("yolos", {"num_hidden_layers": 9}, "YolosForObjectDetection of .* numbers, but the wei"),
        ("yolos", {"hidden_size": "32"}, "hidden_size: found '32'"),
        ("detr", {"use_timm_backbone": True}, "use_timm_backbone: found True; .*no_timm"),
        ("detr", {"backbone": "resnet50"}, "backbone: found 'resnet50'"),
        ("segformer", {"depths": [10**9]}, "depths"),
        ("segformer", {"quantization_config": {}}, "quantization_config: found {}"),
        (
            "detr",
            {"backbone_config": {"model_type": "resnet", "depths": [5000]}},
            "depths.0: found",
        ),
        ("detr", {"decoder_layers": 10**6}, "decoder_layers: found 1000000"),
        ("detr", {"activation_function": "none"}, "no model can be built"),
    ],
)
def test_a_configuration_is_held_against_the_weights_before_a_model_is_built(
    kind: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    given = write_own_head(tmp_path / "given", kind)
    values = json.loads((given / "config.json").read_text())
    (given / "config.json").write_text(json.dumps(values | changes))
    with pytest.raises(StageError, match=said):
        require_sound(given, files_of(given, "given"), "given")


def test_a_body_without_its_head_is_refused(tmp_path: Path) -> None:
    given = write_own_head(tmp_path / "given", "segformer")
    model = transformers.SegformerModel.from_pretrained(given)
    model.save_pretrained(given)
    with pytest.raises(StageError, match="its head included"):
        require_sound(given, files_of(given, "given"), "given")
