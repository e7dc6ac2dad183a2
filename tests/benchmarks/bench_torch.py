"""Does the realised PyTorch module cost more than one written by hand?

Forward and training step, both in one interleaved run: `OMP_NUM_THREADS=1 python -m pytest
tests/benchmarks --backends=torch --benchmark-only -s`. Rounds go A B B A, one thread; the ratio is
that of the medians. It is printed, never asserted: only the results must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import params
from models.graph import Graph
from tests.asserts import assert_close
from tests.benchmarks.handwritten import MotionBert, VideoPose3D
from tests.benchmarks.rounds import Work, told

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

SECONDS = 12.0  # time for one pair


@dataclass(frozen=True)
class Pair:
    """The realised module and the hand-written one, with the same weights and inputs."""

    realised: Any
    handwritten: Any
    inputs: Any
    target: Any  # poses to train on

    def losses(self) -> tuple[Work, Work]:
        """MPJPE of both; the realised train graph holds its own."""

        def ours() -> Any:
            return self.realised(self.inputs, self.target)["loss"]

        def by_hand() -> Any:
            error = self.handwritten(self.inputs) - self.target
            return torch.linalg.vector_norm(error, dim=-1).mean()

        return ours, by_hand


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Threads add noise and hide overhead."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pair(name: str, *, train: bool, batch: int, frames: int) -> Pair:
    """Both forms of a model.

    Dropout is left out, so that results can be compared before times are.
    """
    sizes: dict[str, dict[str, Any]] = {
        "motionbert": {"preset": "small", "frames": 27},
        "videopose3d": {
            "preset": "paper",
            "width": 256,
            "widths": (3, 3, 3),
            "dropout": 0.0,
        },
    }
    spec = models.build(name, **sizes[name], loss={"mpjpe": 1.0})
    size = models.size(name, **sizes[name])
    graph: Graph = spec.train if train else spec.infer
    program = TorchProgram(graph, Settings())
    by_hand = (
        MotionBert(size) if name == "motionbert" else VideoPose3D(size, strided=train)
    )
    weights = _lively(params.draw(graph.params, seed=0))
    program.load(weights)
    # copies, as training writes into them; strict, as the names are part of the comparison
    state = {key: torch.from_numpy(array.copy()) for key, array in weights.items()}
    by_hand.load_state_dict(state, strict=True)
    draw = np.random.default_rng(0)
    # videopose3d predicts the middle frame alone
    poses = 1 if name == "videopose3d" else frames
    inputs = _tensor(draw, batch, frames, 17, size.channels)
    target = _tensor(draw, batch, poses, 17, 3)
    return Pair(program.native, by_hand.train(train), inputs, target)


def _tensor(draw: np.random.Generator, *shape: int) -> Any:
    return torch.from_numpy(draw.normal(size=shape).astype(np.float32))


def _lively(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Running statistics that are not the trivial ones, which would hide a wrong use of them."""
    draw = np.random.default_rng(1)
    found = dict(weights)
    for key, array in weights.items():
        if "running" in key:
            found[key] = array + draw.uniform(0.1, 0.5, array.shape).astype(np.float32)
    return found


def forward(both: Pair) -> tuple[Work, Work]:
    """Inference of both, no gradient recorded.

    Raises AssertionError where the poses differ.
    """

    def run(module: Any) -> Work:
        def once() -> Any:
            with torch.inference_mode():
                return module(both.inputs)

        return once

    ours = run(both.realised)
    by_hand = run(both.handwritten)
    assert_close(ours(), by_hand(), rtol=1e-5, what="pose")
    return ours, by_hand


def training(both: Pair) -> tuple[Work, Work]:
    """Loss, backward and an AdamW step of both.

    Raises AssertionError where loss or gradients differ.
    """
    ours, by_hand = both.losses()
    _same_gradients(both, ours(), by_hand())
    return _stepper(both.realised, ours), _stepper(both.handwritten, by_hand)


def _stepper(module: Any, forward: Work) -> Work:
    """A step by PyTorch's own optimizer, whoever has made the module."""
    # so small that the weights, and with them the work, hardly change over the rounds
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-6)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        optimizer.step()
        return loss

    return step


def _same_gradients(both: Pair, ours: Any, by_hand: Any) -> None:
    assert_close(ours.detach(), by_hand.detach(), rtol=1e-5, what="loss")
    ours.backward()
    by_hand.backward()
    due = dict(both.handwritten.named_parameters())
    # relative to the largest of all: some are zero but for rounding
    largest = max(float(param.grad.abs().max()) for param in due.values())
    for name, param in both.realised.named_parameters():
        assert_close(
            param.grad / largest + 1,
            due[name].grad / largest + 1,
            rtol=1e-5,
            what=f"gradient of {name}",
        )


CASES = [
    pytest.param("motionbert", False, 32, 27, id="motionbert-forward"),
    pytest.param("motionbert", True, 32, 27, id="motionbert-training"),
    pytest.param("videopose3d", False, 8, 127, id="videopose3d-forward"),
    pytest.param("videopose3d", True, 256, 27, id="videopose3d-training"),
]


@pytest.mark.parametrize(("name", "train", "batch", "frames"), CASES)
def test_the_realised_module_against_the_handwritten(
    name: str,
    train: bool,
    batch: int,
    frames: int,
    benchmark: Any,
) -> None:
    both = pair(name, train=train, batch=batch, frames=frames)
    ours, by_hand = training(both) if train else forward(both)
    what = (
        f"{name} {'training step' if train else 'forward'}, {batch} x {frames} frames"
    )
    said = told(what, ours, by_hand, names=("realised", "by hand"), seconds=SECONDS)
    benchmark.extra_info.update(said)
    benchmark.pedantic(ours, rounds=3, warmup_rounds=0)
