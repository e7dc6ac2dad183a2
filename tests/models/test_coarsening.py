"""Coarser levels of a mesh: the same on every NumPy, and what a Laplacian must be."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from models import coarsening, sparse
from models.errors import BadInput
from tests.asserts import assert_close

Array = np.ndarray
OCTAHEDRON = np.array(
    [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4)]
    + [(2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
)
# recorded with NumPy 2.4, and the same on 2.0, 2.1, 2.2 and 2.3: vertices of one degree, of which
# a sphere has hundreds, would fall into another order under a sort that does not keep theirs
ORDERS = [[0, 2, 4, 6, 5, 7, 8, 9, 1, 3, 10, 11], [0, 2, 3, 4, 1, 5], [0, 1, 2]]
LENGTHS = [384, 192, 96, 48, 24, 12]
DIGEST = "eaf126e2ca8a56fea776d4f3db81d9f647a603975f86bda57e7be633668a26b6"


def sphere(times: int) -> tuple[Array, int]:
    """An octahedron whose faces are quartered so often, and its number of vertices."""
    faces, vertices = OCTAHEDRON, 6
    for _ in range(times):
        a, b, c = faces.T
        ends = np.sort(np.concatenate([faces[:, :2], faces[:, 1:], faces[:, ::2]]), 1)
        edges, places = np.unique(ends, axis=0, return_inverse=True)
        ab, bc, ca = vertices + places.reshape(3, -1)
        quarters = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
        faces = np.concatenate([np.stack(quarter, axis=1) for quarter in quarters])
        vertices += len(edges)
    return faces, vertices


def dense(graph: sparse.Matrix) -> Array:
    whole = np.zeros((graph.size, graph.size))
    whole[graph.rows, graph.columns] = graph.values
    return whole


def test_an_octahedron_is_ordered_as_recorded() -> None:
    made = coarsening.pyramid(*sphere(0), 2)
    assert [order.tolist() for order in made.orders] == ORDERS


def test_a_sphere_is_ordered_as_recorded() -> None:
    made = coarsening.pyramid(*sphere(3), 5)
    listed = ",".join(str(vertex) for order in made.orders for vertex in order)
    assert [len(order) for order in made.orders] == LENGTHS
    assert hashlib.sha256(listed.encode()).hexdigest() == DIGEST


def test_both_halves_of_a_vertex_stand_side_by_side() -> None:
    faces, vertices = sphere(2)
    made = coarsening.pyramid(faces, vertices, 3)
    for parent, fine, coarse in zip(
        made.parents, made.orders, made.orders[1:], strict=False
    ):
        assert len(fine) == 2 * len(coarse)
        real = fine < len(parent)
        came = parent[fine[real]]
        assert_close(came, coarse.repeat(2)[real], rtol=0, what="parents")
    # a fake has no edge
    finest = made.adjacencies[0].row_sums
    assert np.array_equal(finest == 0, made.orders[0] >= vertices)


def test_a_rescaled_laplacian_runs_from_minus_1_to_minus_a_half() -> None:
    made = coarsening.pyramid(*sphere(2), 2)
    for laplacian in made.laplacians:
        whole = dense(laplacian)
        assert_close(whole, whole.T, rtol=0, what="symmetry")
        spectrum = np.linalg.eigvalsh(whole)
        assert_close(spectrum[[0, -1]], np.array([-1.0, -0.5]), rtol=1e-12, what="L")


def test_the_largest_eigenvalue_is_numpys() -> None:
    graph = sparse.laplacian(coarsening.of_faces(*sphere(2)))
    due = np.linalg.eigvalsh(dense(graph))[-1]
    assert_close(sparse.largest(graph), due, rtol=1e-13, what="largest")


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_a_mesh_of_several_parts_has_levels_too(levels: int) -> None:
    faces = np.arange(9).reshape(3, 3)
    made = coarsening.pyramid(faces, 9, levels)
    assert len(made.orders) == levels + 1
    for laplacian in made.laplacians:
        spectrum = np.linalg.eigvalsh(dense(laplacian))
        # of parts that are one vertex each, nothing is left but -1
        assert spectrum.min() > -1 - 1e-12 and spectrum.max() < -0.5 + 1e-12
    # as near to each other as corners of a face
    finest = dense(made.adjacencies[0])[np.ix_(made.places[:9], made.places[:9])]
    assert finest.tolist() == np.kron(np.eye(3), 1 - np.eye(3)).tolist()


@pytest.mark.parametrize("levels", [0, -1])
def test_no_levels_are_refused(levels: int) -> None:
    with pytest.raises(BadInput, match="levels of a mesh came; 1 or more were due"):
        coarsening.pyramid(*sphere(0), levels)


def test_fakes_fill_the_finest_level() -> None:
    made = coarsening.pyramid(*sphere(1), 2, nodes=32)
    assert [len(order) for order in made.orders] == [32, 16, 8]
    assert all(sorted(order) == list(range(len(order))) for order in made.orders)
    assert made.laplacians[0].size == 32


def test_joints_are_joined_both_ways_and_to_themselves() -> None:
    graph = sparse.of_pairs(np.array([(0, 1), (1, 2), (1, 0)]), 3, loops=True)
    assert dense(graph).tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    ("faces", "vertices", "said"),
    [
        (OCTAHEDRON, 5, "a graph of 5 vertices cannot have the edge (0, 5)"),
        (OCTAHEDRON, 8, "vertex 6 of 8 is in no face"),
    ],
)
def test_faces_of_another_mesh_are_refused(
    faces: Array, vertices: int, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        coarsening.of_faces(faces, vertices)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("nodes", [8, 14])
def test_nodes_that_are_no_level_are_refused(nodes: int) -> None:
    said = "nodes came for a mesh of 6 vertices; 12 or more were due, a multiple of 4"
    with pytest.raises(BadInput, match=said):
        coarsening.pyramid(*sphere(0), 2, nodes=nodes)
