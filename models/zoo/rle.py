"""RLE: joints regressed from a picture, and how sure; a flow learns how errors are spread.

Li et al., ICCV 2021; Jeff-sjtu/res-loglikelihood-regression rlepose/models/regression_nf_3d.py
and, of two coordinates, regression_nf.py. Axes: b batch, j joints, c coordinates: x and y from
-0.5 to 0.5 across the picture, then depth, of 2 m. The flow is in the loss alone: whoever runs
the model has a ResNet and two linear layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import models
from models import realnvp, resnet
from models.builder import Builder
from models.dims import fixed
from models.errors import BadInput
from models.golden import Array, Golden, Shown, alone
from models.passes import prune, to_inference
from models.realnvp import Masks, RealNVP
from models.value import Value

# what couplings keep, in turns
TURNS_2D: Masks = ((0, 1), (1, 0))
TURNS_3D: Masks = ((0, 0, 1), (1, 1, 0))
EVEN = math.log(math.sqrt(2 * math.pi))  # minus the logarithm of the loss's `amp`


@dataclass(frozen=True)
class Size(resnet.Size):
    """`height` and `width` are the picture's."""

    joints: int = 18
    coordinates: int = 3  # 2: of the picture alone
    height: int = 256
    width: int = 256
    couplings: int = 6  # of either flow
    flow2d: int = 64  # width of the networks, of the flow of x and y
    flow3d: int = 64
    masks2d: Masks = ()  # of each coupling; (): the published, in turns
    masks3d: Masks = ()
    root: int = 0  # whose depth the others' are relative to
    features: int = 0  # channels of a feature map that is given; 0: of the ResNet

    def __post_init__(self) -> None:
        resnet.check("rle", self, self.height, self.width)
        if self.coordinates not in (2, 3):
            raise BadInput(f"rle: 2 coordinates or 3 were due, {self.coordinates} came")
        if self.root >= self.joints:
            raise BadInput(
                f"rle: root {self.root} came; a joint from 0 to {self.joints - 1} was due"
            )

        for name, masks, width in (
            ("masks2d", self.masks2d, 2),
            ("masks3d", self.masks3d, 3),
        ):
            if any(len(mask) != width for mask in masks):
                raise BadInput(
                    f"rle: {name} {masks} came; masks of {width} coordinates were due"
                )

    @property
    def frames(self) -> int:
        """A picture is looked at alone."""
        return 1

    @property
    def flat(self) -> RealNVP:
        """The flow of x and y."""
        name = "flow2d" if self.coordinates == 3 else "flow"
        masks = self.masks2d or self._turns(TURNS_2D)
        return RealNVP(name=name, masks=masks, width=self.flow2d)

    @property
    def deep(self) -> RealNVP:
        """The flow of three coordinates."""
        masks = self.masks3d or self._turns(TURNS_3D)
        return RealNVP(name="flow3d", masks=masks, width=self.flow3d)

    def _turns(self, masks: Masks) -> Masks:
        return tuple(masks[i % len(masks)] for i in range(self.couplings))


def train(g: Builder, size: Size) -> Value:
    """(b, 3, height, width) -> (b, 1, j, c).

    What the loss looks at is labelled: `pred_jts`, whose depths are of no root, and `sigma`.
    """
    h = _seen(g, size).mean(axis=(2, 3), keepdims=False)
    width = size.joints * size.coordinates
    # The features count by their direction alone, and the bias is added behind that. Where nothing
    # is seen at all they have none: the authors divide by 0 then.
    x = h.linear(width, name="fc_coord.linear", bias=False, init=_start(h, width))
    x = x / h.vector_norm(axis=1).expand_dims(axis=1).maximum(1e-12)
    usual = ("uniform", _channels(h) ** -0.5)
    x = x + g.param("fc_coord.linear.bias", (width,), init=usual)
    pose = g.label("pred_jts", _joints(x, size))
    name = "fc_sigma" if size.coordinates == 3 else "fc_sigma.linear"
    sigma = h.linear(width, name=name, init=_start(h, width)).sigmoid()
    # the authors' code does so of three coordinates alone
    sigma = sigma + 1e-9 if size.coordinates == 3 else sigma
    sigma = g.label("sigma", _joints(sigma, size))
    g.label("maxvals", (1.0 - sigma).mean(axis=3, keepdims=True))
    return _rooted(pose, size)


