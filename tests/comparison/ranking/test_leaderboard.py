"""The leaderboard: ranks, duplicates and what varies."""

from dataclasses import replace

import pytest

from tasks.comparison.comparison import differing, incomparable_pretraining, metric_rows
from tasks.comparison.past_run import PastRun
from tasks.comparison.ranking.leaderboard import (
    UnknownMetricError,
    fold,
    grouped,
    metrics_to_rank,
    ranked,
    varying,
    with_seconds,
)
from tasks.comparison.ranking.page import leaderboard_json, leaderboard_page, what_is_measured
from tasks.data.tally import Tally
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.tracking.tags import TEST_ROWS_OF, UsedStage
from tasks.pages.data_card import show


def of_stage(artifact="dataset/1", digest=""):
    return str(UsedStage("completed", "r", artifact, digest))


def run(run_id, accuracy, f1=0.5, *, at=0.0, results="", experiment="e", **params):
    metrics = {
        "downstream/mood/accuracy": accuracy,
        "downstream/mood/accuracy/low": accuracy - 0.1,
        "downstream/mood/accuracy/high": accuracy + 0.1,
        "downstream/mood/majority/accuracy": 0.5,
        "downstream/names/f1": f1,
        "downstream/names/majority/f1": 0.0,
        "pretraining/validation_loss": 5 - accuracy,
    }
    tags = {
        "temper.results": results or run_id,
        "temper.stage.tokens": of_stage(f"tokens/{run_id}"),
    }
    return PastRun(run_id, f"run {run_id}", experiment, "FINISHED", at, 1.0, params, metrics, tags)


def test_runs_with_the_same_results_are_one_row_with_a_count():
    runs = [run("a", 0.5, at=1, results="x"), run("b", 0.5, at=2, results="x"), run("c", 0.6)]
    found = {entry.run.run_id: entry.count for entry in fold(runs)}
    assert found == {"b": 2, "c": 1}, "the newest stands for all"


def test_what_did_not_finish_is_left_out():
    killed = PastRun("k", "k", "e", "KILLED", 0.0)
    assert fold([killed]) == []


def test_the_mean_of_the_ranks_decides_by_default():
    entries = fold([run("a", 0.9, 0.1), run("b", 0.8, 0.9), run("c", 0.1, 0.2)])
    metrics = metrics_to_rank([entry.run for entry in entries])
    assert metrics == ["downstream/mood/accuracy", "downstream/names/f1"]
    [group] = grouped(entries, metrics)
    assert [(entry.run.run_id, entry.rank) for entry in group.entries] == [
        ("b", 1.5),
        ("a", 2.0),
        ("c", 2.5),
    ]


def test_who_is_equal_shares_a_place_and_the_next_is_left_out():
    runs = [run("a", 0.9), run("b", 0.8, at=2), run("c", 0.8, at=1), run("d", 0.1)]
    groups = grouped(fold(runs), ["downstream/mood/accuracy"])
    page = leaderboard_page(groups, "e")
    shown = [row[0].text for row in page.sections[0].blocks[0].rows]
    assert shown == [" 1 a", " 2 b", " 2 c", " 4 d"]
    [group] = leaderboard_json(groups)["groups"]
    assert [row["place"] for row in group["rows"]] == [1, 2, 2, 4]


def test_of_a_loss_less_is_better():
    entries = fold([run("a", 0.1), run("b", 0.9)])
    metrics = metrics_to_rank([entry.run for entry in entries], "pretraining/validation_loss")
    assert [entry.run.run_id for entry in ranked(entries, metrics)] == ["b", "a"]


def test_a_metric_may_be_named_in_short_and_an_unknown_one_is_told():
    runs = [run("a", 0.1)]
    assert metrics_to_rank(runs, "mood/accuracy") == ["downstream/mood/accuracy"]
    with pytest.raises(UnknownMetricError, match="did you mean downstream/mood/accuracy"):
        metrics_to_rank(runs, "mood/acuracy")


