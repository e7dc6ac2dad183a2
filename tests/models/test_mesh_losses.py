"""Losses of a surface against NumPy by hand, finite differences, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import objective
from models.body import H36M_17, Body
from models.builder import Builder
from models.errors import BadInput
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.mesh import Mesh
from tests.asserts import assert_close

Array = np.ndarray
FP64 = Settings(precision="fp64")
RNG = np.random.default_rng(0)
# a tetrahedron of two joints
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
ROWS = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.25, 0.25, 0.5]])
BODY = Body(
    joints=("Hip", "Head"),
    bones=((0, 1),),
    mesh=Mesh(
        name="tetrahedron",
        vertices=RNG.normal(size=(4, 3)),
        faces=FACES,
        regressor=ROWS,
        weights=np.full((4, 2), 0.5),
        parents=(-1, 0),
    ),
)
MADE, TRUE = RNG.normal(size=(2, 5, 4, 3))
TARGET = RNG.normal(size=(5, 1, 2, 3))


def edge(made: Array, true: Array) -> float:
    found = []
    for one, other in zip(made, true, strict=True):
        for a, b, c in FACES:
            for start, end in ((a, b), (b, c), (c, a)):
                lengths = [np.linalg.norm(x[start] - x[end]) for x in (one, other)]
                found.append(abs(lengths[0] - lengths[1]))
    return float(np.mean(found))


def normal(made: Array, true: Array) -> float:
    found = []
    for one, other in zip(made, true, strict=True):
        for a, b, c in FACES:
            square = np.cross(other[b] - other[a], other[c] - other[a])
            for start, end in ((a, b), (b, c), (c, a)):
                side = one[end] - one[start]
                sizes = np.linalg.norm(side) * np.linalg.norm(square)
                found.append(abs(side @ square) / sizes)
    return float(np.mean(found))


def mesh_joint(made: Array, true: Array) -> float:
    joints = np.einsum("jv,bvc->bjc", ROWS, made)
    return float(np.abs(joints - TARGET[:, 0]).mean())


BY_HAND: dict[str, Callable[[Array, Array], float]] = {
    "edge": edge,
    "mesh_joint": mesh_joint,
    "normal": normal,
    "vertex": lambda made, true: float(np.abs(made - true).mean()),
}
every_loss = pytest.mark.parametrize("name", BY_HAND)


def graph(name: str, body: Body | None = BODY, *, meshed: bool = True) -> Graph:
    g = Builder("loss")
    pose = g.input("pose", ("batch", 1, 2, 3))
    made = g.input("made", ("batch", 4, 3))
    if meshed:
        g.label("vertices", made)
    g.output("loss", objective.total(pose, {name: 1.0}, body))
    return g.finish()


def fed(made: Array) -> dict[str, Array]:
    return {"pose": TARGET, "target": TARGET, "made": made, "vertices": TRUE}


def value(asked: Graph, made: Array) -> float:
    given = {name: array for name, array in fed(made).items() if name in asked.inputs}
    return float(NumpyProgram(asked, FP64)(given)["loss"])


@every_loss
def test_a_loss_is_what_numpy_says(name: str) -> None:
    came, due = value(graph(name), MADE), BY_HAND[name](MADE, TRUE)
    assert_close(came, due, rtol=1e-12, what=name)


@every_loss
def test_a_gradient_is_the_slope(name: str) -> None:
    asked = graph(name)
    slopes = gradient(asked, wrt=["made"])
    given = {name: array for name, array in fed(MADE).items() if name in slopes.inputs}
    slope = NumpyProgram(slopes, FP64)(given)[PREFIX + "made"]
    step = 1e-6  # a central difference is off by about its square
    for seed in range(3):
        way = np.random.default_rng(seed).normal(size=MADE.shape)
        up, down = value(asked, MADE + step * way), value(asked, MADE - step * way)
        came, due = (up - down) / (2 * step), (slope * way).sum()
        assert_close(came, due, rtol=1e-6, what=f"{name}, way {seed}")


def test_a_turned_surface_keeps_its_edges_and_a_flat_one_its_normals() -> None:
    turned = TRUE[..., [1, 2, 0]]
    assert value(graph("edge"), turned) < 1e-12
    # sides of a face are square to its own normal
    assert value(graph("normal"), 3 * TRUE) < 1e-12
    assert value(graph("normal"), turned) > 0.1


def test_a_point_has_no_sides_and_a_finite_slope() -> None:
    point = np.zeros_like(MADE)
    slopes = NumpyProgram(gradient(graph("normal"), wrt=["made"]), FP64)
    given = fed(point)
    del given["target"]
    assert np.isfinite(slopes(given)[PREFIX + "made"]).all()


@pytest.mark.parametrize(
    ("name", "body", "meshed", "said"),
    [
        ("vertex", BODY, False, "loss vertex is of a mesh, and this model makes none"),
        ("edge", None, True, "loss edge needs the skeleton, and none was given"),
        ("normal", H36M_17, True, "the body has 17 joints, the pose 2"),
        (
            "mesh_joint",
            Body(joints=("a", "b"), bones=()),
            True,
            "loss mesh_joint: a body that has a mesh was due; build the model with",
        ),
    ],
)
def test_what_lacks_a_surface_is_one_line(
    name: str, body: Body | None, meshed: bool, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        graph(name, body, meshed=meshed)
    assert "\n" not in str(caught.value)
