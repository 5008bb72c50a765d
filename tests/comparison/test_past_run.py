"""Finding runs by name, id and the start of an id."""

import pytest

from tasks.comparison.past_run import PastRun, UnknownRunError, chosen, label_of


def run(run_id, name="tiny · bert", **kept):
    return PastRun(run_id, name, "tiny", "FINISHED", 1_795_548_716.0, **kept)


RUNS = [run("abcd1111", "first"), run("abcd2222", "twice"), run("ffff3333", "twice")]


def test_a_run_is_found_by_name_id_and_start_of_its_id():
    for word in ("first", "abcd1111", "abcd1", "ABCD1"):
        assert chosen([word], RUNS) == [RUNS[0]]
    assert chosen(["first", "abcd1"], RUNS) == [RUNS[0]], "named twice is one run"


@pytest.mark.parametrize("word", ["twice", "abcd"])
def test_what_is_ambiguous_is_told_with_when_and_id(word):
    with pytest.raises(UnknownRunError) as caught:
        chosen([word], RUNS)
    assert "2 runs" in str(caught.value)
    assert "abcd2222  2026-11-24 19:31" in str(caught.value)


def test_an_unknown_run_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownRunError, match="did you mean 'first'"):
        chosen(["fist"], RUNS)
    with pytest.raises(UnknownRunError, match="there is no run"):
        chosen(["first"], [])


def test_labels_go_on_after_z():
    assert [label_of(i) for i in (0, 1, 25, 26, 27, 52)] == ["A", "B", "Z", "AA", "AB", "BA"]


def test_a_run_that_was_recorded_with_three_tags_a_stage_is_read():
    tags = {
        "temper.stage.corpus": "completed 1234",
        "temper.artifact.corpus": "corpus/ab",
        "temper.digest.corpus": "56",
    }
    found = run("abcd1111", tags=tags)
    assert (found.artifacts, found.stage_runs) == ({"corpus": "corpus/ab"}, {"corpus": "1234"})
    assert found.digests == {"corpus": "56"}


def test_tags_say_where_the_artifacts_are_and_whether_the_code_was_clean():
    tags = {
        "temper.stage.evaluation mood": "cached: evaluation/ab, digest 56, run 1234",
        "mlflow.source.git.commit": "0123456789abcdef",
        "temper.git.clean": "true",
    }
    found = run("abcd1111", tags=tags, metrics={"downstream/mood/accuracy": 0.5})
    assert found.artifacts == {"evaluation mood": "evaluation/ab"}
    assert found.stage_runs == {"evaluation mood": "1234"}
    assert found.digests == {"evaluation mood": "56"}
    assert found.problems == ["mood"]
    assert found.commit == "01234567"
    assert run("a", tags=tags | {"temper.git.clean": "false"}).commit == "01234567*"
    assert run("a").commit == ""
