"""The benchmark without its measuring: what it measures on, and what it makes of figures."""

import argparse
import json
import math
import os
import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tasks.data.text.token_arrays import load_tokenizer
from tests.benchmarks import data, orchestration, preparation, training
from tests.benchmarks.clock import Laps, throughput
from tests.benchmarks.data import distinct_words, documents, write_grown, write_texts
from tests.benchmarks.evaluation import frequency_loss, loss_of
from tests.benchmarks.gpu import gpu
from tests.benchmarks.growth import Curve
from tests.benchmarks.kinds import kind_of, shares
from tests.benchmarks.peers.chunks import group_texts
from tests.benchmarks.results import Part, Results
from tests.benchmarks.rows import Row
from tests.benchmarks.setting import LENGTH, Figures, Shape
from tests.benchmarks.table import score
from tests.benchmarks.turns import spread
from tests.benchmarks.vocabulary import Vocabulary
from tests.support import small_corpus

ROW = Row(
    what="speed",
    against="itself",
    unit="s",
    ours=[4.0, 6.0],
    theirs=[2.0, 2.0],
    result=[2.0, 3.0],
    target=2.0,
    at_least=True,
)
OPEN = Row(**vars(ROW) | {"target": None})


def write_documents(file, texts):
    rows = [{"document": str(number), "text": text} for number, text in enumerate(texts)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_each_text_is_written_once(tmp_path, monkeypatch):
    texts = ["One.", "Two.", " One.\n", " ", "Three."]
    found = [SimpleNamespace(name=str(i), text=text) for i, text in enumerate(texts)]
    source = SimpleNamespace(documents=lambda *_: iter(found))
    monkeypatch.setattr(data, "text_source", lambda _: source)
    write_texts(tmp_path / "texts.jsonl")
    assert [text for _, text in documents(tmp_path / "texts.jsonl")] == ["One.", "Two.", "Three."]


def test_a_grown_corpus_has_the_words_of_real_text_and_is_the_same_each_time(tmp_path):
    draw = random.Random(0)
    pool = [f"The {draw.randint(0, 500)} of {draw.randint(0, 500)} is here." for _ in range(200)]
    texts = write_documents(tmp_path / "texts.jsonl", pool)
    for megabytes in (0.1, 0.8):
        file = tmp_path / f"{megabytes}.jsonl"
        write_grown(texts, file, megabytes)
        expected = data.DISTINCT_WORDS * megabytes**data.HEAPS
        assert distinct_words(file) == pytest.approx(expected, rel=0.02)
    write_grown(texts, tmp_path / "again.jsonl", 0.8)
    assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()


def test_a_vocabulary_is_known_by_its_content(tmp_path):
    first, second = tmp_path / "vocab.txt", tmp_path / "other" / "vocab.txt"
    second.parent.mkdir()
    first.write_text("a\n")
    second.write_text("a\n")
    assert Vocabulary(tmp_path, 1, first).folder == Vocabulary(tmp_path, 2, second).folder
    before = Vocabulary(tmp_path, 1, second).folder
    second.write_text("b\n")
    assert Vocabulary(tmp_path, 1, second).folder != before
    assert Vocabulary(tmp_path, 300).folder == tmp_path / "300"


def test_a_vocabulary_tells_its_actual_size(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.vocabulary.load_tokenizer", lambda _: range(1234))
    file = write_documents(tmp_path / "vocab.txt", [])
    assert Vocabulary(tmp_path, 30_522).words == "vocabulary 1,234 (trained here)"
    assert (
        Vocabulary(tmp_path, 30_522, file).words == f"vocabulary 1,234 ({tmp_path.name}/vocab.txt)"
    )


def test_a_shape_comes_through_the_arguments_of_a_worker():
    parser = argparse.ArgumentParser()
    Shape.ask(parser)
    assert Shape.asked(parser.parse_args([])) == Shape()
    other = Shape(layers=12, width=768, heads=12, length=512)
    assert Shape.asked(parser.parse_args(other.words())) == other


def test_chunks_have_the_length_that_is_asked_for():
    rows = {"input_ids": [[1, 2, 3], [4, 5], [6, 7]]}
    assert group_texts(rows, length=3) == {"input_ids": [[1, 2, 3], [4, 5, 6]]}
    assert group_texts({"input_ids": [[0] * (2 * LENGTH + 1)]})["input_ids"] == [[0] * LENGTH] * 2


def test_throughput_leaves_the_first_steps_out():
    assert throughput([10.0, 20.0, 30.0, 31.0, 32.0, 33.0], size=5) == 5.0


def test_a_row_without_a_target_neither_reaches_nor_misses_it():
    assert (ROW.cells()["target"], ROW.cells()["reached"]) == ("≥ 2", "yes")
    assert (OPEN.cells()["target"], OPEN.cells()["reached"]) == ("–", "–")
    assert (score(ROW), score(OPEN)) == (1.25, 2.5)


def test_the_loss_of_frequencies_is_their_cross_entropy(tmp_path):
    folder = small_corpus.encode(tmp_path, small_corpus.documents(20), small_corpus.documents(2))
    size = len(load_tokenizer(folder / "tokenizer"))
    tokens = np.load(folder / "tokens" / "train.tokens.npy")
    often, seldom = (int(f(np.unique(tokens, return_counts=True)[1])) for f in (np.max, np.min))
    both = [int(np.flatnonzero(np.bincount(tokens) == times)[0]) for times in (often, seldom)]
    labels = torch.tensor([[-100, both[0]], [both[1], -100]])
    torch.save({"input_ids": labels, "labels": labels}, folder / "evaluation.pt")
    shares = [(times + 1) / (len(tokens) + size) for times in (often, seldom)]
    assert frequency_loss(folder) == pytest.approx(-sum(map(math.log, shares)) / 2)


def test_a_model_that_knows_nothing_has_the_loss_of_a_guess(tmp_path):
    labels = torch.tensor([[-100, 1, 2], [3, -100, -100]])
    torch.save({"input_ids": labels.clamp(min=0), "labels": labels}, tmp_path / "evaluation.pt")
    states = SimpleNamespace(last_hidden_state=torch.zeros(2, 3, 8))
    model = SimpleNamespace(
        device="cpu",
        training=True,
        eval=lambda: None,
        train=lambda _: None,
        bert=lambda input_ids: states,
        cls=lambda rows: torch.zeros(len(rows), 5),
    )
    assert loss_of(model, tmp_path / "evaluation.pt") == pytest.approx(math.log(5))


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::addmm", "matrix products"),
        ("autograd::engine::evaluate_function: AddmmBackward0", "matrix products"),
        ("aten::_softmax_backward_data", "softmax and loss"),
        ("_CrossEntropyBackward", "softmax and loss"),
        ("aten::scatter_add_", "softmax and loss"),
        ("NativeLayerNormBackward0", "layer norm"),
        ("aten::native_layer_norm_backward", "layer norm"),
        ("aten::linalg_vector_norm", "optimizer, norm of the gradients"),
        ("Optimizer.step#AdamW.step", "optimizer, norm of the gradients"),
        ("aten::gelu_backward", "GELU"),
        ("aten::copy_", "copies, casts, views"),
        ("aten::random_", "sums and products"),
        ("aten::bernoulli_", "sums and products"),
        ("aten::ge", "sums and products"),
        ("ToCopyBackward0", "copies, casts, views"),
        ("aten::expand", "copies, casts, views"),
        ("aten::index_select", "embeddings, rows chosen"),
        ("torch::autograd::AccumulateGrad", "sums and products"),
        ("aten::cumsum_of_another_day", "other operations"),
    ],
)
def test_operations_are_told_apart(operation, kind):
    assert kind_of(operation) == kind


