"""A rule is in the unit of the metric: of a share, more than 1 is a mistake."""

import pytest

from flows.runs.rule_bounds import require_bounds
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.retraining import Rule


def test_a_bound_on_a_share_is_at_most_1():
    require_bounds(Rule(minimum_gain=1, worst_class_loss=1), "text-classification")
    with pytest.raises(InvalidExperimentError) as caught:
        require_bounds(Rule(minimum_gain=5, worst_class_loss=2), "token-classification")
    assert caught.value.lines == [
        "rule.minimum_gain: found 5; accepted: at most 1, since entity F1 is a share: 0.01 is one "
        "percentage point",
        "rule.worst_class_loss: found 2; accepted: at most 1, since F1 is a share: 0.01 is one "
        "percentage point",
    ]
