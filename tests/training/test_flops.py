"""The operations that are counted from shapes are those that torch multiplies."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from tasks.models.depths import freeze
from tasks.models.text_computation import text_computation
from tasks.training import flops
from tests.support.shapes import KINDS, case


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_counted_as_torch_counts_it(kind):
    given = case(kind)
    given.model.set_attn_implementation("eager")  # the fused one computes scores twice
    with FlopCounterMode(display=False) as counter:
        found = given.loss(given.model, given.batch)
        (found["loss"] if isinstance(found, dict) else found).backward()
    assert given.computation.flops(given.batch) == counter.get_total_flops()


@pytest.mark.parametrize("kind", ["bert text-classification", "llama text-classification"])
def test_a_frozen_encoder_is_counted_without_a_backward_pass(kind):
    given = case(kind)
    given.model.set_attn_implementation("eager")
    freeze(given.model, "encoder")
    rows, length = given.batch["input_ids"].shape
    how = text_computation(
        given.model,
        head=given.head,
        split=given.splitting.split,
        counts=given.splitting.counts,
        micro_batch_size=0,
        batch_size=rows,
        length=length,
        row=[],
        precision="fp32",
        frozen=True,
    )
    with FlopCounterMode(display=False) as counter:
        given.loss(given.model, given.batch).backward()
    first = flops.of_products(given.head(given.model.config, given.batch)[:1])
    assert how.flops(given.batch) - first == counter.get_total_flops()  # its input needs none
