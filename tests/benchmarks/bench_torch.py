"""Does the realised PyTorch module cost more than one written by hand?

Forward and training step, both in one interleaved run: `OMP_NUM_THREADS=1 python -m pytest
tests/benchmarks --backends=torch --benchmark-only`. Rounds go A B B A, one thread; the ratio is
that of the medians, and of each round by itself with a 95 % interval. It is told, never asserted:
only the results must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import params
from models.graph import Graph
from tests.benchmarks.rounds import told

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip
from tests.benchmarks.handwritten.motionbert import MotionBert  # noqa: E402
from tests.benchmarks.handwritten.videopose3d import VideoPose3D  # noqa: E402
from tests.benchmarks.official import mpjpe  # noqa: E402
from tests.benchmarks.twins import Side, forward, training  # noqa: E402

SECONDS = 12.0  # time for one pair
# Dropout is left out, so that results can be compared before times are.
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "motionbert": ("motionbert", {"preset": "small", "frames": 27}),
    "videopose3d": (
        "videopose3d",
        {"preset": "paper", "width": 256, "widths": (3, 3, 3), "dropout": 0.0},
    ),
    # whole clips through the published size, as that is trained and run dilated
    "videopose3d-clip": (
        "videopose3d",
        {"preset": "paper", "dropout": 0.0, "strided": False},
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Threads add noise and hide overhead."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pair(what: str, *, train: bool, batch: int, frames: int) -> tuple[Side, Side]:
    """The realised module and the hand-written one, with the same weights and inputs."""
    name, sizes = SIZES[what]
    spec = models.build(name, **sizes, loss={"mpjpe": 1.0})
    size = models.size(name, **sizes)
    graph: Graph = spec.train if train else spec.infer
    program = TorchProgram(graph, Settings())
    by_hand: Any = (
        MotionBert(size)
        if name == "motionbert"
        else VideoPose3D(size, strided=train and size.strided)
    )
    weights = lively(params.draw(graph.params, seed=0))
    program.load(weights)
    # copies, as training writes into them; strict, as the names are part of the comparison
    state = {key: torch.from_numpy(array.copy()) for key, array in weights.items()}
    by_hand.load_state_dict(state, strict=True)
    by_hand.train(train)
    draw = np.random.default_rng(0)
    inputs = _tensor(draw, batch, frames, 17, size.channels)
    with torch.no_grad():
        # what either makes of the frames: one, all, or what a receptive field leaves
        target = _tensor(draw, *by_hand(inputs).shape)
    if train:
        return (
            Side(program.native, lambda: program.native(inputs, target)["loss"]),
            Side(by_hand, lambda: mpjpe(by_hand(inputs), target)),
        )
    return (
        Side(program.native, lambda: program.native(inputs)),
        Side(by_hand, lambda: by_hand(inputs)),
    )


def _tensor(draw: np.random.Generator, *shape: int) -> Any:
    return torch.from_numpy(draw.normal(size=shape).astype(np.float32))


def lively(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Running statistics that are not the trivial ones, which would hide a wrong use of them."""
    draw = np.random.default_rng(1)
    found = dict(weights)
    for key, array in weights.items():
        if "running" in key:
            found[key] = array + draw.uniform(0.1, 0.5, array.shape).astype(np.float32)
    return found


CASES = [
    ("motionbert", False, 32, 27),
    ("motionbert", True, 32, 27),
    ("videopose3d", False, 8, 127),
    ("videopose3d", True, 256, 27),
    ("videopose3d-clip", False, 4, 300),
    ("videopose3d-clip", True, 4, 300),
]


@pytest.mark.parametrize(
    ("name", "train", "batch", "frames"),
    CASES,
    ids=[f"{case[0]}-{'training' if case[1] else 'forward'}" for case in CASES],
)
def test_the_realised_module_against_the_handwritten(
    name: str,
    train: bool,
    batch: int,
    frames: int,
    benchmark: Any,
) -> None:
    sides = pair(name, train=train, batch=batch, frames=frames)
    ours, by_hand = training(*sides) if train else forward(*sides)
    benchmark.group = f"{name} {'train' if train else 'infer'}, {batch} x {frames}"
    told(benchmark, ours, by_hand, names=("realised", "by hand"), seconds=SECONDS)
