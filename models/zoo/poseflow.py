"""PoseFlow: a normalizing flow between 3D poses and (latents, 2D pose).

Wehrbein et al., ICCV 2021; twehrbein/Probabilistic-Monocular-3D-Human-Pose-Estimation-with-
Normalizing-Flows, class poseINN. Trained in both directions; run backwards alone: each draw of
the latents is a hypothesis, latents of 0 give the published single pose, near the mode. Axes:
b batch, j joints, h hypotheses, n = 3 (j - 1) coordinates x0, x1, ..., y0, ..., z0, ...

The authors condition on Gaussians fitted to a detector's heat maps. Here are keypoints alone:
each is the Gaussian of a detector that is sure, as the authors' rules have it, so that the
network has its published sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import models
from models.builder import Builder
from models.coupling import PINNED, Flow, Flowed, backwards, forwards
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.mmd import mmd
from models.passes import prune, to_inference
from models.spec import Recipe, Training
from models.value import Value

HIPS = (1, 4)  # of Human3.6M's 17 joints; the root is joint 0
NOSE = 9  # the joint that the 16 joints lack
# MPII's 16 joints among Human3.6M's 17, as the detector gives them
DETECTED = (3, 2, 1, 4, 5, 6, 0, 7, 8, 10, 16, 15, 14, 11, 12, 13)
FEATURES = (
    6  # of a Gaussian: amplitude, mean x and y, variance x, covariance, variance y
)
EXACT = 0.01  # variance of an exact detection: 2 heat map pixels, in units of 20
KERNELS = (0.05, 0.2, 0.9)  # widths of the inverse kernels
TURNED = np.array(
    [[1.0], [-1.0], [-1.0]]
)  # the flow's y and z are the camera's, negated
TINY = 1e-6  # keypoints in one point have no spread to be divided by


@dataclass(frozen=True)
class Size:
    """`given` numbers of a condition are fed beside flat poses, as to the authors' class.

    0: the condition is made of the keypoints. `joints` are Human3.6M's 17, or 16 without nose.
    """

    joints: int = 17
    blocks: int = 8
    width: int = 1028
    clamp: float = 2.0
    freia: str = PINNED  # as in `coupling.Flow`
    condition: int = 56
    condition_width: int = 256
    hypotheses: int = 200  # of a run
    samples: int = 200  # of a training step, for each pose; 0: none
    best: int = 5  # of the samples, of which the mean is taught
    coordinates: int = 0  # of the flow; 0: 3 (joints - 1)
    latents: int = 0  # of the flow's coordinates; 0: what 16 keypoints leave
    given: int = 0

    def __post_init__(self) -> None:
        if not self.given and self.joints not in (16, 17):
            raise BadInput(
                f"poseflow: the 17 joints of Human3.6M, or 16 without the nose, were due;"
                f" {self.joints} came"
            )
        if self.samples and self.best > self.samples:
            raise BadInput(
                f"poseflow: the best {self.best} of {self.samples} samples were asked for"
            )

    @property
    def frames(self) -> int:
        """A pose is lifted alone."""
        return 1

    @property
    def flow(self) -> Flow:
        """The couplings."""
        return Flow(
            blocks=self.blocks, width=self.width, clamp=self.clamp, freia=self.freia
        )

    @property
    def whole(self) -> int:
        """Coordinates of the flow."""
        return self.coordinates or 3 * (self.joints - 1)

    @property
    def hidden(self) -> int:
        """Latents among them; the others are the 2D pose."""
        return self.latents or self.whole - 2 * len(DETECTED)


def train(g: Builder, size: Size) -> Value:
    """(b, 1, j, 2) -> (b, 1, j, 3); what the terms of the loss look at is labelled."""
    _see(g, size)
    x = g.label("x", _told(g, size))
    there = forwards(x, g.labelled("cond_feat"), size.flow)
    g.label("out", there.value)
    g.label("logdet", there.logdet)
    if size.samples:
        g.label("samples", _hypotheses(g, size, "samples", size.samples).value)
    return _single(g, size)


def infer(g: Builder, size: Size) -> Value:
    """(b, 1, j, 2) -> (b, 1, j, 3), and an output `hypotheses` (b, h, 1, j, 3)."""
    _see(g, size)
    back = _hypotheses(g, size, "z", size.hypotheses)
    g.label("logdet_rev", back.logdet)
    found = back.value
    if not size.given:
        found = _rooted(found, size).rearrange("b (h f) c j -> b h f j c", f=1)
    g.output("hypotheses", found)
    return _single(g, size)


def _see(g: Builder, size: Size) -> None:
    """Label the 2D pose as the flow has it, (b, n - latents), and what conditions the flow."""
    if size.given:
        seen = g.input("keypoints", ("batch", size.whole - size.hidden))
        gaussians = g.input("condition", ("batch", size.given))
    else:
        seen, gaussians = _upright(g, size)
    g.label("seen", seen)
    g.label("gaussians", gaussians)
    h = gaussians.linear(size.condition_width, name="cond_net.0").relu()
    g.label("cond_feat", h.linear(size.condition, name="cond_net.2"))


def _upright(g: Builder, size: Size) -> tuple[Value, Value]:
    """Keypoints about their mean, y upwards, of unit spread; and as Gaussians."""
    keypoints = g.input("keypoints", ("batch", 1, size.joints, 2))
    order = g.constant("detected", _places(size))
    pose = keypoints.take(order, axis=2).rearrange("b f j c -> b (f c) j")
    pose = pose - pose.mean(axis=2, keepdims=True)
    pose = pose * g.constant("turned_2d", TURNED[:2])
    spread = (pose * pose).mean(axis=(1, 2), keepdims=True).sqrt()
    pose = pose / spread.maximum(TINY)  # (b, 2, 16)
    mapped = np.flatnonzero(~np.isin(_places(size), (0, *HIPS)))
    mean = pose.take(g.constant("mapped", mapped), axis=2)
    return pose.rearrange("b c j -> b (c j)"), _gaussians(mean)


def _places(size: Size) -> Array:
    """The detector's joints among those of the model."""
    order = np.array(DETECTED)
    # without the nose, the head and all after it move up
    return order - (order > NOSE) if size.joints == 16 else order


