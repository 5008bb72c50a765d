"""What the page of a comparison says of chance."""

import pytest

from tasks.comparison.page import shown_p


@pytest.mark.parametrize(
    "p, shown", [(0.0002, "<0.0003"), (0.0004, "0.0004"), (0.0123, "0.012"), (1.0, "1.000")]
)
def test_a_p_value_is_never_shown_as_zero(p, shown):
    assert shown_p(p, 10_000) == shown
