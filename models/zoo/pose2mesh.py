"""Pose2Mesh: 2D joints to 3D joints, and both to a mesh that graph convolutions refine.

Choi et al., ECCV 2020; hongsukchoi/Pose2Mesh_RELEASE lib/models/posenet.py, meshnet.py (here
`_meshnet.py`) and pose2mesh_net.py. The plain model is both networks: the second reads what the
first makes, and teaches it nothing. `pose2mesh:posenet` trains the first alone, and
`pose2mesh:meshnet` the second on a first that is given. Axes: b batch, t one frame, j joints,
v vertices, c coordinates or channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

import models
from models import coarsening, sparse
from models.body import Body
from models.builder import Builder
from models.errors import BadInput
from models.golden import Array, Golden, Tables
from models.layers import paired
from models.losses.lifted_joint import lifted_joint
from models.mesh import Mesh
from models.passes import to_inference
from models.sparse import Matrix
from models.spec import Spec, Stage
from models.surface import built_in, joints_of, mesh_of
from models.value import Value
from models.zoo import _golden_graphs, _pose2mesh_golden
from models.zoo._meshnet import Widths, refine

# before and behind each convolution: over the joints, then over levels of the mesh, the finest
# of which comes twice
BLOCKS: Widths = (
    (5, 32, 64, 64),
    (64, 128, 256),
    *((256, 256, 256),) * 4,
    (256, 128, 128),
    *((128, 128, 128),) * 2,
    (128, 64, 3),
)


@dataclass(frozen=True)
class Size:
    """`blocks` and `orders` are of the graph convolutions, as `_meshnet.refine` takes them."""

    joints: int = 17
    # joints that mirror each other: edges of their graph, beside the bones
    left: tuple[int, ...] = (4, 5, 6, 11, 12, 13)
    right: tuple[int, ...] = (1, 2, 3, 14, 15, 16)
    width: int = 4096  # of the lifter
    stages: int = 2  # of the lifter, each of two layers
    dropout: float = 0.5
    unit: float = 1000.0  # what the lifter counts in, to the metre: millimetres
    detail: int = 3  # of the built-in body
    blocks: Widths = BLOCKS
    orders: tuple[int, ...] = (3,) * len(BLOCKS)
    nodes: int = 0  # of the finest level, by fakes; 0: as few as there can be

    def __post_init__(self) -> None:
        if not _joined(self.blocks):
            raise BadInput(
                f"pose2mesh: blocks {self.blocks} came; three or more of two channels or more"
                " were due, from 5 to 3, each from the third on beginning as that before ends"
            )
        if len(self.orders) != len(self.blocks) or min(self.orders) < 1:
            raise BadInput(
                f"pose2mesh: orders {self.orders} came; {len(self.blocks)} from 1 were due,"
                " one for each block"
            )
        if not paired(self.left, self.right, self.joints):
            raise BadInput(
                f"pose2mesh: left {self.left} and right {self.right} came; pairs of different"
                f" places from 0 to {self.joints - 1} were due"
            )
        if self.unit <= 0:
            raise BadInput(f"pose2mesh: unit {self.unit} came; one above 0 was due")

    @property
    def frames(self) -> int:
        """A frame is looked at alone."""
        return 1

    @property
    def levels(self) -> int:
        """How often the mesh is coarsened."""
        return len(self.blocks) - 1


def _joined(blocks: Widths) -> bool:
    """Whether channels go from 5, of keypoints and joints, to 3, of vertices, without a gap."""
    if len(blocks) < 3 or any(len(block) < 2 or min(block) < 1 for block in blocks):
        return False
    of_joints, *of_levels = blocks
    # a dense layer leads from the joints to the coarsest level, whatever both are wide
    gaps = [after[0] != before[-1] for before, after in pairwise(of_levels)]
    return of_joints[0] == 5 and of_levels[-1][-1] == 3 and not any(gaps)


def train(g: Builder, size: Size, *, body: Body | None = None) -> Value:
    """Keypoints (b, 1, j, 2) -> joints (b, 1, j, 3) of the mesh; the label `vertices` is that."""
    return _both(g, size, body=body, given=False)


def _both(g: Builder, size: Size, *, body: Body | None, given: bool) -> Value:
    mesh = mesh_of(body, "pose2mesh", size.joints)
    assert body is not None  # `mesh_of` has looked
    made = _levels(mesh, size.levels, size.nodes)
    lifted = _lift(g, size, given=given)
    graphs = _graphs(made, size, body.bones)
    found = _refined(_keypoints(g, size), lifted, size, graphs)
    rows = g.constant("mesh.rows", made.places[: len(mesh.vertices)])
    vertices = g.label("vertices", found.take(rows, axis=1))
    return joints_of(vertices, mesh).expand_dims(axis=1)


# a mesh is the same object wherever it is asked for, and its levels take a second
@lru_cache(maxsize=8)
def _levels(mesh: Mesh, levels: int, nodes: int) -> coarsening.Pyramid:
    return coarsening.pyramid(mesh.faces, len(mesh.vertices), levels, nodes=nodes)


def _keypoints(g: Builder, size: Size) -> Value:
    return g.input("keypoints", ("batch", size.frames, size.joints, 2))


def _lift(g: Builder, size: Size, *, given: bool) -> Value:
    """Keypoints -> (b, 1, j, 3) in metres, labelled `lifted`; one that is given is not trained."""
    with g.scope("pose_lifter"), g.frozen() if given else nullcontext():
        x = _keypoints(g, size).rearrange("b t j c -> b (t j c)")
        x = x.linear(size.width, name="w1")
        _unused_norm(x)
        for i in range(size.stages):
            with g.scope(f"linear_stages.{i}"):
                h = _dense(x, size, "1", given=given)
                x = x + _dense(h, size, "2", given=given)
        x = x.linear(size.joints * 3, name="w2")
    x = x.rearrange("b (t j c) -> b t j c", t=size.frames, c=3)
    return g.label("lifted", x / size.unit)


def _dense(x: Value, size: Size, number: str, *, given: bool) -> Value:
    """Batch norm, ReLU and dropout, and then the layer."""
    norm = f"batch_norm{number}"
    h = x.batch_norm(eps=1e-5, momentum=0.1, train=not given, name=norm).relu()
    h = h.dropout(rate=0.0 if given else size.dropout, name=f"w{number}")
    return h.linear(size.width, name=f"w{number}")


def _unused_norm(x: Value) -> None:
    """The official lifter holds a batch norm and never calls it; checkpoints have it."""
    ones, zeros = ("ones", 0.0), ("zeros", 0.0)
    kept = {"weight": ones, "bias": zeros, "running_mean": zeros, "running_var": ones}
    for name, init in kept.items():
        trained = not name.startswith("running")
        x.graph.param(f"batch_norm1.{name}", x.shape[1:], init=init, trainable=trained)
    seen = "batch_norm1.num_batches_tracked"
    x.graph.param(seen, (), init=zeros, trainable=False, dtype="int64")


def _refined(
    keypoints: Value, lifted: Value, size: Size, graphs: Sequence[Matrix]
) -> Value:
    """(b, v, 3) of the finest level, whose loss is no lesson to the lifter."""
    seen = keypoints.concat(lifted.stop_gradient(), axis=3)
    with keypoints.graph.scope("pose2mesh"):
        x = seen.rearrange("b t j c -> (b t) j c")
        return refine(x, graphs, blocks=size.blocks, orders=size.orders)


def _pose(g: Builder, size: Size) -> Value:
    """The lifter alone: keypoints (b, 1, j, 2) -> (b, 1, j, 3)."""
    return _lift(g, size, given=False)


def _on_given(g: Builder, size: Size, *, body: Body | None = None) -> Value:
    """The mesh over a lifter that is given, as a published one is, and stays as it is."""
    return _both(g, size, body=body, given=True)


def _graphs(
    made: coarsening.Pyramid, size: Size, bones: Sequence[tuple[int, int]]
) -> list[Matrix]:
    """The operators of the levels that are used, finest first, and of the joints."""
    pairs = zip(size.left, size.right, strict=True)
    edges = np.array([*bones, *pairs], np.int64)
    joints = sparse.of_pairs(edges, size.joints, loops=True)
    # as published, the last of the levels is made and not used, and that of the joints is not
    # scaled
    return [*made.laplacians[:-1], sparse.laplacian(joints)]


def _lifted(pose: Value, size: Size) -> Value:
    """The loss of the joints that the mesh is refined from, in metres."""
    made = pose.graph.labelled("lifted")
    return lifted_joint(made, pose.graph.input("target", made.shape))


NOTES = (
    (
        "The authors' meshes are SMPL's and MANO's, whose files are licensed; here is the"
        " built-in body, and the preset `paper` has as many nodes and parameters as theirs by"
        " vertices that are fakes."
    ),
    (
        "The authors' keypoints are standardised pose by pose, within the person's box, and"
        " disturbed; here the training set standardises them."
    ),
    "The authors' edge loss joins after seven epochs; here it is there from the start.",
    (
        "Equal degrees are visited in an order that the authors leave to NumPy; here it is"
        " that of the vertices, so that published MeshNets need the authors' own constants."
    ),
)
PRESETS = {
    "paper": Size(nodes=12_288),
    "small": Size(
        width=512,
        dropout=0.1,
        unit=1.0,
        detail=2,
        blocks=((5, 16, 16), (16, 32), (32, 32), (32, 16), (16, 16), (16, 3)),
        orders=(3,) * 6,
    ),
    "tiny": Size(
        width=256,
        stages=1,
        dropout=0.0,
        unit=1.0,
        detail=1,
        blocks=((5, 16, 8), (16, 16), (16, 16), (16, 3)),
        orders=(3,) * 4,
    ),
}
PAPER_PARAMETERS = {"paper": 76_303_478}
BODY = built_in
LOSSES = {"lifted": _lifted}
# joints in metres, where the authors weigh millimetres by a thousandth
_OF_MESH = {"vertex": 1.0, "normal": 0.1, "edge": 20.0, "mesh_joint": 1.0}
LOSS = {**_OF_MESH, "lifted": 1.0}
STAGES = {
    "posenet": Stage(
        train=_pose,
        loss={"lifted_joint": 1.0},
        parameters={"paper": 67_518_515},
    ),
    "meshnet": Stage(
        train=_on_given,
        loss=_OF_MESH,
        parameters={"paper": 8_784_963},
        body=built_in,
    ),
}
OFFICIAL = {
    "FlatPose2Mesh": "",
    "Pose2Mesh PoseNet LinearModel": "posenet",
    "Pose2Mesh MeshNet": "meshnet",
    "Pose2Mesh graph coarsening": "",
}


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of a class, and of what the authors' configuration adds to them.

    Nothing is dropped, so that runs can be compared.
    """
    joints = config["num_joint" if "num_joint" in config else "joints"]
    blocks = tuple(tuple(widths) for widths in config.get("CL_F", BLOCKS))
    order = config.get("CL_K", 3)
    orders = (order,) * len(blocks) if isinstance(order, int) else tuple(order)
    # the defaults are of 17 joints, and a file brings the graph of its own
    known = joints == Size.joints
    return Size(
        joints=joints,
        left=Size.left if known else (),
        right=Size.right if known else (),
        width=config.get("linear_size", config.get("posenet_hid", Size.width)),
        stages=config.get("num_stage", config.get("posenet_stages", Size.stages)),
        dropout=0.0,
        blocks=blocks,
        orders=orders,
    )


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden | Tables]:
    """Files bring the graphs that their networks are of; of one there is no network."""
    size = from_official(official, config)
    if official == "Pose2Mesh graph coarsening":
        return [_golden_graphs.tables(config, arrays)]
    if official == "Pose2Mesh PoseNet LinearModel":
        # its numbers are those of the last layer
        plain = replace(size, unit=1.0)
        spec = models.assemble("pose2mesh:posenet", plain, loss={"mpjpe": 1.0})
        return [_pose2mesh_golden.lifter(spec, arrays)]
    g = Builder("pose2mesh.train")
    graphs = _golden_graphs.graphs(arrays)
    if official == "Pose2Mesh MeshNet":
        x = g.input("x", ("batch", size.joints, size.blocks[0][0]))
        with g.scope("pose2mesh"):
            out = refine(x, graphs, blocks=size.blocks, orders=size.orders)
        g.output("loss", _pose2mesh_golden.of_vertices(g, out, arrays))
        return [_pose2mesh_golden.refiner(_spec(g, size), arrays)]
    lifted = _lift(g, size, given=False)
    out = _refined(_keypoints(g, size), lifted, size, graphs)
    loss = _pose2mesh_golden.of_vertices(g, out, arrays)
    g.output("loss", loss + _pose2mesh_golden.of_joints(lifted))
    return [_pose2mesh_golden.both(_spec(g, size), arrays, unit=size.unit)]


def _spec(g: Builder, size: Size) -> Spec:
    """Of a file's own graph."""
    graph = g.finish()
    still = to_inference(graph, outputs=["out"])
    return Spec("pose2mesh", {}, graph, still, size.frames)
