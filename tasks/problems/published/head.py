"""A model of transformers with its own head, made to answer as a problem asks.

MLflow copies this file into a model that it serves: it imports nothing of Temper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import AutoConfig


@dataclass(frozen=True)
class Answering:
    """Creates the models of a problem, as the `Auto` classes of transformers do.

    A model has the class that transformers has for its configuration and the problem, so that it
    is stored as a plain one; an interface adds how it answers.

    Attributes:
        interfaces: by the name of a mapping of transformers, such as
            `MODEL_FOR_OBJECT_DETECTION_MAPPING`, what its classes answer with.
        otherwise: the class for all other configurations, with a head of ours.
    """

    interfaces: tuple[tuple[str, type], ...]
    otherwise: Any

    def class_of(self, config: Any) -> Any:
        """The class of the models with a configuration."""
        for mapping, interface in self.interfaces:
            known = getattr(transformers, mapping)
            if type(config) in known:
                own = known[type(config)]
                # The name of a class is what transformers finds its loss by, and stores.
                return type(own.__name__, (interface, own), {"__module__": own.__module__})
        return self.otherwise

    def from_config(self, config: Any, **_options: Any) -> Any:
        """A model with random weights."""
        return self.class_of(config)(config)

    def from_pretrained(
        self, folder: Any, *, output_loading_info: bool = False, **_options: Any
    ) -> Any:
        """A model in fp32 from a folder that `save_pretrained` wrote; and what was found in it."""
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        return self.class_of(config).from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=output_loading_info,
        )
