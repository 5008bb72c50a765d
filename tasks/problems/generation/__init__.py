"""Generation: a text is continued, as it was written (decoders: GPT-2, Llama)."""

from typing import Any, cast

from tasks.problems import Head, Metric


class _Either(tuple[str, ...]):
    """Endings of which one is needed."""

    def __str__(self) -> str:
        return " or …".join(self)


INPUT, TRUTH = "prompt", "target"
ROWS = "prompts"
METRICS = {
    "bits_per_byte": Metric("bits per byte of the target", "bits", "lower"),
    "chrf": Metric("chrF (F2 of pieces of 1 to 6 characters)"),
    "rouge_l": Metric("ROUGE-L (F1 of the longest common sequence of words)"),
}
HEADLINE = "bits_per_byte"
PARTS = None
# GPT-2's class is called otherwise than that of all others; `str.endswith` accepts both.
HEAD = Head(cast(Any, _Either(("LMHeadModel", "ForCausalLM"))), "")
LIBRARIES: tuple[str, ...] = ()
