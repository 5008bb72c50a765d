"""Numbers as text."""

from __future__ import annotations

import pytest

from tasks.statistics.numbers import bare


@pytest.mark.parametrize(
    ("value", "unit", "sign", "text"),
    [
        (-0.0001, "share", "+", "+0.0"),  # not -0.0
        (-0.0001, "share", "", "0.0"),
        (-1e-9, "number", "+", "+0.000"),
        (-0.0951, "share", "+", "-9.5"),
        (123_456.0, "number", "+", "+123,456"),
        (-0.5276, "number", "", "-0.528"),
    ],
)
def test_a_number_that_is_rounded_to_zero_has_no_minus(
    value: float, unit: str, sign: str, text: str
) -> None:
    assert bare(value, unit, sign) == text  # type: ignore[arg-type]
