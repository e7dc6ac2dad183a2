"""SemGCN: the graph that it sees, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import Body, params
from models.errors import BadInput
from models.zoo import semgcn
from models.zoo.semgcn import Size

CHAIN = Body(joints=("a", "b", "c"), bones=((0, 1), (1, 2)))


def near(spec: models.Spec) -> np.ndarray:
    return spec.infer.constants["joints.near"]


def built(body: Body | None = None, **sizes: Any) -> models.Spec:
    return models.build("semgcn", preset="tiny", body=body, **sizes)


def test_neighbours_are_those_of_the_body() -> None:
    spec = built(CHAIN, joints=3)
    assert near(spec).tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    # both directions of two bones, and three joints with themselves
    assert spec.parameters["gconv_output.e"].type.shape == (1, 7)


@pytest.mark.parametrize(("joints", "edges"), [(16, 46), (17, 49)])
def test_without_a_body_it_is_that_of_human36m(joints: int, edges: int) -> None:
    table = near(built(joints=joints))
    assert table.sum() == edges
    assert (table == table.T).all()


def test_the_groups_are_the_published_ones() -> None:
    body = semgcn._skeleton(Size(), None)
    published = "2 3 5 6 1 4 0 7 8 9 14 15 11 12 10 13"
    assert built().infer.constants["joints.order"].tolist() == [
        int(place) for place in published.split()
    ]
    # every joint once, whichever skeleton it is
    assert sorted(sum(semgcn._groups(body), ())) == list(range(16))
    assert semgcn._groups(CHAIN) == ((0,), (1,), (2,))


def test_joints_that_no_bone_joins_do_not_see_each_other() -> None:
    apart = Body(joints=("a", "b", "c"), bones=((0, 1),))
    spec = built(apart, joints=3, non_local=False)
    program = NumpyProgram(spec.infer, Settings(precision="fp64"))
    program.load(params.draw(spec.infer.params, seed=0))
    still, moved = np.zeros((1, 6)), np.zeros((1, 6))
    moved[0, 4] = 1.0  # of the third joint
    before, after = (program({"keypoints": x})["pose"] for x in (still, moved))
    assert np.array_equal(before[0, :6], after[0, :6])
    assert not np.allclose(before[0, 6:], after[0, 6:])


def test_a_non_local_block_starts_as_the_identity() -> None:
    spec = built()
    drawn = params.draw(spec.parameters, seed=0)
    assert not drawn["gconv_input.1.non_local.W.1.weight"].any()


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            {"joints": 15},
            "15 joints were asked for and the skeleton has 16; give `body`",
        ),
        ({"groups": ((0, 1), (1, 2))}, "each joint from 0 to 15 in one group was due"),
        ({"edges": ((0, 16),)}, "places from 0 to 15 were due"),
    ],
)
def test_a_skeleton_that_does_not_fit_is_one_line(
    sizes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        models.assemble("semgcn", Size(**sizes))


def test_outputs_that_are_no_poses_are_refused() -> None:
    config = {"adj": [[1.0]], "hid_dim": 4, "coords_dim": (2, 2)}
    with pytest.raises(BadInput, match="coords_dim gives 2 coordinates; 3 were due"):
        models.from_official("SemGCN", config)
