"""GraphCMR: a picture to a mesh, by a graph network whose vertices all see the same features.

Kolotouros et al., CVPR 2019; nkolot/GraphCMR models/graph_cnn.py, graph_layers.py (here
`_graphcmr_layers.py`) and smpl_param_regressor.py. The plain model makes vertices and a camera;
`graphcmr:smpl` makes rotations of bones and a shape of the vertices that a given one has made, and
poses the body by them. Axes: b batch, c channels, v vertices, j joints.

The picture is a square crop. Where a joint is seen in it the camera says: it scales and shifts the
mesh, and does not know perspective.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from models import resnet, sparse
from models.body import Body
from models.builder import Builder
from models.crop import DEPTH
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.losses.vertex import vertex
from models.mesh import Mesh
from models.passes import to_inference
from models.sparse import Matrix
from models.spec import Spec, Stage
from models.surface import built_in, joints_of, mesh_of
from models.value import Value
from models.zoo import _golden_graphs, _graphcmr_smpl
from models.zoo import _graphcmr_layers as layers

SIDES = ("RHip", "LHip")  # between them lies the pelvis
# numbers that are regressed beyond those of the mesh: of SMPL's files none has as many
MOST = 1000


@dataclass(frozen=True)
class Size(resnet.Size):
    """`width` and `depth` are the graph network's."""

    joints: int = 17
    detail: int = 3  # of the built-in body
    nodes: int = 0  # of the graph, by fakes; 0: as many as the mesh has vertices
    image: int = 224  # pixels of either side
    # of the ResNet's last layer, which is not called; 0: there is none
    classes: int = 0
    width: int = 256
    depth: int = 5
    # of `smpl`: channels, rotations and numbers of shape; 0: as many as the mesh has
    hidden: int = 1024
    rotations: int = 0
    shapes: int = 0

    def __post_init__(self) -> None:
        resnet.check("graphcmr", self, self.image, self.image)
        if self.width % 16:
            raise BadInput(
                f"graphcmr: width {self.width}; a multiple of 16 was due, half of which is"
                " normalised in groups of 8"
            )

    @property
    def frames(self) -> int:
        """A picture is looked at alone."""
        return 1


def train(
    g: Builder,
    size: Size,
    *,
    body: Body | None = None,
) -> Value:
    """Pictures (b, 3, image, image) -> joints as the crop shows them, (b, 1, j, 3).

    The label `vertices` is the mesh, (b, v, 3) in metres.
    """
    person = _person(body, "graphcmr", size)
    vertices, camera = _graphed(g, size, person)
    return _shown(vertices, camera, person)


class Person(NamedTuple):
    """A mesh, and the joints between which its pelvis lies."""

    mesh: Mesh
    hips: list[int]


def _person(body: Body | None, who: str, size: Size) -> Person:
    mesh = mesh_of(body, who, size.joints)
    assert body is not None  # `mesh_of` has looked
    hips = [body.joints.index(side) for side in SIDES if side in body.joints]
    # a skeleton without them begins there
    return Person(mesh, hips or [mesh.parents.index(-1)])


def _graphed(
    g: Builder,
    size: Size,
    person: Person,
) -> tuple[Value, Value]:
    """Vertices (b, v, 3), labelled `nodes` with the fakes, and camera (b, 3).

    The true joints, from the pelvis, are labelled, too: only a loss reads them.
    """
    mesh = person.mesh
    shape, camera = _network(_seen(g, size), *_surface(mesh, size), size)
    nodes = g.label("nodes", shape.rearrange("b c v -> b v c"))
    vertices = _part(nodes, 1, 0, len(mesh.vertices))
    true = joints_of(g.input("vertices", vertices.shape), mesh)
    g.label("true_joints", _from_pelvis(true, person.hips))
    return vertices, camera


def _shown(
    vertices: Value,
    camera: Value,
    person: Person,
    *,
    prefix: str = "",
) -> Value:
    """The pose of vertices (b, v, 3); they are labelled, and their joints from the pelvis."""
    g = vertices.graph
    g.label(f"{prefix}vertices", vertices)
    joints = joints_of(vertices, person.mesh)
    g.label(f"{prefix}joints", _from_pelvis(joints, person.hips))
    return _projected(joints, camera)


def _from_pelvis(joints: Value, hips: list[int]) -> Value:
    """Joints (b, j, 3) from the middle between the hips."""
    places = joints.graph.constant("mesh.hips", np.array(hips, np.int64))
    return joints - joints.take(places, axis=1).mean(axis=1, keepdims=True)


