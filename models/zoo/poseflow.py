"""PoseFlow: a normalizing flow between 3D poses and (latents, 2D pose).

Wehrbein et al., ICCV 2021; twehrbein/Probabilistic-Monocular-3D-Human-Pose-Estimation-with-
Normalizing-Flows, class poseINN. Trained in both directions; run backwards alone: each draw of
the latents is a hypothesis, latents of 0 give the published single pose, near the mode. Axes:
b batch, j joints, h hypotheses, n = 3 (j - 1) coordinates x0, x1, ..., y0, ..., z0, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import models
from models import upright
from models.builder import Builder
from models.coupling import PINNED, Flow, Flowed, backwards, forwards
from models.critic import critic, penalty
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.passes import prune, to_inference
from models.samples import covariance, mmd
from models.spec import Stage
from models.value import Value

KERNELS = (0.05, 0.2, 0.9)  # widths of the inverse kernels


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
    samples: int = 0  # of a training step, for each pose; 0: none are drawn
    best: int = 5  # of the samples, of which the mean is taught
    coordinates: int = 0  # of the flow; 0: 3 (joints - 1)
    latents: int = 0  # of the flow's coordinates; 0: what 16 keypoints leave
    given: int = 0
    critic_width: int = 100
    bone_width: int = 1000  # of the critic's other path

    def __post_init__(self) -> None:
        if not self.given and self.joints not in (16, 17):
            raise BadInput(
                f"poseflow: 17 joints of Human3.6M or 16 of them were due, {self.joints} came"
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
        return self.latents or self.whole - 2 * len(upright.DETECTED)


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
        found = upright.rooted(found).rearrange("b (h f) c j -> b h f j c", f=1)
    g.output("hypotheses", found)
    return _single(g, size)


def _see(g: Builder, size: Size) -> None:
    """Label the 2D pose as the flow has it, (b, n - latents), and what conditions the flow."""
    if size.given:
        seen = g.input("keypoints", ("batch", size.whole - size.hidden))
        gaussians = g.input("condition", ("batch", size.given))
    else:
        keypoints = g.input("keypoints", ("batch", 1, size.joints, 2))
        pose = upright.plane(keypoints)
        gaussians = upright.gaussians(pose, size.joints)
        seen = pose.rearrange("b c j -> b (c j)")
    g.label("seen", seen)
    g.label("gaussians", gaussians)
    h = gaussians.linear(size.condition_width, name="cond_net.0").relu()
    g.label("cond_feat", h.linear(size.condition, name="cond_net.2"))


def _told(g: Builder, size: Size) -> Value:
    """The pose that is to be learnt, as the flow has it, (b, n)."""
    if size.given:
        return g.input("target", ("batch", size.whole))
    return upright.space(g.input("target", ("batch", 1, size.joints, 3)))


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
    g.label("single", pose)
    if size.given:
        return pose
    return upright.rooted(pose.expand_dims(axis=1)).rearrange("b f c j -> b f j c")


def _samples(g: Builder, size: Size) -> Value:
    """Poses (b, h, n) that a training step draws. Raises BadInput where it draws none."""
    if not size.samples:
        raise BadInput("poseflow: a loss wants samples, and size samples is 0; set it")
    return g.labelled("samples")


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
    """Mean |pose from the 2D seen and the latents of the way there - the true pose|.

    The paper's deterministic term; the code takes these latents, not 0.
    """
    g = pose.graph
    latents = g.labelled("out").slice(axis=1, start=0, stop=size.hidden, step=1)
    latents = latents.stop_gradient().concat(g.labelled("seen"), axis=1)
    back = backwards(latents, g.labelled("cond_feat"), size.flow).value
    return (back - g.labelled("x")).abs().mean(axis=(0, 1), keepdims=False)


def best(pose: Value, size: Size) -> Value:
    """Mean |mean of the best samples - the true pose|, all about the root."""
    g = pose.graph
    samples = upright.rooted(_samples(g, size))  # (b, h, 3, j)
    true = upright.rooted(g.labelled("x").expand_dims(axis=1))
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


def spread(pose: Value, size: Size) -> Value:
    """How far the samples spread less than uncertain heat maps do, in square metres.

    A detection that is sure counts nothing: 0 where the condition is made of keypoints.
    """
    g = pose.graph
    points = upright.detected(_samples(g, size))
    said = upright.variances(g.labelled("gaussians"))
    return covariance(points, said, sure=upright.SURE)


def criticise(g: Builder, size: Size) -> Value:
    """The stage `critic`: (b, 1, j, 2) -> poses (b, 1, j, 3) that are judged beside true ones."""
    with g.frozen():
        _see(g, size)
        made = _hypotheses(g, size, "samples", 1).value.squeeze(axis=1)
    true = _told(g, size)
    widths = _widths(size)
    g.label("true", critic(true, **widths))
    g.label("made", critic(made, **widths))
    g.label("penalty", penalty(true, made, **widths))
    return upright.rooted(made.expand_dims(axis=1)).rearrange("b f c j -> b f j c")


def judge(g: Builder, size: Size) -> Value:
    """(b, 1, j, 2) -> the single pose (b, 1, j, 3), and an output `score` (b, 1) of it."""
    with g.frozen():
        pose = infer(g, size)
    g.output("score", critic(g.labelled("single"), **_widths(size)))
    return pose


def _widths(size: Size) -> dict[str, int]:
    if size.joints != 17:
        raise BadInput(
            f"poseflow: the critic knows the bones of 17 joints; {size.joints} came"
        )
    return {"width": size.critic_width, "bone_width": size.bone_width}


def rated(pose: Value, size: Size) -> Value:
    """How much higher the critic scores what was made than what is true."""
    made, true = pose.graph.labelled("made"), pose.graph.labelled("true")
    return (made - true).mean(axis=(0, 1), keepdims=False)


def steep(pose: Value, size: Size) -> Value:
    """How far the critic's slope is from 1."""
    return pose.graph.labelled("penalty")


NOTES = (
    "The flow trains without its critic, for no loop here takes turns with two models.",
    "Keypoints stand for heat maps: each is the Gaussian of a detector that is sure.",
    "Permutations, which FrEIA 0.2 keeps in checkpoints, are made of their seeds 0, 1, ...",
)
PRESETS = {
    "paper": Size(samples=200),
    "small": Size(
        blocks=4,
        width=256,
        condition_width=128,
        hypotheses=20,
        samples=20,
    ),
    "tiny": Size(
        blocks=2,
        width=128,
        condition=32,
        condition_width=128,
        hypotheses=20,
        samples=8,
        best=2,
        critic_width=16,
        bone_width=32,
    ),
}
PAPER_PARAMETERS = {"paper": 2_157_176}  # counted in the authors' code
LOSS = {
    "plane": 1.0,
    "latent": 10.0,
    "returned": 4.0,
    "best": 4.0,
    "spread": 750.0,
}
LOSSES = {
    "plane": plane,
    "latent": latent,
    "returned": returned,
    "best": best,
    "spread": spread,
    "likelihood": likelihood,
}
STAGES = {
    "critic": Stage(
        train=criticise,
        infer=judge,
        loss={"rated": 1.0, "steep": 10.0},
        losses={"rated": rated, "steep": steep},
        agree=False,  # a sample is judged in training, the single pose in a run
        parameters={"paper": 2_404_401},
    )
}
OFFICIAL = "poseINN"
DEAD = ("*.perm", "*.perm_inv")
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
