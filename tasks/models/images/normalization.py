"""A model that reads numbers of another mean and deviation, made to read those from -1 to 1.

Nothing of its weights changes: a hook converts what its backbone reads, so that augmentation,
problems and explanations know one kind of numbers only, and the model that is stored is a plain one
again, with its own preprocessor_config.json. A head that predicts pixels gives them in the model's
numbers, so its last layer is converted, and converted back before the model is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tasks.models.images.reader_file import Normalization


def reading_usual(model: Any, folder: Path) -> Any:
    """Have a model read numbers from -1 to 1, as the file in its folder says what its own are."""
    of_model = Normalization.of(folder)
    if of_model.is_usual:
        return model
    scale, offset = _conversion(of_model)

    def convert(_module: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if args:
            return (_converted(args[0], scale, offset), *args[1:]), named
        return args, named | {"pixel_values": _converted(named["pixel_values"], scale, offset)}

    model.base_model.register_forward_pre_hook(convert, with_kwargs=True)
    return model


def _conversion(of_model: Normalization) -> tuple[list[float], list[float]]:
    """What a number from -1 to 1 is multiplied by in each channel, and what is then added."""
    pairs = zip(of_model.mean, of_model.deviation, strict=True)
    both = [(0.5 / deviation, (0.5 - mean) / deviation) for mean, deviation in pairs]
    return [scale for scale, _ in both], [offset for _, offset in both]


def _converted(pixel_values: Tensor, scale: list[float], offset: list[float]) -> Tensor:
    factors, added = (pixel_values.new_tensor(each)[:, None, None] for each in (scale, offset))
    return pixel_values * factors + added


@torch.no_grad()
def convert_pixels(model: Any, folder: Path, *, back: bool = False) -> None:
    """Convert the layer that predicts pixels, if a model has one, to numbers from -1 to 1.

    Args:
        model: of transformers; its `decoder` is a convolution of 1 × 1, whose outputs are the
            pixels of a square, channel after channel.
        folder: with the file that says what the model's numbers are.
        back: from numbers from -1 to 1 to those of the model.
    """
    of_model, decoder = Normalization.of(folder), getattr(model, "decoder", None)
    if of_model.is_usual or decoder is None:
        return
    layer = next(part for part in decoder.modules() if isinstance(part, nn.Conv2d))
    scale, offset = _conversion(of_model)
    assert layer.bias is not None
    times = layer.out_channels // len(scale)
    factors, added = (
        layer.weight.new_tensor(each).repeat_interleave(times) for each in (scale, offset)
    )
    if back:
        layer.weight.mul_(factors[:, None, None, None])
        layer.bias.mul_(factors).add_(added)
    else:
        layer.weight.div_(factors[:, None, None, None])
        layer.bias.sub_(added).div_(factors)