def infer(g: Builder, size: Size) -> Value:
    """The same pose, and outputs `sigma` (b, 1, j, c) and `maxvals` (b, 1, j, 1), the score.

    Without the loss, the flow is in no graph.
    """
    pose = train(g, size)
    for name in ("sigma", "maxvals"):
        g.output(name, g.labelled(name))
    return pose


def _seen(g: Builder, size: Size) -> Value:
    """A feature map (b, channels, ...)."""
    if size.features:
        # in the place of a picture
        return g.input("images", ("batch", size.features, "height", "width"))
    images = g.input("images", ("batch", 3, size.height, size.width))
    return resnet.resnet(images, size, name="preact", init=None)


def _start(x: Value, width: int) -> tuple[str, float]:
    """Xavier's bound, and a hundredth of it."""
    return "uniform", 0.01 * (6 / (_channels(x) + width)) ** 0.5


def _channels(x: Value) -> int:
    return fixed(x.shape[1])


def _joints(x: Value, size: Size) -> Value:
    return x.rearrange("b (f j c) -> b f j c", f=1, j=size.joints)


def _rooted(pose: Value, size: Size) -> Value:
    """Depths relative to the root's."""
    if size.coordinates == 2:
        return pose
    root = pose.slice(axis=2, start=size.root, stop=size.root + 1, step=1)
    root = root.slice(axis=3, start=2, stop=3, step=1)
    return pose - root.pad(axis=3, before=2, after=0, value=0.0)


def flow(pose: Value, size: Size) -> Value:
    """Sum over joints and coordinates of log sigma - log density, mean over the batch.

    The density is of (prediction - target) / sigma, by the flow; labelled `nf_loss`.
    """
    g, known = pose.graph, _known(pose)
    made, sigma = g.labelled("pred_jts"), g.labelled("sigma")
    residual = (made - _target(pose)) / sigma
    loss = g.label("nf_loss", sigma.log() - _density(residual, known, size))
    if size.coordinates == 2:
        # there the authors' code weighs both coordinates by what is known of the first
        known = known.slice(axis=3, start=0, stop=1, step=1)
    return _total(loss * known)


def _density(residual: Value, known: Value, size: Size) -> Value:
    """(b, 1, j, 1): its logarithm, of x and y alone where the depth is not known."""
    plane = residual.slice(axis=3, start=0, stop=2, step=1)
    flat = realnvp.density(plane, size.flat).total
    if size.coordinates == 2:
        return flat.expand_dims(axis=3)
    deep = realnvp.density(residual, size.deep).total
    depth = known.slice(axis=3, start=2, stop=3, step=1).squeeze(axis=3)
    return depth.less(1.0).where(flat, deep).expand_dims(axis=3)


def laplace(pose: Value, size: Size) -> Value:
    """Sum of log sigma + |prediction - target| / (sqrt(2) sigma) + a constant, likewise.

    The residual term of the paper. As published: log sigma is counted here and in `flow`.
    """
    g = pose.graph
    made, sigma = g.labelled("pred_jts"), g.labelled("sigma")
    distance = (made - _target(pose)).abs() / (sigma * math.sqrt(2) + 1e-9)
    return _total((sigma.log() + EVEN + distance) * _known(pose))


def _target(pose: Value) -> Value:
    return pose.graph.input("target", pose.shape)


def _known(pose: Value) -> Value:
    """1 where a coordinate of the target is known, 0 where nothing is learnt of it."""
    return pose.graph.input("known", pose.shape)


def _total(loss: Value) -> Value:
    return loss.sum(axis=(1, 2, 3), keepdims=False).mean(axis=0, keepdims=False)


