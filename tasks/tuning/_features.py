"""The features that a frozen encoder gives for each example: computed once, and given to the head.

A batch carries them where it carries other inputs of the encoder (`inputs_embeds`, or in place of
the pixels), and the encoder returns what it is given. Only what the head reads is kept: the pooled
features, the state of the first place, or those of all places. That is found by trying.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import psutil
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tasks.contract import Monitor
from tasks.models.inference import group_by_length, model_inputs
from tasks.problems import Problem
from tasks.training.loop import Batch, Precision, autocast, device_name
from tasks.training.memory import CGROUPS, OWN_CGROUP, container_limits
from tasks.tuning._stored_features import Kept, StoredFeatures

PIXELS, STATES = "pixel_values", "inputs_embeds"
SHARE = 0.25  # largest share of the host's memory for features, which never lie on a GPU


class Features:
    """The features of examples, by an encoder that never changes.

    Args:
        model: of transformers; its encoder is in evaluation mode.
        kind: the problem that it solves.
        precision: in which the encoder computes.
        stored: features that were computed before, of the same encoder.
    """

    def __init__(
        self,
        model: Any,
        kind: Problem,
        precision: Precision,
        stored: StoredFeatures | None = None,
    ) -> None:
        self.model, self.kind, self.precision = model, kind, precision
        self.stored = stored
        self.body = model.base_model
        self.kept: Kept = "all"
        self.shape: torch.Size = torch.Size()  # of the states of pictures, without their number
        self._type: Any = None  # of what the encoder returns
        self._inputs: Batch = {}  # of the last batch that it was asked for
        self._pooled: torch.Size = torch.Size()  # the shape of its pooled features, without number
        self._known: dict[int, tuple[Any, Tensor]] = {}  # by the identity of an example

    def read(self, examples: Sequence[Any], monitor: Monitor, number: int = 0) -> bool:
        """Compute the features of examples, in an order of their own; False if that is of no use.

        They may take too much memory, or the head may read more than the encoder's last states:
        one that segments also reads other states, or the size of the picture.

        Args:
            examples: of the problem.
            monitor: receives the progress, and what they would take.
            number: of all examples whose features are kept in the end; 0: no others.
        """
        self.model.to(device_name())
        groups = group_by_length([example.places for example in examples])
        few = [examples[i] for i in groups[0][:2]]
        if not (self._choose(few) and self._replays(few)):
            monitor.say(
                "the head reads more of the encoder than its last states, so that the encoder "
                "computes at each step"
            )
            return False
        done, room, number = 0, SHARE * host_memory(), max(number, len(examples))
        for group in groups:
            self.add([examples[i] for i in group])
            if not done and (needed := self._bytes() * number) > room:  # the longest first
                monitor.say(
                    f"the features of {number:,} examples take {needed / 1e9:,.1f} GB, and "
                    f"there is room for {room / 1e9:,.1f}: the encoder computes them at each step"
                )
                return False
            done += len(group)
            monitor.progress(done, len(examples), "examples")
        self._replay()
        return True

    def _replays(self, examples: Sequence[Any]) -> bool:
        """Whether the model answers features at all, as it does where it passes them on."""
        self._replay()
        given = {n: t for n, t in self.collate(examples, 0).items() if n != "labels"}
        try:
            with torch.no_grad(), autocast(self.precision):
                self.kind.logits(self.model, given)
        except ValueError:  # of shapes
            return False
        finally:
            self.end()
        return True

    def _bytes(self) -> int:
        """Of the largest example so far."""
        return max(4 * tensor.numel() for _, tensor in self._known.values())

    def known(self) -> Iterator[tuple[Any, Tensor]]:
        """Each example, and its features, in fp32 on the host."""
        yield from self._known.values()

    def problem(self) -> Problem:
        """The problem as the head reads it: its batches carry features."""
        return cast(Problem, SimpleNamespace(**{**vars(self.kind), "collate": self.collate}))

    def collate(self, examples: Sequence[Any], pad_id: int) -> Batch:
        """A batch with features; those of examples that were not seen before are computed."""
        self.add([example for example in examples if id(example) not in self._known])
        batch = self.kind.collate(examples, pad_id)
        found = [self._known[id(example)][1] for example in examples]
        if PIXELS in batch:
            return batch | {PIXELS: torch.stack(found)}
        return batch | {STATES: pad_sequence(found, batch_first=True)}

    def add(self, examples: Sequence[Any]) -> None:
        """Compute the features of examples, all at once; those that are stored are read."""
        if self.stored is not None:
            for example in examples:
                if (own := self.stored.of(example, self.kept)) is not None:
                    self._known[id(example)] = (example, own)
            examples = [example for example in examples if id(example) not in self._known]
        if not examples:
            return
        states, pooled = self._ask(examples)[1:]
        for number, example in enumerate(examples):
            own = states[number]
            if self.kept == "pooled":
                own = pooled[number].flatten()
            elif own.ndim == 2:  # of places
                places = own.shape[0] if PIXELS in self._inputs else len(example.input_ids)
                own = own[: 1 if self.kept == "first" else places]
            own = own.flatten() if PIXELS in self._inputs else own
            self._known[id(example)] = (example, own.float().cpu().clone())

    @torch.no_grad()
    def _ask(self, examples: Sequence[Any]) -> tuple[Tensor, Tensor, Any]:
        """The answers of the model, and the states and the pooled features of its encoder."""
        self._inputs = model_inputs(self.kind, self.model, examples)
        heard: list[Any] = []
        hook = self.body.register_forward_hook(lambda *given: heard.append(given[2]))
        try:
            with autocast(self.precision):
                answers = self.kind.logits(self.model, self._inputs)
        finally:
            hook.remove()
        pooled = getattr(heard[0], "pooler_output", None)
        self._type = type(heard[0])
        self._pooled = torch.Size() if pooled is None else pooled.shape[1:]
        return answers, heard[0][0], pooled

    def _choose(self, examples: Sequence[Any]) -> bool:
        """Find the least that the head reads, by giving it nothing else; False if it reads more."""
        was = self.model.training
        self.model.eval()
        answers, states, pooled = self._ask(examples)
        self.shape = states.shape[1:]
        unknown = torch.full_like(states, torch.nan)
        tried: list[tuple[Kept, Tensor, Any]] = []
        if pooled is not None and not self._has_pooler():
            tried.append(("pooled", unknown, pooled))
        if states.ndim == 3:
            first = torch.cat([states[:, :1], unknown[:, 1:]], dim=1)
            tried.append(("first", first, None))
        tried.append(("all", states, None))
        enough = False
        for kept, given, beside in tried:
            self.body.__dict__["forward"] = partial(self._given, given, beside)
            try:
                with torch.no_grad(), autocast(self.precision):
                    found = self.kind.logits(self.model, self._inputs)
            except TypeError:  # the states of other layers are missing
                continue
            finally:
                self.end()
            if torch.equal(found, answers):
                self.kept, enough = kept, True
                break
        self.model.train(was)
        return enough

    def _given(self, states: Tensor, pooled: Tensor | None, *_: Any, **__: Any) -> Any:
        """An answer of the encoder, whatever it is asked."""
        return self._like(states, pooled)

    def _has_pooler(self) -> bool:
        """Whether the encoder contains a pooler that learns: a part of the head."""
        pooler = getattr(self.body, "pooler", None)
        return pooler is not None and any(True for _ in pooler.parameters())

    def _like(self, states: Tensor, pooled: Tensor | None) -> Any:
        """An answer of the encoder with these states; a pooler that learns computes the rest."""
        found = {"last_hidden_state": states}
        pooler = getattr(self.body, "pooler", None)
        if pooled is not None:
            found["pooler_output"] = pooled
        elif isinstance(pooler, nn.Linear):  # ALBERT's
            found["pooler_output"] = self.body.pooler_activation(pooler(states[:, 0]))
        elif pooler is not None:
            found["pooler_output"] = pooler(states)
        return self._type(**found)

    def _replay(self) -> None:
        """Have the encoder return given features, and compute those of other inputs."""
        compute: Callable[..., Any] = self.body.forward

        def forward(*inputs: Any, **named: Any) -> Any:
            pixels = named.get(PIXELS, inputs[0] if inputs else None)
            if named.get(STATES) is not None:
                return self._like(named[STATES], None)
            if pixels is None or not pixels.is_floating_point() or pixels.ndim != 2:
                return compute(*inputs, **named)
            if self.kept == "pooled":
                pooled = pixels.reshape(len(pixels), *self._pooled)
                return self._like(pixels.new_full((len(pixels), 1, 1), torch.nan), pooled)
            shape = (1, *self.shape[1:]) if self.kept == "first" else self.shape
            return self._like(pixels.reshape(len(pixels), *shape), None)

        self.body.__dict__["forward"] = forward

    def end(self) -> None:
        """Have the encoder compute as before."""
        self.body.__dict__.pop("forward", None)


def host_memory() -> int:
    """Bytes of the machine's memory, or fewer where the container is limited; not of a GPU."""
    return min([psutil.virtual_memory().total, *container_limits(CGROUPS, OWN_CGROUP)])
