"""The architectures: one file per family.

To add one: write `NAME.py` with the names of `Family`. NAME is the `model_type` in transformers,
with `_` for `-`. Import heavy libraries inside functions, since plans read these files. What models
of the BERT kind share is in `_bert_fields.py`.

The rest of the code expects of its models what transformers' models have: `hidden_size`,
`initializer_range` and `max_position_embeddings` in the configuration, `base_model_prefix`, output
weights that are those of the embeddings, and the `AutoModel` class of each problem. An encoder has
a bias in the output too (`get_output_embeddings().bias`). A weight that does not learn, such as a
computed table, has `requires_grad` False. A decoder (`gpt2.py` is an example) has
none, and the special tokens of `_decoder_fields.py`. "Encoder" below means either: all but the
head.

To test it: `pytest tests/families tests/models tests/training tests/experiment -k NAME` and
`tests/flows/serving` check every family; `pytest -m slow tests/families/test_every_family.py -k
NAME` pre-trains it, fine-tunes it for each problem, and loads it again.
`tests.support.shapes.case("NAME mlm")`, or `clm`, makes a small model of it with a batch, for tests
of its head, its operations and its memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.contract import StageError
from tasks.experiment import choices

if TYPE_CHECKING:
    from tasks.experiment.model import Model
    from tasks.training.flops import Product


class Family(Protocol):
    """The names in the module of a family; `config` is a model's, of transformers.

    Attributes:
        HEADS: What its models can be pre-trained to do, a tuple of words written in the file, since
            plans read it from there: "masked tokens" (`AutoModelForMaskedLM`), "sentence pairs"
            (`AutoModelForPreTraining` with `seq_relationship_logits`), "replaced tokens"
            (`AutoModelForPreTraining` with a logit for each token), "next tokens", of a decoder
            (`AutoModelForCausalLM`). The `HEADS` of an objective are those it needs.
        PLAIN_ATTENTION: Whether its plain (eager) attention computes the same as `attend` of
            `tasks/training/kernels/attention.py`, which may then replace it. Its layers of
            attention must have `query`, `key` and `value`, and call what transformers chooses
            (`set_attn_implementation`); otherwise False.

    `_SIZES`, which is in no key (`tasks/experiment/model.py`), names published sizes, `tiny` and at
    least one other: layers, hidden size, heads. `_LAYERS` says what makes the parameters more or
    less than BERT's: "gated" (a third matrix in feed-forward layers), "shared" (all layers are
    one), "relative positions", "narrow embeddings" (of 128), and "no biases" (in the layers);
    also "no checkpointing", where transformers does not recompute them.

    A family with rotary positions states `POSITIONS = ("rotary",)` too: a head has an even width.
    One with the head "replaced tokens" has `generator(config)`, the configuration of the masked
    language model that replaces tokens for a model, and `detection_products(config, positions)`,
    the matrix products of the head. The encoders of both keep all embeddings in `embeddings`.
    """

    HEADS: tuple[str, ...]
    PLAIN_ATTENTION: bool

    def configure(self, model: Model, tokenizer: Any, dropout: float) -> Any:
        """The configuration of an encoder that reads the tokens of a tokenizer.

        With all fields of `model`, the vocabulary and the special tokens of the tokenizer.
        """

    def dropout(self, probability: float) -> dict[str, float]:
        """The fields of a configuration that set the dropout of the encoder and of its heads.

        They replace those of a given model when it is fine-tuned. Only fields that the
        configuration has, or that its heads read.
        """

    def longest_input(self, config: Mapping[str, Any]) -> int | None:
        """Tokens that a model can read at once; None: any number. `config`: its config.json."""

    def language_model_head(self, model: Any) -> Any:
        """The first module of the language-model head, whose input is the hidden states.

        Of an encoder, its input is replaced by the hidden states of the masked positions alone. The
        modules after it compute each position independently: given some positions only, they return
        the logits of these positions. Of a decoder, it is the whole head: a linear layer.
        """

    def language_model_products(self, config: Any, positions: int) -> list[Product]:
        """The matrix products of the language-model head for a number of positions."""

    def encoder_flops(self, config: Any, rows: int, length: int) -> float:
        """Operations of a forward pass through the encoder.

        Args:
            config: of the model.
            rows: sequences.
            length: tokens in each, with padding.
        """

    def encoder_bytes(self, config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
        """Memory of a forward and backward pass of one row through the encoder, in bytes.

        Args:
            config: of the model.
            length: tokens in the row.
            bf16: the matrix products are in bf16.
            plain_attention: the attention is computed by `attend`. For a family whose attention is
                never fused, count with True always.
        """


def names() -> tuple[str, ...]:
    """The names of all families, as an experiment writes them: `bert`."""
    return choices.names("families")


def module_of(family: str) -> str:
    """The module that describes a family."""
    return f"{__name__}.{family.replace('-', '_')}"


def load(family: str) -> Family:
    """Import a family by its name.

    Raises:
        StageError: its file lacks a name of `Family`.
    """
    module = importlib.import_module(module_of(family))
    needed = {name for name in vars(Family) if not name.startswith("_")} | set(
        Family.__annotations__
    )
    if missing := sorted(name for name in needed if not hasattr(module, name)):
        raise StageError(f"{module.__file__} lacks {', '.join(missing)} of `Family`")
    return cast(Family, module)