def _gaussians(mean: Value) -> Value:
    """Means (b, 2, 13) as Gaussians of a detector that is sure, (b, 13 * 6)."""
    x = mean.pad(axis=1, before=1, after=0, value=1.0)  # amplitude
    x = x.pad(axis=1, before=0, after=1, value=EXACT)
    x = x.pad(axis=1, before=0, after=1, value=0.0)
    x = x.pad(axis=1, before=0, after=1, value=EXACT)
    return x.rearrange("b f j -> b (j f)")


def _told(g: Builder, size: Size) -> Value:
    """The pose that is to be learnt, as the flow has it, (b, n)."""
    if size.given:
        return g.input("target", ("batch", size.whole))
    target = g.input("target", ("batch", 1, size.joints, 3))
    pose = target.slice(axis=2, start=1, stop=size.joints, step=1)
    pose = pose.rearrange("b f j c -> b (f c) j")
    pose = pose - pose.mean(axis=2, keepdims=True)
    return (pose * g.constant("turned", TURNED)).rearrange("b c j -> b (c j)")


def _hypotheses(g: Builder, size: Size, name: str, count: int) -> Flowed:
    """Poses (b, count, n) of latents that are drawn."""
    seen, condition = g.labelled("seen"), g.labelled("cond_feat")
    batch = seen.shape[0]
    drawn = g.noise(name, (batch, count, size.hidden), kind="normal", number=1.0)
    seen = seen.expand_dims(axis=1).broadcast_to((batch, count, *seen.shape[1:]))
    shape = (batch, count, size.condition)
    condition = condition.expand_dims(axis=1).broadcast_to(shape)
    return backwards(drawn.concat(seen, axis=2), condition, size.flow)


def _single(g: Builder, size: Size) -> Value:
    """The pose of latents that are 0."""
    seen = g.labelled("seen")
    latents = seen.pad(axis=1, before=size.hidden, after=0, value=0.0)
    pose = backwards(latents, g.labelled("cond_feat"), size.flow).value
    if size.given:
        return pose
    return _rooted(pose.expand_dims(axis=1), size).rearrange("b f c j -> b f j c")


def _rooted(poses: Value, size: Size) -> Value:
    """The flow's poses (b, h, n) as the harness has them, (b, h, 3, j): root first, at 0."""
    g = poses.graph
    x = poses.rearrange("b h (c j) -> b h c j", c=3) * g.constant("turned", TURNED)
    hips = x.take(g.constant("hips", np.array(HIPS) - 1), axis=3)
    root = hips.mean(axis=3, keepdims=True)
    return root.concat(x, axis=3) - root


def plane(pose: Value, size: Size) -> Value:
    """Mean |2D pose that the flow gives - the one that was seen|."""
    g = pose.graph
    given = g.labelled("out").slice(axis=1, start=size.hidden, stop=size.whole, step=1)
    return (given - g.labelled("seen")).abs().mean(axis=(0, 1), keepdims=False)


def latent(pose: Value, size: Size) -> Value:
    """MMD of (latents, 2D) from (normal numbers, 2D seen): normal, and free of the 2D pose."""
    g = pose.graph
    out, seen = g.labelled("out"), g.labelled("seen")
    latents = out.slice(axis=1, start=0, stop=size.hidden, step=1)
    plane = out.slice(axis=1, start=size.hidden, stop=size.whole, step=1)
    # the latents alone are to learn from it
    made = latents.concat(plane.stop_gradient(), axis=1)
    drawn = g.noise("latent", latents.shape, kind="normal", number=1.0)
    return mmd(made, drawn.concat(seen, axis=1), widths=KERNELS)


