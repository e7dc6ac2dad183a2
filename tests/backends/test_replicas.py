"""Two replicas make the steps of one, or the backend says why it has none."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from backends.base import Backend, Settings, Unsupported
from models.optim import Optimizer
from tests.paths import ROOT
from tests.zoo import tiny

STEPS = 8
# Of the way that the weights went; of the largest loss and statistic. Measured over 100 steps on
# a CPU at most 2e-6, a few roundings of float32. Faults leave 0.4 of the way.
APART = 2e-5
TRAINS = ("torch", "tensorflow", "jax")
FAULTS = [
    ("tensorflow", "videopose3d", "statistics"),
    ("tensorflow", "motionbert", "noise"),
    ("torch", "videopose3d", "draws"),
]


def trained(backend: str, model: str, fault: str = "") -> dict[str, Any]:
    """How far the replicas are from one, asked in a process of its own."""
    asked = [backend, model, str(STEPS), *filter(None, [fault])]
    command = [sys.executable, "-m", "tests.backends.replicated", *asked]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def skip_unless_trains(backend: Backend) -> None:
    if backend.name not in TRAINS:
        pytest.skip(f"{backend.name} trains with one replica")


@pytest.mark.parametrize("model", ["videopose3d", "motionbert"])
def test_two_replicas_give_the_curve_of_one(backend: Backend, model: str) -> None:
    skip_unless_trains(backend)
    told = trained(backend.name, model)
    assert max(told[key] for key in ("losses", "weights", "state")) < APART


@pytest.mark.parametrize(("framework", "model", "fault"), FAULTS)
def test_statistics_or_noise_of_a_share_alone_would_be_seen(
    backend: Backend, framework: str, model: str, fault: str
) -> None:
    if backend.name != framework:
        pytest.skip(f"the fault is of {framework}")
    assert trained(framework, model, fault)["weights"] > 1000 * APART


def test_a_backend_without_replicas_says_so(backend: Backend) -> None:
    if backend.name in TRAINS:
        pytest.skip(f"{backend.name} trains replicas")
    with pytest.raises(Unsupported, match="one replica, and 2 were asked for"):
        backend.trainer(
            tiny("simple_baseline").train,
            Optimizer("sgd", 1e-2, 0.0),
            Settings(replicas=2),
        )
