"""The operations that are counted from shapes are those that torch multiplies."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from tests.support.shapes import KINDS, case


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_counted_as_torch_counts_it(kind):
    given = case(kind)
    given.model.set_attn_implementation("eager")  # the fused one computes scores twice
    with FlopCounterMode(display=False) as counter:
        found = given.loss(given.model, given.batch)
        (found["loss"] if isinstance(found, dict) else found).backward()
    assert given.computation.flops(given.batch) == counter.get_total_flops()
