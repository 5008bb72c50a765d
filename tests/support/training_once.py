"""A tiny masked pre-training in a process of its own: prints a digest of its weights as JSON."""

from __future__ import annotations

import hashlib
import json

import torch

from tasks.contract import Silent
from tasks.models.masked_prediction import masked_loss, predict
from tests.training.test_loop import RECIPE, Counting, new_model, run, weights


def loss(model, batch):
    tokens = batch["input_ids"]
    positions = torch.arange(0, tokens.numel(), 3)
    found = predict(model, batch | {"positions": positions})
    return masked_loss(found.logits, tokens.flatten()[positions])


def main() -> None:
    monitor = Silent()
    model, _, _ = run(RECIPE, monitor, Counting(steps=6), loss, new_model())
    run(RECIPE, monitor, Counting(steps=2), loss, new_model())
    digest = hashlib.sha256(b"".join(w.numpy().tobytes() for w in weights(model).values()))
    found = {"weights": digest.hexdigest(), "said": monitor.said, "facts": monitor.facts}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