BOTH = ["downstream/mood/accuracy", "downstream/names/f1"]


def test_a_run_without_one_of_the_problems_is_not_ranked_with_those_that_have_it():
    other = PastRun("z", "z", "e", "FINISHED", 9.0, metrics={"downstream/names/f1": 0.9})
    body = PastRun("b", "b", "e", "FINISHED", 9.0, metrics={"pretraining/validation_loss": 4.0})
    groups = grouped(fold([other, run("a", 0.1), body]), BOTH)
    assert [[entry.run.run_id for entry in group.entries] for group in groups] == [["a"], ["z"]]
    assert [group.metrics for group in groups] == [BOTH, ["downstream/names/f1"]]
    page = leaderboard_page(groups, "e")
    said = [block.text for block in page.sections[0].blocks if hasattr(block, "text")]
    assert "comparable only where the test rows" in said[-1]


def test_runs_on_other_test_rows_are_in_a_table_of_their_own():
    def on(run_id, rows, accuracy):
        found = run(run_id, accuracy)
        return replace(found, tags=found.tags | {"temper.test_rows.mood": rows})

    runs = [on("a", "1" * 16, 0.1), on("b", "2" * 16, 0.9), on("c", "1" * 16, 0.2)]
    groups = grouped(fold(runs), ["downstream/mood/accuracy"])
    found = [[entry.run.run_id for entry in group.entries] for group in groups]
    assert found == [["c", "a"], ["b"]]
    page = leaderboard_page(groups, "e")
    assert page.sections[0].blocks[0].text == "1 of 2: mood (test rows 11111111)."


def test_the_card_of_the_data_calls_the_test_rows_as_the_leaderboard_does(tmp_path):
    test, tally = tmp_path / "test.parquet", Tally("moods", "rows", ("train", "test"), "")
    test.write_bytes(b"rows")
    tally.write(tmp_path / "tally.json", {})
    show(tmp_path, tmp_path)
    found = run("a", 0.5)
    tags = found.tags | {f"{TEST_ROWS_OF}mood": digest_file(test)[:16]}
    groups = grouped(fold([replace(found, tags=tags)]), ["downstream/mood/accuracy"])
    name = digest_file(test)[:8]
    assert f"mood (test rows {name})" == what_is_measured(groups[0])
    assert f"| in leaderboards, the test rows are | {name} |" in (tmp_path / "card.md").read_text()


def test_a_part_on_its_own_adds_no_column_by_being_one():
    parts = [run("a", 0.1, seed="1"), run("b", 0.2, model="runs:/1"), run("c", 0.3, model="2")]
    parts[1:] = [replace(part, tags=part.tags | {"temper.stage": "evaluate"}) for part in parts[1:]]
    assert set(varying(fold(parts))) == {"model"}


def test_a_run_of_an_older_version_is_ranked_with_new_ones_on_the_same_data():
    def on(run_id, accuracy, **tags):
        found = run(run_id, accuracy)
        return replace(
            found, tags=found.tags | {"temper.stage.dataset mood": of_stage(digest="d" * 16)} | tags
        )

    runs = [on("old", 0.1), on("new", 0.2, **{"temper.test_rows.mood": "1" * 16})]
    [group] = grouped(fold(runs), ["downstream/mood/accuracy"])
    assert [entry.run.run_id for entry in group.entries] == ["new", "old"]


def test_only_what_varies_within_an_experiment_is_a_column():
    entries = fold(
        [
            run("a", 0.1, experiment="e", heads="1", **{"model.layers": "2"}),
            run("b", 0.2, experiment="e", heads="2", **{"model.layers": "2"}),
            run("c", 0.3, experiment="f", heads="1", **{"model.layers": "4"}),
        ]
    )
    assert set(varying(entries)) == {"heads"}


