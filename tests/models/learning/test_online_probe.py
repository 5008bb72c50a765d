"""A pre-training is probed on labelled texts, which changes nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from flows.recipes.explaining import probed_rows
from tasks.contract import Silent, StageError
from tasks.data.text.token_arrays import load_tokenizer
from tasks.experiment.experiment import Experiment
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.experiment.problem import Downstream
from tasks.models.embedding.mean_states import mean_states
from tasks.models.learning.online_probe import OnlineProbe
from tasks.pages import pretraining_card
from tasks.stages.pretraining import pretrain
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.shown import shown
from tests.support.small_corpus import OBJECTS, SUBJECTS, VERBS, documents, encode

FAMILIES = {"bert": "mlm", "gpt2": "clm"}
SETTINGS = {"batch_size": 8, "sequence_length": 24, "learning_rate": 1e-2, "precision": "fp32"}


def write_rows(folder: Path) -> Path:
    """Texts about a matrix or a graph, which is their label."""
    folder.mkdir()
    said = [f"The {{0}} {verb} {thing}." for verb in VERBS for thing in OBJECTS]
    rows = [
        {"document": str(number), "text": text.format(label), "label": label}
        for number, text in enumerate(said)
        for label in SUBJECTS[:2]
    ]
    for split, part in (("train", rows[:50]), ("validation", rows[50:])):
        pd.DataFrame(part).to_parquet(folder / f"{split}.parquet")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probed")
    encode(folder / "run", documents(60), documents(10))
    write_rows(folder / "rows")
    return folder


def train(place: Path, out: Path, monitor: Silent, *, family: str = "bert", probe: bool = True):
    out.mkdir()
    return pretrain(
        model=Model(family=family, layers=1, hidden_size=32, heads=2, max_positions=32),
        pretraining=Pretraining(**SETTINGS, objective=FAMILIES[family], steps=12, probe=probe),
        seed=1,
        tokens=place / "run" / "tokens",
        tokenizer=place / "run" / "tokenizer",
        probed=place / "rows" if probe else None,
        out=out,
        monitor=monitor,
        checkpoints=Checkpoints(every_steps=1),
    )


@pytest.fixture(scope="module")
def whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a probed pre-training of a BERT."""
    out = tmp_path_factory.mktemp("whole") / "out"
    train(place, out, Silent())
    return out


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_looking_changes_no_weight_and_no_other_metric(place, whole, tmp_path) -> None:
    plain = train(place, tmp_path / "plain", Silent(), probe=False)
    assert weights(tmp_path / "plain") == weights(whole)
    found = json.loads((whole / "metrics.json").read_text())
    assert 0 <= found.pop("probe_accuracy") <= 1
    assert found == plain
    assert "probe" not in json.loads((tmp_path / "plain" / "pretraining.json").read_text())


def test_a_killed_training_resumes_to_the_same_bits_and_the_same_curve(
    place, whole, tmp_path
) -> None:
    with pytest.raises(KilledError):
        train(place, tmp_path / "killed", Dying(tmp_path / "checkpoints", step=6))
    again = Silent(tmp_path / "checkpoints")
    train(place, tmp_path / "resumed", again)
    assert "resumed_from" in again.facts
    assert weights(tmp_path / "resumed") == weights(whole)
    for name in ("metrics.json", "pretraining.json"):
        assert (tmp_path / "resumed" / name).read_text() == (whole / name).read_text()


def test_the_curve_is_logged_and_on_the_page(place, tmp_path) -> None:
    monitor = Silent()
    metrics = train(place, tmp_path / "out", monitor, family="gpt2")
    logged = [step for step, found in monitor.logged if "quick_probe_accuracy" in found]
    probe = json.loads((tmp_path / "out" / "pretraining.json").read_text())["probe"]
    assert [step for step, _ in probe["points"]] == logged and len(logged) > 5
    assert (probe["known"], probe["asked"], probe["most_frequent"]) == (50, 20, 0.5)
    pages = shown(pretraining_card.show, tmp_path / "out")
    said = f"labels by the nearest neighbour of the features: {metrics['probe_accuracy']:.1%}"
    assert said in (pages / "card.md").read_text()
    assert (pages / "probe.png").stat().st_size > 1000


class ByFirstWord(torch.nn.Module):
    """A body whose features of a token are its number, so that texts with the same are near."""

    device = torch.device("cpu")

    @property
    def base_model(self) -> ByFirstWord:
        return self

    def forward(self, input_ids, attention_mask) -> SimpleNamespace:
        one = torch.nn.functional.one_hot(input_ids, 500).float()
        return SimpleNamespace(last_hidden_state=one + 9 * (1 - attention_mask[..., None]))


def test_a_text_has_the_label_of_its_nearest_neighbour(place) -> None:
    tokenizer = load_tokenizer(place / "run" / "tokenizer")
    probe = OnlineProbe.of(place / "rows", tokenizer, Pretraining(**SETTINGS))
    assert probe(ByFirstWord()) == {"probe_accuracy": 1.0}
    long = [*probe.known.tokens[0] * 3, 7]
    [alone], [short, _] = (
        mean_states(ByFirstWord(), texts, probe.pad)
        for texts in ([probe.known.tokens[0]], [probe.known.tokens[0], long])
    )
    assert torch.equal(alone, short), "what is padded does not count"


def test_without_labelled_texts_the_field_says_what_is_missing() -> None:
    experiment = Experiment(name="x", pretraining=Pretraining(probe=True))
    tags = Downstream(name="tags", problem="token-classification")
    for listed, found in ([], "no problem"), ([tags], "token-classification"):
        with pytest.raises(StageError, match=rf"pretraining.probe: found true.*are of {found};"):
            probed_rows(experiment, listed, [SimpleNamespace()] * len(listed))
    assert probed_rows(Experiment(name="x"), [], []) is None