def test_shares_of_a_step_are_those_of_all_its_time():
    events = [
        SimpleNamespace(key="aten::mm", self_cpu_time_total=3e6),
        SimpleNamespace(key="MmBackward0", self_cpu_time_total=1e6),
        SimpleNamespace(key="aten::gelu", self_cpu_time_total=1e6),
    ]
    found = shares(events, seconds=8.0)
    assert list(found) == ["matrix products", "no operation: Python, batches", "GELU"]
    assert sum(found.values()) == pytest.approx(1.0)


def test_where_the_time_goes_is_a_line_for_each_training(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.vocabulary.load_tokenizer", lambda _: range(300))
    monkeypatch.setattr(training, "run", lambda _: {"matrix products": 0.314, "wall": 9.0})
    vocabulary = Vocabulary(tmp_path, 300)
    first, *_, last = training.profile(vocabulary, vocabulary)
    assert first == (
        "Where a step's time goes (pre-training, vocabulary 300 (trained here)): "
        "matrix products 31 %"
    )
    assert last.startswith("Where a step's time goes (fine-tuning")


def test_the_seconds_of_parts_are_told_and_their_medians_listed(capsys):
    laps = Laps()
    laps.end("corpus")
    laps.end("tokens")
    Figures(seconds=laps.seconds, parts={"corpus": 1.0, "tokens": 2.0}).tell()
    told = json.loads(capsys.readouterr().out)
    assert told["seconds"] == pytest.approx(sum(laps.parts.values()))
    measured = {"Temper": [told, told | {"seconds of tokens": 4.0}, told]}
    assert preparation.laps(measured, "Temper") == "corpus 1.0 s, tokens 2.0 s"


def test_figures_have_three_digits_and_no_exponent():
    assert spread([12_912.3]) == "12,900"
    assert spread([0.02345, 5.478, 999.6]) == "5.48 (0.0234 to 1,000)"


FIGURES = {
    "seconds": 10.0,
    "tokens_per_second": 100.0,
    "samples_per_second": 50.0,
    "validation_loss": 6.0,
    "gigaflops_per_second": 40.0,
    "ceiling": 100.0,
    "wall": 3.0,
}


@pytest.fixture
def commands(monkeypatch):
    """What would have been run, and tells the same figures each time."""
    asked = []

    def run(command, environment):
        asked.append((command, environment))
        return FIGURES

    monkeypatch.setattr("tests.benchmarks.turns.run", run)
    monkeypatch.setattr("tests.benchmarks.vocabulary.load_tokenizer", lambda _: range(300))
    return asked


def test_on_a_gpu_the_peer_runs_as_it_is_and_compiled(tmp_path, commands, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    rows = gpu(Vocabulary(tmp_path, 300), tmp_path, repetitions=3)
    assert [row.target for row in rows] == [2.0, 2.0, None] * 2
    assert [len(row.result) for row in rows] == [3] * 6
    assert rows[2].result == [0.4] * 3  # 40 of the 100 that products alone reach
    assert {environment["CUDA_VISIBLE_DEVICES"] for _, environment in commands} == {"3"}
    compiled = [command for command, _ in commands if "--compile" in command]
    assert len(compiled) == len(commands) / 3
    assert all("--bf16" in command for command in compiled)
    assert {word for command, _ in commands for word in command if "length" in word} == {
        *("--length=128", "--length=512")
    }


def test_three_seeds_race_and_both_sides_have_the_same_ones(tmp_path, commands, monkeypatch):
    monkeypatch.setattr(training, "frequency_loss", lambda _: math.inf)
    loss, time = training.quality(Vocabulary(tmp_path, 300), tmp_path, training.Effort())
    assert (loss.result, time.result) == ([0.0] * 3, [1.0] * 3)
    seeds = [command[command.index("--seed") + 1] for command, _ in commands]
    assert seeds == ["0", "0", "1", "1", "2", "2"]


def test_no_time_is_told_to_a_loss_that_the_frequencies_alone_have(tmp_path, commands, monkeypatch):
    monkeypatch.setattr(training, "frequency_loss", lambda _: 0.0)
    (loss,) = training.quality(Vocabulary(tmp_path, 300), tmp_path, training.Effort())
    assert loss.unit == "nats"


def test_rows_of_finetuning_name_the_precisions(tmp_path, commands):
    rows = training.finetuning(Vocabulary(tmp_path, 300), tmp_path, training.Effort())
    assert [row.target for row in rows] == [8.0, 2.5, None]
    assert all("precision auto: " in row.what for row in rows)
    assert ["fp32" in row.against for row in rows] == [True, True, False]
    bf16 = [command for command, _ in commands if "--bf16" in command]
    assert len(bf16) == 3


def test_a_cached_run_is_told_its_state_folder_and_the_process_keeps_its_own(
    tmp_path, commands, monkeypatch
):
    for name in ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    monkeypatch.setattr(orchestration, "WHERE", ("embedded",))
    monkeypatch.setattr(orchestration, "run", lambda *_: {})
    orchestration.cached(tmp_path, repetitions=2)
    temper = [environment for command, environment in commands if "flows.commands.main" in command]
    assert temper == [{"TEMPER_HOME": str(tmp_path / "cached-embedded")}] * 2
    assert dict(os.environ) == before


def results(out, **changes):
    machine = {"date": "2026-01-01", "processor": "a"} | changes
    return Results(out, ("fast", "slow", "grown"), machine, {"repetitions": 3})


def test_what_is_measured_is_written_at_once_and_gone_on_with_the_same_day(tmp_path):
    begun = results(tmp_path)
    begun.add("slow", Part([ROW], ["a line under the table"]))
    assert {file.name for file in tmp_path.iterdir()} == {
        *("bench.json", "bench.md", "bench.csv", "bench.png")
    }
    later = results(tmp_path)
    later.go_on()
    later.add("fast", Part([OPEN], curves=[Curve("size", "MB", "s", [(1, 2.0)])]))
    assert later.rows == [OPEN, ROW]
    text = (tmp_path / "bench.md").read_text()
    assert Counter(text.splitlines())["a line under the table"] == 1
    assert "size: 1 MB: 2 s" in text
    assert text.rstrip().endswith("date 2026-01-01; processor a")


def test_another_day_or_machine_begins_anew(tmp_path):
    results(tmp_path).add("slow", Part([ROW]))
    for change in ({"date": "2026-01-02"}, {"processor": "b"}):
        other = results(tmp_path, **change)
        other.go_on()
        assert other.parts == {}


def test_what_is_compared_with_something_has_a_picture_of_its_own_and_zero_is_a_target(tmp_path):
    levels = {"simple model": 0.7, "from scratch": 0.4}
    curve = Curve("accuracy", "min", "", [(2, 0.6), (5, 0.8)], [(0.5, 0.7), (0.7, 0.9)], levels)
    reached = replace(ROW, result=[0.1], target=0.0, at_least=True)
    missed = replace(reached, result=[-0.1])
    assert [score(row) for row in (reached, missed)] == [2.0, 0.0]
    results(tmp_path).add("grown", Part([reached, missed], curves=[curve]))
    assert {"grown.png", "bench.png"} <= {file.name for file in tmp_path.iterdir()}
    again = results(tmp_path)
    again.go_on()
    assert again.curves[0].levels == levels
    assert "2 min: 0.6, 5 min: 0.8; simple model: 0.7; from scratch: 0.4" in again.text()


def test_a_part_without_rows_is_a_line(tmp_path):
    found = results(tmp_path)
    found.add("grown", Part(notes=["only a line"]))
    assert (tmp_path / "bench.md").read_text().startswith("only a line\n\n")
