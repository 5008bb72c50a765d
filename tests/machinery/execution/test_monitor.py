"""What a monitor keeps of a curve when a stage resumes."""

from PIL import Image

from tasks.machinery.execution.display import Quiet
from tasks.machinery.execution.monitor import StageMonitor
from tasks.machinery.store.checkpoints import save_checkpoint
from tasks.machinery.tracking.recording import pictures_by_step, read_curve


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


def test_half_a_line_that_a_kill_left_is_no_point_and_no_report(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr("tasks.machinery.host.small_files._say", told.append)
    StageMonitor("training", tmp_path, None, Quiet()).log(4, {"loss": 2.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "time": 17')
    assert points(tmp_path) == [(4, "loss")]
    assert told == []
    StageMonitor("training", tmp_path, None, Quiet()).log(8, {"loss": 1.0})
    save_checkpoint(tmp_path / "checkpoints", 8, lambda folder: (folder / "weights").touch())
    assert points(tmp_path) == [(8, "loss")]


def test_lines_that_cannot_be_read_are_left_out_and_reported(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr("tasks.machinery.host.small_files._say", told.append)
    good = b'{"step": %d, "time": 2.0, "loss": 1.0}'
    odd = (b"\xff\xfe", b"null", b"[]", b'{"step": 1}', b'{"step": 1, "time": 1, "loss": "x"}')
    lines = [good % 1, *odd, b'{"step": 1e999, "time": 1}', good % 9, b""]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines))
    assert points(tmp_path) == [(1, "loss"), (9, "loss")]
    [said] = told
    assert said.startswith(f"{tmp_path / 'metrics.jsonl'}: 6 of 8 lines cannot be read")
    assert "the first is line 2" in said


def test_the_display_gets_the_loss_its_trend_the_speed_and_the_time_left(tmp_path, monkeypatch):
    shown, said = [], []

    class Recording(Quiet):
        def progress(self, title, found):
            shown.append(found)

        def remark(self, text):
            said.append(text)

        say = remark

    now = iter(range(100))
    monkeypatch.setattr("tasks.machinery.execution.monitor.time.monotonic", lambda: next(now))
    monitor = StageMonitor("training", tmp_path, None, Recording())
    monitor.progress(0, 10, "steps")
    monitor.log(4, {"loss": 2.0, "tokens_per_second": 1000.0})
    monitor.log(5, {"loss": 1.0, "tokens_per_second": 1000.0})
    monitor.progress(5, 10, "steps")
    assert (shown[-1].done, shown[-1].total, shown[-1].unit) == (5, 10, "steps")
    assert shown[-1].left > 0
    assert shown[-1].latest == "loss 1.000 ↘ 1,000 tokens/s"
    monitor.end()
    assert any("▁" in text or "█" in text for text in said), "the curve, as a line"


def test_what_is_looked_at_is_drawn_at_the_step_that_is_logged_next(tmp_path):
    def drawing():
        def draw(shade):
            return Image.new("RGB", (8, 8), (shade, 0, 0))

        return StageMonitor("training", tmp_path, None, Quiet(), draw=draw)

    def shades():
        found = pictures_by_step(tmp_path).items()
        return {step: Image.open(file).getpixel((0, 0))[0] for step, file in found}

    first = drawing()
    first.log(4, {"loss": 2.0})
    for step, shade in ((8, 10), (12, 20)):
        first.look(shade)
        first.log(step, {"validation_loss": 1.0})
        first.log(step, {"loss": 1.0})
    assert shades() == {8: 10, 12: 20}
    save_checkpoint(tmp_path / "checkpoints", 8, lambda folder: (folder / "weights").touch())
    resumed = drawing()
    assert shades() == {8: 10}, "the rest is computed again"
    resumed.look(30)
    resumed.log(12, {"loss": 1.0})
    assert shades() == {8: 10, 12: 30}
    (tmp_path / "other").mkdir()
    plain = StageMonitor("training", tmp_path / "other", None, Quiet())
    plain.look(30)
    plain.log(4, {"loss": 1.0})
    assert not pictures_by_step(tmp_path / "other")