def test_runs_that_differ_by_the_seed_alone_are_one_row_with_its_spread():
    runs = [run(name, value, seed=name, layers="2") for name, value in (("1", 0.5), ("2", 0.7))]
    runs += [run("3", 0.8, seed="1", layers="4"), run("4", 0.5, seed="1", layers="2", results="1")]
    groups = grouped(fold(runs), ["downstream/mood/accuracy"])
    grid, words = leaderboard_page(groups, "e").sections[0].blocks
    shown = [[row[i].text for i in (0, 1)] for row in grid.rows]
    assert shown == [[" 1 3", "0.800 [0.700, 0.900]"], [" 2 1", "0.600 ± 0.141 (0.500 to 0.700)"]]
    column = grid.header.index("seeds")
    assert [row[column].text for row in grid.rows] == ["1", "1, 2"]
    assert "differ by the seed alone share a row" in words.text
    rows = leaderboard_json(groups)["groups"][0]["rows"]
    assert [(row["times"], row["runs"], row["seeds"]) for row in rows] == [
        (1, ["3"], ["1"]),
        (3, ["1", "2"], ["1", "2"]),
    ]
    assert rows[1]["metrics"]["downstream/mood/accuracy"]["over_seeds"]["seeds"] == 2


def test_seconds_are_known_only_where_all_stages_are():
    entries = with_seconds(fold([run("a", 0.1), run("b", 0.2)]), {"tokens/a": 3.0})
    assert {entry.run.run_id: entry.seconds for entry in entries} == {"a": 3.0, "b": None}


def test_the_page_has_a_row_for_each_run_and_marks_the_best():
    runs = [run("a", 0.1, layers="1"), run("b", 0.9, layers="2")]
    groups = grouped(fold(runs), ["downstream/mood/accuracy"])
    page = leaderboard_page(groups, "e")
    grid, words = page.sections[0].blocks
    assert [row[0].text for row in grid.rows] == [" 1 b", " 2 a"]
    assert [row[1].strong for row in grid.rows] == [True, False]
    assert grid.rows[0][1].text == "0.900 [0.800, 1.000]"
    assert grid.header[-1] == "layers"
    names = [row[grid.header.index("name")].text for row in grid.rows]
    assert names == ["run b", "run a"]
    assert "may differ by chance" in words.text
    [group] = leaderboard_json(groups)["groups"]
    assert [(row["place"], row["run_id"], row["parameters"]) for row in group["rows"]] == [
        (1, "b", {"layers": "2"}),
        (2, "a", {"layers": "1"}),
    ]


def test_absent_parameters_differ_from_all_values():
    assert differing([{"a": "1", "b": "2"}, {"a": "1"}]) == {"b": ["2", None]}


def test_the_best_is_marked_in_the_direction_of_the_metric_and_never_where_all_are_equal():
    rows = {row.name: row.best for row in metric_rows([run("a", 0.1), run("b", 0.9)], frozenset())}
    assert rows["downstream/mood/accuracy"] == {1}
    assert rows["pretraining/validation_loss"] == {1}
    assert rows["downstream/names/f1"] == frozenset()
    assert rows["downstream/mood/majority/accuracy"] == frozenset()
    gains = [replace(run("a", 0.1), metrics={"downstream/mood/gain": gain}) for gain in (0.1, 0.2)]
    assert not metric_rows(gains, frozenset())[0].best, "a worse model from scratch makes it larger"
    apart = metric_rows([run("a", 0.1), run("b", 0.9)], frozenset({"downstream/mood/"}))
    assert not next(row for row in apart if row.name == "downstream/mood/accuracy").best


def test_losses_on_other_tokens_cannot_be_compared():
    def on(digest, **params):
        tags = {"temper.stage.tokens": of_stage(digest=digest)}
        return PastRun("a", "a", "e", "FINISHED", 0.0, params=params, tags=tags)

    assert incomparable_pretraining([on("x"), on("x")]) == ""
    assert "not have the same held-out text" in incomparable_pretraining([on("x"), on("y")])
    longer = on("x", **{"pretraining.sequence_length": "64"})
    assert "sequence_length" in incomparable_pretraining([on("x"), longer])