def _smpl(
    g: Builder,
    size: Size,
    *,
    body: Body | None = None,
) -> Value:
    """Pictures -> joints of the body that is posed by what a graph network's vertices tell.

    They learn nothing from it. What the graph network makes is labelled `graph_...`.
    """
    person = _person(body, "graphcmr:smpl", size)
    mesh = person.mesh
    rotations = size.rotations or len(mesh.parents)
    shapes = size.shapes or len(mesh.shapes)
    least = (len(mesh.parents), len(mesh.shapes))
    if rotations < least[0] or shapes < least[1] or max(rotations, shapes) > MOST:
        raise BadInput(
            f"graphcmr:smpl: {rotations} rotations and {shapes} shapes came for a mesh of"
            f" {least[0]} bones and {least[1]}; as many or more were due, up to {MOST:,}"
        )
    vertices, camera = _graphed(g, size, person)
    g.label("graph_pose", _shown(vertices, camera, person, prefix="graph_"))
    turned, shape = _graphcmr_smpl.regress(
        g.labelled("nodes").stop_gradient(),
        g.constant("mesh.standing", _surface(mesh, size)[0].T),
        width=size.hidden,
        rotations=rotations,
        shapes=shapes,
    )
    found = _graphcmr_smpl.posed(turned, shape, mesh)
    return _shown(found, camera.stop_gradient(), person)


def _seen(g: Builder, size: Size) -> Value:
    """Features of the picture (b, c)."""
    x = g.input("images", ("batch", 3, size.image, size.image))
    x = resnet.resnet(x, size, name="resnet", init=None)
    if size.classes:
        shape = (size.classes, size.outer[-1])
        start = ("uniform", shape[1] ** -0.5)
        # in the official state, and never called
        g.param("resnet.fc.weight", shape, init=start)
        g.param("resnet.fc.bias", shape[:1], init=start)
    return x.mean(axis=(2, 3), keepdims=False)


def _network(
    features: Value,
    template: Array,
    graph: Matrix,
    size: Size,
) -> tuple[Value, Value]:
    """Features of a picture (b, c) -> vertices (b, 3, v) and camera (b, 3)."""
    g, (batch, width) = features.graph, features.shape
    shown = features.expand_dims(axis=2).broadcast_to((batch, width, graph.size))
    rest = g.constant("mesh.template", template)  # (3, v)
    x = rest.broadcast_to((batch, 3, graph.size)).concat(shown, axis=1)
    x = layers.features(x, graph, width=size.width, depth=size.depth)
    return layers.shape(x, graph), layers.camera(x)


def _surface(mesh: Mesh, size: Size) -> tuple[Array, Matrix]:
    """The mesh at rest (3, v), as large as -1 to 1, and the mean over neighbours.

    Fake vertices stand in the middle and see themselves.
    """
    count = size.nodes or len(mesh.vertices)
    lacking = count - len(mesh.vertices)
    if lacking < 0:
        raise BadInput(
            f"graphcmr: {count} nodes came for a mesh of {len(mesh.vertices)} vertices; as"
            " many or more were due"
        )
    centre = (mesh.vertices.max(axis=0) + mesh.vertices.min(axis=0)) / 2
    rest = mesh.vertices - centre
    rest = np.pad(rest / np.abs(rest).max(), ((0, lacking), (0, 0)))
    near = sparse.of_pairs(mesh.edges, count, loops=True)
    shares = near.values / near.row_sums[near.rows]
    return rest.T, Matrix(near.rows, near.columns, shares, count)


def _projected(joints: Value, camera: Value) -> Value:
    """Joints (b, j, 3) in metres -> (b, 1, j, 3), in a crop from -0.5 to 0.5, and in its depth."""
    across, depth = _part(joints, 2, 0, 2), _part(joints, 2, 2, 3)
    scale, shift = _part(camera, 1, 0, 1), _part(camera, 1, 1, 3)
    # the authors' crops run from -1 to 1
    seen = (across + shift.expand_dims(axis=1)) * scale.expand_dims(axis=1) / 2.0
    return seen.concat(depth / DEPTH, axis=2).expand_dims(axis=1)


def _part(
    x: Value,
    axis: int,
    start: int,
    stop: int,
) -> Value:
    return x.slice(axis=axis, start=start, stop=stop, step=1)


