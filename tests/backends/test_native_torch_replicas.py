"""Replicas in PyTorch: what followers are told, and one that dies."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import backends

if "torch" not in backends.installed():
    pytest.skip("PyTorch is not installed", allow_module_level=True)

import torch.distributed as dist  # noqa: E402  # after the skip

from backends.base import Settings  # noqa: E402
from backends.torch import leader  # noqa: E402
from backends.torch.leader import TorchLeader  # noqa: E402
from backends.torch.train import TorchTrainer  # noqa: E402
from models import params  # noqa: E402
from models.errors import BadInput  # noqa: E402
from models.optim import Optimizer  # noqa: E402
from tests.zoo import tiny  # noqa: E402

GRAPH = tiny("simple_baseline").train
RULE = Optimizer("adam", 1e-3, 0.0, clip_norm=1.0)
ROUNDING = 2e-5


def batch(number: int, windows: int = 8) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    feeds = {}
    for name, type_ in GRAPH.inputs.items():
        shape = (windows, *type_.shape[1:])
        feeds[name] = rng.normal(size=shape).astype(type_.dtype)
    return feeds


def of(kind: Any, replicas: int) -> Any:
    made = kind(GRAPH, RULE, Settings(draw_noise=True, seed=3, replicas=replicas))
    made.program.load(params.draw(GRAPH.params, seed=0))
    return made


def step(trainer: Any, *numbers: int) -> float:
    return float(trainer.step(*[trainer.program.put(batch(one)) for one in numbers]))


def test_accumulation_a_resume_and_a_lost_follower() -> None:
    # one after the other, for noise is the process's; one crew, for to start it takes seconds
    alone = of(TorchTrainer, 1)
    due = [step(alone, 1, 2), step(alone, 3)]
    weights, state = alone.program.params(), alone.state()
    alone.set_lr(5e-4)
    due += [step(alone, 4), step(alone, 5)]
    led = of(TorchLeader, 2)
    assert step(led, 1, 2) == pytest.approx(due[0], rel=ROUNDING)
    # what one has learnt, two go on from: noise, moments and weights
    led.program.load(weights)
    led.load_state(state)
    led.set_lr(5e-4)
    assert step(led, 4) == pytest.approx(due[2], rel=ROUNDING)
    assert step(led, 5) == pytest.approx(due[3], rel=ROUNDING)
    with pytest.raises(BadInput, match="a batch of 7 has no equal shares for 2"):
        led.step(led.program.put(batch(6, windows=7)))
    (follower,) = led._crew.followers
    follower.kill()
    with pytest.raises(RuntimeError, match="replica 2 of 2 ended with signal 9"):
        step(led, 7)
    assert follower.poll() is not None
    # or whatever is asked of a mean over replicas next would fail
    assert not dist.is_initialized()


def test_a_follower_that_dies_while_it_starts_is_told_of_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def started(rank: int, replicas: int, port: int) -> subprocess.Popen[bytes]:
        # it hears all that it is told, as one that breaks afterwards has
        deed = "import sys; sys.stdin.buffer.readline(); sys.exit(7)"
        command = [sys.executable, "-c", deed]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    monkeypatch.setattr(leader, "_started", started)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="replica 2 of 2 ended with exit code 7"):
        of(TorchLeader, 2)
    assert time.monotonic() - began < 60, "joining would wait for five minutes"
