"""Rotations out of matrices: by NumPy's singular values on every backend, and their slopes."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Backend, Settings, gradient_trainer
from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph
from models.rotations import special_orthogonal
from tests.asserts import assert_close

Array = np.ndarray
STEP = 1e-6  # of a central difference


def drawn(values: tuple[float, float, float], *, mirrored: bool) -> Array:
    """Matrices of these singular values, with a determinant of one sign."""
    draw = np.random.default_rng(0)
    left, right = (np.linalg.qr(draw.normal(size=(8, 3, 3)))[0] for _ in range(2))
    found = left * np.array(values) @ right
    wrong = (np.linalg.det(found) < 0) != mirrored
    return np.asarray(np.where(wrong[:, None, None], -found, found), np.float32)


MATRICES = {
    "any": np.random.default_rng(1).normal(size=(8, 3, 3)).astype(np.float32),
    "of determinant below 0": drawn((2.0, 1.0, 0.5), mirrored=True),
    "of equal singular values": drawn((3.0, 3.0, 3.0), mirrored=False),
    "equal and mirrored": drawn((0.1, 0.1, 0.1), mirrored=True),
    "of two that are equal": drawn((1.0, 0.2, 0.2), mirrored=False),
    "nearly flat": drawn((100.0, 40.0, 0.01), mirrored=False),
    "tiny": drawn((3e-6, 2e-6, 1e-6), mirrored=True),
}
# in one program, which some frameworks take seconds to compile
TOGETHER = np.concatenate(list(MATRICES.values()))


def by_svd(matrices: Array) -> Array:
    """As GraphCMR has it: U V^T times its determinant."""
    left, _, right = np.linalg.svd(matrices.astype(np.float64))
    found = left @ right
    return np.asarray(found * np.linalg.det(found)[:, None, None])


def graph_of(weights: Array) -> Graph:
    """A loss that is another weighted sum of each matrix's rotation."""
    g = Builder("rotations")
    matrices = g.param("m", weights.shape, init=("zeros", 0.0))
    rotations = special_orthogonal(matrices)
    g.output("rotations", rotations)
    weighted = rotations * g.constant("weights", weights)
    g.output("loss", weighted.sum(axis=(0, 1, 2), keepdims=False))
    return g.finish()


WEIGHTS = np.random.default_rng(2).normal(size=TOGETHER.shape).astype(np.float32)


def due_slopes(matrices: Array) -> Array:
    """Central differences of NumPy's rotations, in steps of the matrices' size."""
    exact = matrices.astype(np.float64)
    found = np.zeros_like(exact)
    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1
        sizes = STEP * np.abs(exact).max((1, 2), keepdims=True)
        moved = by_svd(exact + sizes * step) - by_svd(exact - sizes * step)
        slope = (moved * WEIGHTS).sum((1, 2)) / (2 * sizes[:, 0, 0])
        found[(slice(None), *place)] = slope
    return found


def parts(found: Array) -> dict[str, Array]:
    """What came of each kind of matrices."""
    split = np.split(np.asarray(found), len(MATRICES))
    return dict(zip(MATRICES, split, strict=True))


def test_rotations_are_those_of_the_singular_values(backend: Backend) -> None:
    program = backend.program(graph_of(WEIGHTS), Settings())
    program.load({"m": TOGETHER})
    for name, came in parts(program({})["rotations"]).items():
        assert_close(came, by_svd(MATRICES[name]), rtol=1e-5, what=name)
        assert_close(np.linalg.det(came), np.ones(8), rtol=1e-5, what="determinants")


def test_slopes_are_those_of_differences(backend: Backend) -> None:
    trainer = gradient_trainer(backend, graph_of(WEIGHTS), Settings())
    trainer.program.load({"m": TOGETHER})
    _, came = trainer.gradients(trainer.program.put({}))
    due = parts(due_slopes(TOGETHER))
    for name, slopes in parts(came["m"]).items():
        assert_close(slopes, due[name], rtol=2e-4, what=name)


def test_what_has_no_rotation_stays_finite(backend: Backend) -> None:
    trainer = gradient_trainer(backend, graph_of(WEIGHTS[:2]), Settings())
    flat = np.stack([np.zeros((3, 3)), np.ones((3, 3))])
    trainer.program.load({"m": flat.astype(np.float32)})
    _, came = trainer.gradients(trainer.program.put({}))
    assert np.isfinite(came["m"]).all()


def test_matrices_of_another_shape_are_refused() -> None:
    x = Builder("rotations").input("x", ("batch", 9, 1))
    said = r"special_orthogonal: matrices \(\.\.\., 3, 3\) were due, \(batch, 9, 1\) float32 came"
    with pytest.raises(SpecError, match=said):
        special_orthogonal(x)