LOSSES = {"flow": flow, "laplace": laplace}
NOTES = (
    "The ResNet is that of `integral`, whose golden vectors cover it; RLE's own are of its head.",
    "The authors start from ImageNet's weights; here training starts from drawn ones.",
    "Of every array's gradient the authors clip the norm to 35, which is left out.",
    (
        "The authors scale pictures by ImageNet's means in another order, (0.406, 0.457, 0.480) of "
        "red, green and blue; published checkpoints expect that."
    ),
    "The paper gives no number on Human3.6M that could be checked.",
)
PRESETS = {
    "paper": Size(),
    "paper2d": Size(
        joints=17,
        coordinates=2,
        width=192,
    ),
    "resnet18": Size(**resnet.published("rle", 18)),
    "small": Size(
        joints=17,
        height=128,
        width=128,
        **resnet.slim((2, 2, 2, 2), (16, 32, 64, 128)),
    ),
    "tiny": Size(
        joints=17,
        height=64,
        width=64,
        couplings=2,
        flow2d=16,
        flow3d=16,
        **resnet.slim((1, 1, 1, 1), (16, 32, 64, 128)),
    ),
}
# counted in the authors' code
PAPER_PARAMETERS = {"paper": 23_838_440, "paper2d": 23_701_148}
LOSS = {"flow": 1.0, "laplace": 1.0}
OFFICIAL = {"RegressFlow (RLE, 2D)": "", "RegressFlow3D (RLE, 3D)": ""}
OFFICIAL_LOSS = {official: {"flow": 1.0, "laplace": 1.0} for official in OFFICIAL}
# masks are numbers of the graph; the authors' forward runs through no layer of `fcs`
DEAD = ("flow*.mask", "fcs.*")


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of RegressFlow and RegressFlow3D, or of their heads alone.

    The latter, told by `features`, are given a feature map. Raises BadInput for further layers
    (`NUM_FC_FILTERS`), which the authors' forward leaves out, so that nothing fits.
    """
    coordinates = 3 if "3D" in official.split()[0] else 2
    if "features" in config:
        return _head(coordinates, config)
    filters = config.get("NUM_FC_FILTERS", [-1])
    if any(width > 0 for width in filters):
        raise BadInput(f"rle: NUM_FC_FILTERS {filters} came; [-1] was due")
    height, width = config["PRESET"]["IMAGE_SIZE"]
    return Size(
        joints=config["PRESET"]["NUM_JOINTS"],
        coordinates=coordinates,
        height=height,
        width=width,
        **resnet.published("rle", config["NUM_LAYERS"]),
    )


def _head(coordinates: int, config: Mapping[str, Any]) -> Size:
    if config["features"] < 1:
        raise BadInput(f"rle: {config['features']} features came; 1 or more were due")
    flat = "2d" if coordinates == 3 else ""
    return Size(
        joints=config["joints"],
        coordinates=coordinates,
        masks2d=_masks(config.get(f"masks{flat}", ())),
        masks3d=_masks(config.get("masks3d", ())),
        flow2d=config.get(f"flow{flat}_hidden", 64),
        flow3d=config.get("flow3d_hidden", 64),
        root=config.get("root_idx", 0),
        features=config["features"],
    )


def _masks(rows: Any) -> Masks:
    return tuple(tuple(row) for row in rows)


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files of a head that is given its features; the flows are shown by themselves, too."""
    spec, size = models.from_official(official, config), from_official(official, config)
    labels = "uvd" if size.coordinates == 3 else "uv"
    feeds = {
        "images": arrays["input/feat"],
        "target": arrays[f"input/target_{labels}"][:, None],
        "known": arrays[f"input/target_{labels}_weight"][:, None],
        "residual": arrays["input/residual"],
        "z": arrays["noise/z"],
    }
    outputs = {"pred_jts": Shown(spec.infer.with_outputs("pose"), alone)}
    for name in ("sigma", "maxvals"):
        outputs[name] = Shown(to_inference(spec.train, outputs=[name]), alone)
    trained = {
        name: Shown(spec.train.with_outputs(name), alone)
        for name in ("pred_jts", "sigma", "maxvals", "nf_loss")
    }
    return [
        Golden(spec=spec, feeds=feeds, outputs=outputs | _flows(size), trained=trained)
    ]


def _flows(size: Size) -> dict[str, Shown]:
    """Densities of residuals, and residuals of latents."""
    g = Builder("rle.flows")
    whole = size.deep if size.coordinates == 3 else size.flat
    residual = g.input("residual", ("rows", size.coordinates))
    found = realnvp.density(residual, whole)
    g.output("z", found.latent)
    g.output("logdet", found.logdet)
    g.output("log_prob", found.total)
    g.output("x_from_z", realnvp.sampled(g.input("z", residual.shape), whole))
    if size.coordinates == 3:
        plane = residual.slice(axis=1, start=0, stop=2, step=1)
        g.output("log_prob_2d", realnvp.density(plane, size.flat).total)
    graph = g.finish()
    return {name: Shown(prune(graph.with_outputs(name))) for name in graph.outputs}