def returned(pose: Value, size: Size) -> Value:
    """Mean |pose from the 2D seen and the latents of the way there - the true pose|."""
    g = pose.graph
    latents = g.labelled("out").slice(axis=1, start=0, stop=size.hidden, step=1)
    latents = latents.stop_gradient().concat(g.labelled("seen"), axis=1)
    back = backwards(latents, g.labelled("cond_feat"), size.flow).value
    return (back - g.labelled("x")).abs().mean(axis=(0, 1), keepdims=False)


def best(pose: Value, size: Size) -> Value:
    """Mean |mean of the best samples - the true pose|, all about the root."""
    g = pose.graph
    samples = _rooted(_samples(g), size)  # (b, h, 3, j)
    true = _rooted(g.labelled("x").expand_dims(axis=1), size)
    errors = (samples - true).vector_norm(axis=2).mean(axis=2, keepdims=False)
    order = errors.argsort(axis=1, descending=False)
    order = order.slice(axis=1, start=0, stop=size.best, step=1)
    shape = (*order.shape, *samples.shape[2:])
    order = order.expand_dims(axis=2).expand_dims(axis=3).broadcast_to(shape)
    kept = samples.take_along_axis(order, axis=1).mean(axis=1, keepdims=True)
    return (kept - true).abs().mean(axis=(0, 1, 2, 3), keepdims=False)


def likelihood(pose: Value, size: Size) -> Value:
    """Mean over the batch of (|latents|^2 / 2 - log |det|) / n, all but a constant."""
    g = pose.graph
    latents = g.labelled("out").slice(axis=1, start=0, stop=size.hidden, step=1)
    square = (latents * latents).sum(axis=1, keepdims=False)
    total = (square * 0.5 - g.labelled("logdet")).mean(axis=0, keepdims=False)
    return total / size.whole


def _samples(g: Builder) -> Value:
    """The poses drawn in training. Raises UnknownName where the size has none."""
    return g.labelled("samples")


PRESETS = {
    "paper": Size(),
    "small": Size(blocks=4, width=256, condition_width=128, hypotheses=20, samples=20),
    "tiny": Size(
        blocks=2,
        width=64,
        condition_width=64,
        condition=32,
        hypotheses=8,
        samples=8,
        best=2,
    ),
}
PAPER_PARAMETERS = {"paper": 2_157_176}  # counted in the authors' code
RECIPE = Recipe(
    optimizer="adam",
    lr=1e-4,
    weight_decay=0.0,
    lr_decay=1.0,
    batch=64,
    loss={"plane": 1.0, "latent": 10.0, "returned": 4.0, "best": 4.0},
    inputs="screen",
    source="Wehrbein et al. 2021",
)
QUICK = Training(
    steps=3000,
    batch=64,
    lr=1e-3,
    validate_every=1000,
    validation_windows=512,
)
TRAINING = {"tiny": QUICK}
LOSSES = {
    "plane": plane,
    "latent": latent,
    "returned": returned,
    "best": best,
    "likelihood": likelihood,
}
AGREE = True
OFFICIAL = "poseINN"
OFFICIAL_LOSS = {"poseINN": {"plane": 1.0, "likelihood": 1.0}}


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Sizes of poseINN, which its config module and code have fixed; the FrEIA it stands on.

    Raises BadInput where latents and 2D pose are not the whole.
    """
    whole, plane = config.get("ndim_x", 48), config.get("ndim_y", 32)
    latents = config.get("ndim_z", whole - plane)
    if plane + latents != whole:
        raise BadInput(
            f"poseINN: ndim_y {plane} and ndim_z {latents} make up ndim_x, which is {whole}"
        )
    return Size(
        blocks=config.get("blocks", 8),
        width=config.get("subnet_hidden", 1028),
        clamp=config.get("clamp", 2.0),
        freia=config.get("freia", PINNED),
        condition=config.get("cond_out", 56),
        condition_width=config.get("cond_hidden", 256),
        hypotheses=1,
        samples=0,
        coordinates=whole,
        latents=latents,
        given=config.get("cond_in", 78),
    )


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Both directions, each with its determinant, and the condition."""
    spec = models.from_official(official, config)
    still = {
        name: Shown(to_inference(spec.train, outputs=[name]))
        for name in ("out", "logdet", "cond_feat")
    }
    back = Builder("poseINN.reverse")
    # spec.infer has lost its labels, which no output needs
    back.output("pose", infer(back, from_official(official, config)))
    backs = back.finish()
    turned = {
        "x_from_z": Shown(prune(backs.with_outputs("hypotheses")), _alone),
        "logdet_rev": Shown(prune(backs.with_outputs("logdet_rev")), _alone),
    }
    feeds = {
        "keypoints": arrays["input/y2d"],
        "condition": arrays["input/cond"],
        "target": arrays["input/x"],
        "z": arrays["noise/z"][:, None],
    }
    trained = {name: Shown(spec.train.with_outputs(name)) for name in ("out", "logdet")}
    return [Golden(spec=spec, feeds=feeds, outputs=still | turned, trained=trained)]


def _alone(hypotheses: Array) -> Array:
    return hypotheses[:, 0]
