"""A backbone of transformers with a head that answers at each place of a picture.

MLflow copies this file into a model that it serves: it imports nothing of Temper. The folder of
such a model has the configuration of the backbone, and its weights under the names that the
backbone's own class has, so that `AutoModel.from_pretrained` reads the backbone from it.

The maps of the backbone are brought to one width by 1 × 1 convolutions, and added from the coarsest
to the finest (Lin et al., 2017, "Feature pyramid networks for object detection", section 3); two
3 × 3 convolutions and a 1 × 1 follow. A ViT has one map, of its last layer (Li et al., 2022,
"Exploring plain vision transformer backbones for object detection").
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel

STRIDE = 4  # pixels of the picture for a cell of the head, in each direction
WIDTH = 64  # channels of the head
GROUPS = 8  # of its norms, which see each picture alone
TRIED = 32  # side of a picture that tells the widths of the maps


class DenseModel(PreTrainedModel):
    """A backbone, and a head with several outputs at each cell.

    Args:
        config: of the backbone.
        outputs: numbers for each cell.
    """

    config_class = PretrainedConfig

    def __init__(self, config: Any, outputs: int) -> None:
        super().__init__(config)
        body = AutoModel.from_config(config)
        pooler = getattr(body, "pooler", None)
        if pooler is not None and any(True for _ in pooler.parameters()):
            body.pooler = None  # it reads no places
        self.base_model_prefix = str(body.base_model_prefix)
        setattr(self, self.base_model_prefix, body)
        side = int(getattr(config, "image_size", None) or TRIED)
        with torch.no_grad():
            tried = maps_of(body.eval(), torch.zeros(1, 3, side, side))
        self.laterals = nn.ModuleList(nn.Conv2d(each.shape[1], WIDTH, 1) for each in tried)
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
                nn.GroupNorm(GROUPS, WIDTH),
                nn.ReLU(),
            ]
        self.head = nn.Sequential(*layers, nn.Conv2d(WIDTH, outputs, 1))
        self.post_init()

    @classmethod
    def from_config(cls, config: Any, **_options: Any) -> Self:
        """A model with random weights, as the `Auto` classes of transformers make them."""
        return cls(config)  # type: ignore[call-arg]

    @classmethod
    def from_pretrained(
        cls, folder: Any, *, output_loading_info: bool = False, **_options: Any
    ) -> Any:
        """A model in fp32 from a folder that `save_pretrained` wrote; and what was found in it."""
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        return super().from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=output_loading_info,
        )

    def cells(self, pixel_values: Tensor) -> Tensor:
        """[pictures, outputs, rows, columns]: a cell for STRIDE × STRIDE pixels.

        Args:
            pixel_values: [pictures, 3, height, width].
        """
        size = [-(-side // STRIDE) for side in pixel_values.shape[2:]]
        found: Tensor | None = None
        maps = maps_of(self.base_model, pixel_values)
        for lateral, each in zip(reversed(self.laterals), reversed(maps), strict=True):
            here = lateral(each)
            found = here if found is None else here + resized(found, list(here.shape[2:]))
        assert found is not None
        cells: Tensor = self.head(resized(found, size))
        return cells

    def _init_weights(self, module: nn.Module) -> None:
        """The weights are those that the layers and the backbone begin with."""


def maps_of(body: Any, pixel_values: Tensor) -> list[Tensor]:
    """The maps of a backbone, one of each stage, the finest first.

    Each is of shape [pictures, channels, rows, columns].
    """
    outputs = body(pixel_values=pixel_values, output_hidden_states=True)
    staged = getattr(outputs, "reshaped_hidden_states", None)
    if staged is not None:  # of a transformer with stages
        return list(staged[1:])
    states: Tensor = outputs.last_hidden_state
    if states.ndim == 3:  # tokens; those before the patches are of the whole picture
        side = int((states.shape[1]) ** 0.5)
        patches = states[:, states.shape[1] - side * side :]
        return [patches.transpose(1, 2).unflatten(2, (side, side))]
    return list(outputs.hidden_states[1:])  # the first is what the stages read


def resized(maps: Tensor, size: list[int]) -> Tensor:
    """Maps of another number of rows and columns, if they have one."""
    if list(maps.shape[2:]) == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)
