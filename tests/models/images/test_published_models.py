"""Published models read the same numbers as with their own image processor, at any size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tasks.contract import Silent, StageError
from tasks.data.images.augmentation import to_tensor
from tasks.experiment.images.pictures import Pixels
from tasks.models.bodies import read_model
from tasks.models.images.reader_file import Normalization
from tasks.stages.images.start import fit_start
from tests.support.tiny_published import DEVIATION, MEAN, PUBLISHED, SIDE, write_published

CLASSIFIERS = ("resnet", "convnext", "vit", "swin")
FAMILIES = {"mae": "vit"}


def family_of(kind: str) -> str:
    return FAMILIES.get(kind, kind.partition("-")[0])


def fitted(folder: Path, kind: str, size: int = SIDE, monitor: Silent | None = None) -> Path:
    """A published model fitted to pictures of a size."""
    given = write_published(folder / kind, kind)
    out = folder / f"{kind}-{size}"
    out.mkdir()
    pixels = Pixels(size=size, fit="stretch")
    monitor = monitor or Silent()
    fit_start(pixels, family=family_of(kind), start=given, out=out, monitor=monitor)
    return out / "model"


def pictures(size: int = SIDE) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (3, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_classifier_answers_as_with_its_own_image_processor(kind, tmp_path) -> None:
    folder = fitted(tmp_path, kind)
    published = tmp_path / kind
    own = transformers.AutoModelForImageClassification.from_pretrained(published).eval()
    reader = transformers.AutoImageProcessor.from_pretrained(published)
    given = reader(
        [Image.fromarray(each) for each in pictures()],
        size={"height": SIDE, "width": SIDE},
        do_resize=False,
        return_tensors="pt",
    )
    model, _ = read_model(
        transformers.AutoModelForImageClassification, folder, "AutoImageProcessor"
    )
    with torch.no_grad():
        wanted = own(**given).logits
        found = model(pixel_values=to_tensor(pictures()).to(model.device)).logits.cpu()
    assert torch.allclose(found, wanted, atol=1e-4)
    assert Normalization.of(folder) == Normalization(tuple(MEAN), tuple(DEVIATION))


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("size", [16, 48])
def test_a_model_reads_pictures_of_another_size(kind, size, tmp_path) -> None:
    folder = fitted(tmp_path, kind, size)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    assert model.config.model_type == family_of(kind)
    with torch.no_grad():
        states = model(pixel_values=to_tensor(pictures(size))).last_hidden_state
    assert torch.isfinite(states).all()


def test_position_embeddings_are_interpolated_as_transformers_does(tmp_path) -> None:
    monitor = Silent()
    folder = fitted(tmp_path, "vit", 48, monitor)
    given = to_tensor(pictures(48))
    own = transformers.ViTForImageClassification.from_pretrained(tmp_path / "vit").eval()
    model = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        wanted = own(pixel_values=given, interpolate_pos_encoding=True).logits
        found = model(pixel_values=given).logits
    assert torch.allclose(found, wanted, atol=1e-5)
    assert "interpolated from 4 × 4 to 6 × 6 patches of 8 pixels" in monitor.facts["notices"]


def test_windows_are_no_larger_than_what_the_last_stage_reads(tmp_path) -> None:
    monitor = Silent()
    folder = fitted(tmp_path, "swin", 8, monitor)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    assert model.config.window_size == 2
    with torch.no_grad():
        model(pixel_values=to_tensor(pictures(8)))
    assert "windows are of 2 patches, not 4" in monitor.facts["notices"]


def test_the_encoder_of_a_masked_autoencoder_is_a_vit(tmp_path) -> None:
    folder = fitted(tmp_path, "mae")
    own = transformers.ViTMAEModel.from_pretrained(tmp_path / "mae").eval()
    model = transformers.AutoModel.from_pretrained(folder).eval()
    given = to_tensor(pictures())
    own.config.mask_ratio = 0.0
    noise = torch.arange(16.0).expand(3, -1)  # patches stay in their order
    with torch.no_grad():
        wanted = own(pixel_values=given, noise=noise).last_hidden_state
        found = model(pixel_values=given).last_hidden_state
    assert torch.allclose(found, wanted, atol=1e-5)


def test_weights_of_another_model_are_refused(tmp_path) -> None:
    given = write_published(tmp_path / "vit", "vit")
    other = write_published(tmp_path / "resnet", "resnet")
    (given / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    (tmp_path / "out").mkdir()
    with pytest.raises(StageError, match=r"vit/ has no weights for .* parts of a model of the fam"):
        fit_start(
            Pixels(size=SIDE), family="vit", start=given, out=tmp_path / "out", monitor=Silent()
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_std": [0.2, 0, 0.2]}, "image_std: found .*a deviation is at least 0.001"),
        ({"image_std": [0.2, -0.2, 0.2]}, "image_std: found .*a deviation is at least"),
        ({"do_rescale": "false"}, "do_rescale: found 'false'; accepted: true or false"),
        ({"image_mean": "grey"}, "image_mean: found grey; accepted: three numbers"),
        ({"rescale_factor": 0.5}, "rescale_factor: found 0.5; accepted: pixels that are divided"),
    ],
)
def test_an_image_processor_of_other_numbers_is_refused(change, said, tmp_path) -> None:
    values = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3} | change
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    with pytest.raises(StageError, match=said):
        Normalization.of(tmp_path)
