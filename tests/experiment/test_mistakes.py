"""A mistake names its place, what was found, what is accepted, and what was meant."""

from __future__ import annotations

import pytest

from flows.presets.loading import load_experiment
from tasks import families
from tasks.experiment.mistakes import InvalidExperimentError

FAMILIES = ", ".join(families.names())


def mistakes_of(tmp_path, text: str, *settings: str) -> list[str]:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InvalidExperimentError) as caught:
        load_experiment(str(file), settings)
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "pretraining:\n  stepz: 3\n",
            ["mine.yaml:2: pretraining.stepz: no such field; did you mean steps."],
        ),
        (
            "pretraining: {steps: many}\n",
            ["mine.yaml:1: pretraining.steps: found 'many'; accepted: a whole number, at least 0"],
        ),
        (
            "pretraining: {steps: 0}\n",
            ["pretraining.steps: found 0; accepted: at least 1, or 0 with `start`"],
        ),
        (
            "model: {family: brt}\n",
            [f"model.family: found 'brt'; accepted: {FAMILIES}; did you mean bert"],
        ),
        ("model: {hidden_size: 130, heads: 4}\n", ["heads (4) must divide hidden_size (130)"]),
        (
            "downstream:\n  - {name: reviews, epochs: 0}\n",
            ["mine.yaml:2: downstream.reviews.epochs: found 0; accepted: a whole number"],
        ),
        (
            "corpus: builtin:pydocs\n",
            ["corpus: found 'builtin:pydocs'; accepted: fields, of source"],
        ),
        (
            "evaluation: {learning_curve: [2]}\n",
            ["evaluation.learning_curve.0: found 2; accepted: a number, above 0, at most 1"],
        ),
        (
            f"evaluation: {{learning_curve: {[0.1] * 21}}}\n",
            ["evaluation.learning_curve: found a list; accepted: a list, of at most 20 items"],
        ),
        ("seed: 1\nseed: 2\n", ["mine.yaml:2: seed is given twice"]),
        ("seed: [1\n", ["mine.yaml:2: not valid YAML"]),
        ("- a\n", ["found list; accepted: fields, as `name: value`"]),
        (
            "model: {max_positions: 64}\npretraining: {sequence_length: 128}\n",
            ["pretraining.sequence_length", "128", "64"],
        ),
        (
            "model: {family: roberta}\npretraining: {objective: mlm+nsp}\n",
            ["pretraining.objective", "accepted with it: mlm"],
        ),
        ("downstream: [{name: a}, {name: a}]\n", ["downstream.1.name: "]),
    ],
)
def test_a_mistake_is_said_so_that_it_can_be_mended(tmp_path, text: str, said: list[str]) -> None:
    lines = "\n".join(mistakes_of(tmp_path, text))
    for part in said:
        assert part in lines


def test_every_mistake_is_told_at_once(tmp_path) -> None:
    assert len(mistakes_of(tmp_path, "seed: -1\nmodel: {layers: -1}\n")) == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("pretraining.steps", "accepted: --set a.b=value"),
        (
            "downstream.librari.epochs=2",
            "no downstream problem 'librari'; did you mean library. Accepted: library",
        ),
        ("downstream.7.epochs=2", "or an index below 1"),
        ("pretraining.step=2", "did you mean steps."),
        ("pretraining.steps=-2", "--set pretraining.steps=-2: pretraining.steps: found -2"),
        ("seed.a=1", "seed has no fields"),
    ],
)
def test_a_mistake_in_a_setting_names_the_setting(tmp_path, setting: str, said: str) -> None:
    text = "seed: 1\ndownstream: [{name: library}]\n"
    assert said in "\n".join(mistakes_of(tmp_path, text, setting))


def test_a_preset_that_does_not_exist_is_corrected() -> None:
    with pytest.raises(InvalidExperimentError, match="did you mean demo"):
        load_experiment("dmo")


def test_a_file_that_does_not_exist_is_corrected(tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text("seed: 1\n")
    with pytest.raises(InvalidExperimentError, match=r"no such file; did you mean mine\.yaml"):
        load_experiment(str(tmp_path / "mina.yaml"))
