"""How fast poses are scored.

Each metric alone, PA-MPJPE beside batched singular values, and all on a test set of Human3.6M's
size: `OMP_NUM_THREADS=1 pytest --benchmark-only tests/benchmarks/bench_metrics.py`. Nothing is
asserted on time; both alignments must give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from bench import metrics
from bench.data import protocols
from bench.data.geometry.skeletons import H36M17
from bench.metrics import _blocks, _procrustes
from bench.metrics._lengths import lengths
from tests.benchmarks.rounds import told

Array = NDArray[np.float64]

POSES = 17_640
TEST_SET = 570_000  # poses: about what protocol 1 of Human3.6M scores
JOINTS = len(H36M17.joints)
# a half turn and a mirror image are the hard cases of the alignment
TURNS = {
    "upright": (1, 1, 1),
    "turned": (-1, 1, -1),
    "mirrored": (-1, 1, 1),
}


def people(count: int) -> tuple[Array, Array]:
    """Predictions and truths (count, 17, 3) mm: as wide as people, the error of a good model."""
    draw = np.random.default_rng(0)
    true = draw.normal(0, [120, 400, 80], (count, JOINTS, 3))
    return true + draw.normal(0, 35, true.shape), true


def by_svd(pred: Array, true: Array) -> Array:
    """(N,) mm: one singular value decomposition for each pose."""
    error: Array = lengths(_procrustes.by_svd(pred, true)).mean(axis=1)
    return error


def in_closed_form(pred: Array, true: Array) -> Array:
    """(N,) mm: what `evaluate` does, the copying into blocks included."""
    size = _blocks.POINTS // JOINTS
    room = np.empty((2, 3, JOINTS, size))
    error = np.empty(len(pred))
    for start in range(0, len(pred), size):
        part = slice(start, min(start + size, len(pred)))
        block = room[..., : part.stop - start]
        block[0] = pred[part].transpose(2, 1, 0)
        block[1] = true[part].transpose(2, 1, 0)
        # (n, J, 3) again, the poses last in memory
        left = _procrustes.residuals(*(each.transpose(2, 1, 0) for each in block))
        error[part] = lengths(left).mean(axis=1)
    return error


@pytest.mark.parametrize("kind", TURNS)
def test_alignment_beside_singular_values(kind: str, benchmark: Any) -> None:
    pred, true = people(POSES)
    pred = pred * TURNS[kind]
    assert_allclose(in_closed_form(pred, true), by_svd(pred, true), rtol=0, atol=1e-6)
    benchmark.group = "alignment"
    told(
        benchmark,
        lambda: in_closed_form(pred, true),
        lambda: by_svd(pred, true),
        names=("closed form", "singular values"),
        seconds=8,
    )


def scored(count: int, names: tuple[str, ...] | None) -> Callable[[], Any]:
    """What scores some poses, by some metrics or all."""
    pred, true = (poses.astype(np.float32) for poses in people(count))
    # about as in Human3.6M's test set
    labels = {
        "actions": [f"Action {place % 15}" for place in range(count)],
        "subjects": ["S9" if place % 5 < 2 else "S11" for place in range(count)],
        "clips": [place // 2400 for place in range(count)],
    }
    protocol = protocols.load("h36m-p1")
    return lambda: metrics.evaluate(
        pred,
        true,
        joint_names=H36M17.joints,
        protocol=protocol,
        metrics=names,
        **labels,
    )


@pytest.mark.benchmark(group="metrics", max_time=0.5, min_rounds=3)
@pytest.mark.parametrize("metric", metrics.names())
def test_metric(metric: str, benchmark: Any) -> None:
    work = scored(POSES, (metric,))
    (found,) = work()
    if found.frame_wise is None:
        pytest.skip(f"{found.name} needs more than poses")
    benchmark.extra_info["poses"] = POSES
    benchmark(work)


def test_every_metric_on_a_test_set(benchmark: Any) -> None:
    benchmark.group = "metrics of a test set"
    found = benchmark.pedantic(scored(TEST_SET, None), rounds=1)
    benchmark.extra_info["poses"] = TEST_SET
    assert all(metric.frame_wise is not None for metric in found)
