"""The rows that are computed at once fit, by a formula that is not far from what is measured."""

import json
import os
import subprocess
import sys

import pytest

from tasks.families import bert
from tasks.training.memory import container_limits, rows_at_once
from tests.conftest import ROOT
from tests.support.shapes import case

# Peak of a forward and backward pass over what was there before, a process for all of them.
PEAKS = """
import json, sys
from contextlib import nullcontext
import torch
from tasks import families, objectives
from tasks.training.kernels.attention import is_plain, quick_attention
from tasks.training.kernels.dropout import quick_dropout
from tasks.training.kernels.recomputing import recomputed
from tasks.training.memory import of_products, of_recomputed
from tasks.experiment.experiment import Model
from tests.support.shapes import case

NAME, OBJECTIVE, *AGAIN = sys.argv[1:]
FAMILY, HELD = families.load(NAME), objectives.load(OBJECTIVE).held
SIZE = Model(family=NAME, layers=3, hidden_size=128, heads=4, max_positions=512)

def of_process(name):
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(name)) * 1024

first = [(0.0, False, 4, 64), (0.0, True, 4, 64)]  # loads what a process loads once: not told
for dropout, bf16, rows, length in first + [
    (dropout, bf16, *shape)
    for dropout in (0.0, 0.1)
    for bf16 in (False, True)
    for shape in ((48, 64), (12, 256), (6, 512))
]:
    given = case(f"{NAME} {OBJECTIVE}", rows, length, SIZE, dropout)
    given.model.train()
    for part in given.model.parameters():
        part.grad = torch.zeros_like(part)
    open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
    before = of_process("VmRSS")
    config, precision = given.model.config, "bf16" if bf16 else "fp32"
    may = FAMILY.PLAIN_ATTENTION
    quick = quick_attention(given.model, precision, "cpu") if may else nullcontext()
    again = recomputed(given.model) if AGAIN else nullcontext()
    with quick, quick_dropout(given.model), again:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = given.loss(given.model, given.batch)["loss"]
        loss.backward()
    peak = of_process("VmHWM") - before
    plain = FAMILY.PLAIN_ATTENTION and is_plain(config, precision, "cpu")
    logits = of_products(HELD(config, given.batch))
    row = FAMILY.encoder_bytes(config, length, bf16=bf16, plain_attention=plain)
    if AGAIN:
        row = of_recomputed(row, SIZE.layers, SIZE.hidden_size, length)
    predicted = rows * row + logits
    if rows > 4:
        print(json.dumps([dropout, bf16, rows, peak, predicted]))
    del loss, given
"""


DECODERS = ("gpt2", "llama")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "bert mlm",
        pytest.param("bert mlm recomputed", marks=pytest.mark.long),
        *(pytest.param(f"{name} clm", marks=pytest.mark.long) for name in DECODERS),
    ],
)
def test_the_memory_predicted_is_at_least_what_is_used_and_not_twice_as_much(kind):
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system does not tell peaks")
    # Freed memory is returned at once, so that the next peak starts from the bottom.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, *kind.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(measured) == 12
    for dropout, bf16, rows, peak, predicted in measured:
        assert 0.95 * peak <= predicted <= 2 * peak, (dropout, bf16, rows, peak, predicted)


def test_a_batch_is_cut_into_parts_of_about_the_same_size():
    def rows(memory, batch=100):
        return rows_at_once(batch, row=10, weights=20, memory=memory, share=0.5)

    assert rows(10**6) == 100
    assert rows(2 * (1000 + 20)) == 100
    assert rows(2 * (1000 + 19)) == 50  # 99 and 1 would take as many passes
    assert rows(2 * (340 + 20)) == 34
    assert rows(1) == 1
    assert rows(10**6, batch=7) == 7


def test_longer_rows_take_more():
    config = case("bert mlm").model.config
    short, long = (
        bert.encoder_bytes(config, length, bf16=False, plain_attention=False)
        for length in (64, 128)
    )
    assert long == 2 * short


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/a/b", {"a/b/memory.max": "500", "a/memory.max": "max", "memory.max": "900"}, 500),
        ("0::/a/b", {"a/memory.max": "400"}, 400),
        ("0::/elsewhere", {"memory.max": "300"}, 300),
        ("4:memory:/x", {"memory/x/memory.limit_in_bytes": "200"}, 200),
        ("4:cpu:/x", {"memory/x/memory.limit_in_bytes": "200"}, None),
        ("0::/a", {"a/memory.max": "max"}, None),
    ],
)
def test_the_limit_of_a_container_counts(line, files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    own = tmp_path / "own"
    own.write_text(f"9:name=systemd:/\n{line}\n")
    assert min(container_limits(tmp_path, own), default=None) == expected


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert container_limits(tmp_path, tmp_path / "none") == []