def _keypoints(pose: Value, size: Size) -> Value:
    """Mean squared error of where the crop shows the joints, in the authors' units."""
    off = (pose - pose.graph.input("target", pose.shape)) * 2.0
    return _squared(_part(off, 3, 0, 2))


def _joints(
    pose: Value,
    size: Size,
    *,
    of: str = "joints",
) -> Value:
    """Mean squared error of the joints of the mesh from its pelvis, in metres."""
    g = pose.graph
    return _squared(g.labelled(of) - g.labelled("true_joints"))


def _of_graph(pose: Value, size: Size) -> Value:
    """The whole loss of the graph network, beside which that of the posed body stands."""
    g = pose.graph
    vertices = g.labelled("graph_vertices")
    own = vertex(vertices, g.input("vertices", vertices.shape))
    own = own + _keypoints(g.labelled("graph_pose"), size)
    return own + _joints(pose, size, of="graph_joints")


def _squared(off: Value) -> Value:
    return (off * off).mean(axis=tuple(range(len(off.shape))), keepdims=False)


NOTES = (
    (
        "The authors' mesh is SMPL's, thinned to 1,723 vertices and filled up again; here is"
        " the built-in body, and the preset `paper` has as many nodes by vertices that are"
        " fakes. The ResNet starts as PyTorch starts one, not from ImageNet's."
    ),
    (
        "No number of the ResNet, of the regressor of rotations and of the body that they pose"
        " comes from the authors' code: golden files hold the graph network alone."
    ),
    "The authors' errors of true rotations and shapes are left out: the data have none.",
    (
        "The authors draw the dense layers of the graph network within 1 / (inputs x outputs) of"
        " 0, so that little of a picture passes; here within 1 / sqrt(inputs), as PyTorch does."
        " The preset `tiny` then comes to 124 mm in its short training, where the mean pose is off"
        " by 234; from the authors' draws 1,500 steps came to 223."
    ),
)
PRESETS = {
    "paper": Size(detail=2, nodes=1723, classes=1000, rotations=24, shapes=10),
    "small": Size(
        detail=2,
        image=96,
        width=64,
        depth=2,
        hidden=256,
        **resnet.slim((1, 1, 1, 1), (16, 32, 48, 64)),
    ),
    "tiny": Size(
        detail=1,
        image=64,
        width=32,
        depth=1,
        hidden=64,
        **resnet.slim((1, 1, 1, 1), (16, 32, 64, 128)),
    ),
}
PAPER_PARAMETERS = {"paper": 27_640_672}
BODY = built_in
LOSSES = {"keypoints": _keypoints, "joints": _joints}
LOSS = {"vertex": 1.0, "keypoints": 1.0, "joints": 1.0}
STAGES = {
    "smpl": Stage(
        train=_smpl,
        loss={**LOSS, "graph": 1.0},
        losses={**LOSSES, "graph": _of_graph},
        # the graph network's, and 15,027,426 of the regressor
        parameters={"paper": 42_668_098},
        body=built_in,
    )
}
OFFICIAL = "GraphCMR graph CNN (no image backbone)"


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of GraphCNN."""
    return Size(
        nodes=config.get("vertices", 0),
        width=config.get("num_channels", 512),
        depth=config.get("num_layers", 5),
    )


def golden(
    official: str,
    config: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> list[Golden]:
    """Files bring the mesh, and the features of a picture in the place of its network."""
    size = from_official(official, config)
    template = arrays["input/ref_vertices"]
    graph = _golden_graphs.graph(arrays, "const/A", size=template.shape[1])
    g = Builder("graphcmr.train")
    features = g.input("feat", ("batch", arrays["input/feat"].shape[1]))
    shape, camera = _network(features, template, graph, size)
    off = (shape - g.input("target", shape.shape)).vector_norm(axis=1)
    turned = (camera - g.input("target_cam", camera.shape)).abs()
    far, seen = (each.mean(axis=(0, 1), keepdims=False) for each in (off, turned))
    g.output("loss", far + seen)
    g.output("shape", shape)
    g.output("camera", camera)
    trained, names = g.finish(), ("shape", "camera")
    still = to_inference(trained, outputs=names)
    return [
        Golden(
            spec=Spec("graphcmr", {}, trained, still, size.frames),
            feeds={key.removeprefix("input/"): array for key, array in arrays.items()},
            outputs={name: Shown(still.with_outputs(name)) for name in names},
            trained={name: Shown(trained.with_outputs(name)) for name in names},
        )
    ]
