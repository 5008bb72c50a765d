"""What a monitor keeps of a curve when a stage resumes."""

from tasks.machinery.execution.display import Quiet
from tasks.machinery.execution.monitor import StageMonitor
from tasks.machinery.store.checkpoints import save_checkpoint
from tasks.machinery.tracking.recording import read_curve


def points(folder):
    return [
        (step, name) for step, _, values in read_curve(folder / "metrics.jsonl") for name in values
    ]


def test_a_resumed_curve_has_each_point_once(tmp_path):
    """Also a validation that an interruption put off and that was made after the checkpoint."""
    first = StageMonitor("training", tmp_path, None, Quiet())
    first.log(4, {"loss": 2.0})
    first.log(8, {"loss": 1.0})
    save_checkpoint(tmp_path / "checkpoints", 8, lambda folder: (folder / "weights").touch())
    second = StageMonitor("training", tmp_path, None, Quiet())
    second.log(8, {"validation_loss": 1.5})  # put off
    second.log(12, {"loss": 0.5})  # and killed before the next checkpoint
    third = StageMonitor("training", tmp_path, None, Quiet())
    third.log(8, {"validation_loss": 1.5})
    third.log(12, {"loss": 0.5})
    third.log(16, {"loss": 0.4})
    expected = [(4, "loss"), (8, "loss"), (8, "validation_loss"), (12, "loss"), (16, "loss")]
    assert points(tmp_path) == expected
