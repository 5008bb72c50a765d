"""The part `model`: which architecture, and its size."""

from __future__ import annotations

from pydantic import model_validator

from tasks.experiment import choices
from tasks.experiment.fields import Part, field


class Model(Part):
    """The encoder that is pre-trained and then fine-tuned."""

    family: str = field(
        "bert", "Family", "Architecture of the encoder", choices=choices.names("families")
    )
    layers: int = field(4, "Layers", "Transformer layers", ge=1, le=96)
    hidden_size: int = field(256, "Hidden size", "Width of the hidden states", ge=8, le=8192)
    heads: int = field(4, "Heads", "Attention heads; they divide the hidden size", ge=1, le=128)
    intermediate_size: int = field(
        0,
        "Intermediate size",
        "Width of the feed-forward layer; 0 is four times the hidden size, eight thirds of it with "
        "ModernBERT and Llama, whose layers have a gate",
        ge=0,
        le=65_536,
    )
    max_positions: int = field(
        512,
        "Positions",
        "Longest sequence that the model can read, in tokens",
        ge=8,
        le=32_768,
    )
    initializer_range: float = field(
        0.02,
        "Initializer range",
        "Standard deviation of the layers' random weights (that of embeddings is always 0.02); "
        "0.02 is BERT's; 0.088 (1/√width) was better with 128 units and 2 layers, much worse with "
        "256 and 4",
        ge=1e-4,
        le=1,
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Model:
        if self.hidden_size % self.heads:
            fitting = [h for h in range(1, self.hidden_size + 1) if self.hidden_size % h == 0]
            nearest = sorted(sorted(fitting, key=lambda h: abs(h - self.heads))[:4])
            raise ValueError(
                f"heads ({self.heads}) must divide hidden_size ({self.hidden_size}); "
                f"accepted near it: {', '.join(map(str, nearest))}"
            )
        return self
