"""A backbone with a projection, whose features are compared: for contrastive pre-training."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from tasks.models.images.building import in_layout, new_model
from tasks.models.images.features import pooled

PROJECTED = 128  # width of a projection


class TwoViews(PreTrainedModel):
    """A backbone, and a projection of its features by two layers (Chen et al., 2020, section 4.2).

    Args:
        body: a model of transformers without a head.
        width: of its features.
    """

    config_class = PretrainedConfig
    base_model_prefix = "body"
    _supports_sdpa = True  # where the backbone has attention; its configuration is this one's

    def __init__(self, body: Any, width: int) -> None:
        super().__init__(body.config)
        self.body = body
        self.projection = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTED)
        )
        self.post_init()

    @classmethod
    def new(cls, config: Any, seed: int) -> Self:
        """A model with random weights that depend on the seed alone."""
        body = new_model(AutoModel, config, seed)
        side = getattr(config, "image_size", 32)
        with torch.no_grad():
            width = pooled(body.eval(), torch.zeros(1, 3, side, side)).shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            whole = cls(body, width)
        in_layout(whole)
        return whole

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[pictures, PROJECTED] the projections."""
        found: Tensor = self.projection(pooled(self.body, pixel_values))
        return found

    def _init_weights(self, module: nn.Module) -> None:
        """The weights are those that the layers and the backbone begin with."""
