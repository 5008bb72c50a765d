"""Ways of tuning side by side: their costs, and the verdicts against full."""

from tasks.comparison.comparison import Comparison, Tuned, Value
from tasks.comparison.energy import Power, Spent
from tasks.comparison.past_run import PastRun
from tasks.comparison.ways.gathering import ways_of
from tasks.comparison.ways.page import ways_blocks
from tasks.pages.document import Grid, Picture
from tasks.statistics.significance import Difference

METRICS = {
    "downstream/mood/accuracy": 0.6,
    "downstream/mood/accuracy/low": 0.5,
    "downstream/mood/accuracy/high": 0.7,
    "downstream/mood/majority/accuracy": 0.3,
}

POWER = Power(360, "as given")


def run(number, accuracy, seed="0", **params):
    metrics = METRICS | {"downstream/mood/accuracy": accuracy}
    given = {"seed": seed} | {f"downstream.mood.{name}": value for name, value in params.items()}
    return PastRun(str(number), f"run {number}", "e", "FINISHED", number, 1.0, given, metrics, {})


def tuned(method):
    return {"tuning.method": method}


class Known:
    """What remains of stages, by the run."""

    def numbers(self, run, title):
        assert title == "finetuning mood"
        method = run.params.get("downstream.mood.tuning.method", "full")
        sizes = {"adapter_bytes": 2e6} if method == "lora" else {}
        share = {"lora": 0.02}.get(method, 1.0)
        found = {"trained_parameters": 1000 * share, "trained_share": share, "model_bytes": 9e6}
        return found | sizes | {"peak_memory_mb": 500.0 + int(run.run_id)}

    def spent(self, run, title):
        return Spent(10.0 + int(run.run_id))


def difference(first, second, value):
    return Difference(
        first, second, value, value - 0.01, value + 0.02, 0.001, 100, problem="mood", adjusted=0.001
    )


RUNS = [run(0, 0.8), run(1, 0.7, **tuned("lora")), run(2, 0.6, **tuned("probe"))]
TESTED = [difference("A", "B", 0.1), difference("C", "A", -0.2), difference("B", "C", 0.1)]


def test_each_way_has_its_costs_and_its_difference_from_full():
    [full, lora, probe] = ways_of(RUNS, Known(), TESTED, POWER)["mood"]
    assert (full.method, full.against, full.size) == ("full", None, 9e6)
    assert (lora.setting, lora.trained, lora.share, lora.size) == ("B", 20, 0.02, 2e6)
    assert (lora.seconds, lora.memory) == (11.0, 501.0)
    assert lora.watt_hours == 11 * 360 / 3600
    assert lora.value == Value(0.7, 0.5, 0.7)
    assert (lora.against.first, lora.against.value) == ("B", -0.1)
    assert (lora.against.low, lora.against.high) == (-(0.1 + 0.02), -(0.1 - 0.01))
    assert lora.against.verdict == "worse"
    assert (probe.against.value, probe.against.verdict) == (-0.2, "worse")


def test_full_is_the_run_that_is_the_same_apart_from_the_tuning():
    runs = [run(0, 0.7), run(1, 0.8), run(2, 0.78, learning_rate="4e-3", **tuned("lora"))]
    for each, layers in zip(runs, "266", strict=True):
        each.params["model.layers"] = layers
    tests = [difference("C", "A", 0.08), difference("C", "B", -0.02), difference("B", "A", 0.1)]
    [small, large, lora] = ways_of(runs, Known(), tests, POWER)["mood"]
    assert (small.against, large.against) == (None, None)
    assert (lora.against.second, lora.against.value) == ("B", -0.02)
    runs[1].params["pretraining.steps"] = "9"
    assert ways_of(runs, Known(), tests, POWER)["mood"][2].against is None, "no run is the same"


def test_where_all_are_tuned_alike_there_is_no_table():
    assert ways_of([RUNS[0], run(3, 0.5, epochs="9")], Known(), [], POWER) == {}


def test_seeds_of_a_way_are_one_row_and_the_mean():
    again = [run(3, 0.6, seed="1", **tuned("lora"))]
    tests = [difference("mean of B, C", "A", -0.15)]
    found = ways_of([*RUNS[:2], *again], Known(), tests, POWER)["mood"]
    assert [way.setting for way in found] == ["A", "mean of B, C"]
    assert round(found[1].value.value, 3) == 0.65
    assert (found[1].value.low, found[1].seconds, found[1].memory) == (None, 12.0, 503.0)
    assert found[1].against.value == -0.15


def test_the_page_has_a_table_and_one_picture():
    ways = ways_of(RUNS, Known(), TESTED, POWER)
    found = Comparison(RUNS, {}, {}, [], TESTED, [], [], Power(1, ""), [], {}, [], ways)
    grid, picture, words = ways_blocks(found, figures=True)
    assert isinstance(grid, Grid)
    assert isinstance(picture, Picture)
    assert grid.header == [
        *("mood", "method", "trained", "share", "seconds", "Wh", "peak MB", "MB on disk"),
        *("accuracy", "against full"),
    ]
    assert [cell.text for cell in grid.rows[1]] == [
        *("B", "lora", "20", "2 %", "11.0", "1.1", "501", "2", "0.700 [0.500, 0.700]"),
        "-0.100 [-0.120, -0.090], A: worse",
    ]
    assert grid.rows[1][-1].strong
    assert picture.png.startswith(b"\x89PNG")
    assert "libraries included" in words.text
    assert [type(block) for block in ways_blocks(found, figures=False)] == [Grid, type(words)]


def test_what_is_unknown_is_left_open():
    lost = Tuned("B", "lora", None, None, None, None, None, None, None)
    found = Comparison(RUNS, {}, {}, [], [], [], [], Power(1, ""), [], {}, [], {"mood": [lost]})
    [grid, _] = ways_blocks(found, figures=True)
    assert {cell.text for cell in grid.rows[0][2:]} == {"–"}
