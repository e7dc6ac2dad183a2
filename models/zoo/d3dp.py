"""D3DP: poses are drawn from noise by a MixSTE that is told how much noise there is.

Shan et al., ICCV 2023; paTRICK-swk/D3DP common/diffusionpose.py, common/mixste.py. Trained to
take the noise off in one call; run as DDIM, a few calls from pure noise to a pose, for several
draws at once. Axes: b batch, h hypotheses, t frames, j joints, c width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

import models
from models.builder import Builder
from models.dims import Shape
from models.errors import BadInput
from models.golden import Array, Golden, Shown
from models.graph import Graph
from models.layers import check_heads, mirrored, paired
from models.losses.mpjpe import mpjpe
from models.value import Value
from models.zoo import mixste

EDGE = 1.1  # poses are kept within so many times their scale
SCOPE = "pose_estimator"  # of the network


@dataclass(frozen=True)
class Size(mixste.Size):
    """The network's, which is MixSTE's, and those of the noise.

    `left` and `right` mirror each other, joint by joint.
    """

    hypotheses: int = 5  # drawn at once for each window
    steps: int = 5  # calls from noise to pose
    timesteps: int = 1000  # levels of noise that training knows
    pose_scale: float = 1.0  # of poses, metres, against the noise
    eta: float = 1.0  # share of noise drawn anew on the way; 0: none
    flip: bool = True  # a call is averaged with that of the mirror image
    left: tuple[int, ...] = (4, 5, 6, 11, 12, 13)  # Human3.6M's order
    right: tuple[int, ...] = (1, 2, 3, 14, 15, 16)

    def __post_init__(self) -> None:
        check_heads("d3dp", self.width, self.heads)
        if self.width % 2 or self.width < 4:
            # sine and cosine of each frequency, of which two are the least
            raise BadInput(f"d3dp: width {self.width}; an even one from 4 was due")
        if self.steps > self.timesteps:
            raise BadInput(
                f"d3dp: {self.steps} steps over {self.timesteps} timesteps; as many at most"
            )
        if not self.pose_scale or self.eta > 1:
            raise BadInput(
                f"d3dp: pose_scale {self.pose_scale}, eta {self.eta}; pose_scale above 0 and"
                " eta up to 1 were due"
            )
        if self.flip:
            self._check_pairs()

    def _check_pairs(self) -> None:
        if not paired(self.left, self.right, self.joints):
            raise BadInput(
                f"d3dp: left {self.left} and right {self.right} do not pair {self.joints}"
                " joints; give left and right, or flip=False"
            )


def train(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) and a target (b, t, j, 3) -> the target again, out of noise."""
    keypoints = _keypoints(g, size)
    shape = _shape(keypoints)
    # one level for each window
    drawn = g.noise("t", shape[:1], kind="uniform", number=1.0)
    level = (drawn * size.timesteps).floor()
    index = level.astype("int64")
    share = _exact(g, "share", _shares(size) ** 0.5).take(index, axis=0)
    rest = _exact(g, "rest", (1 - _shares(size)) ** 0.5).take(index, axis=0)
    each = (shape[0], 1, 1, 1)
    target = g.input("target", shape) * size.pose_scale
    noise = g.noise("noise", shape, kind="normal", number=1.0)
    noised = target * share.reshape(each) + noise * rest.reshape(each)
    x = g.label("x_noised", _within(noised, size) / size.pose_scale)
    seen = keypoints.expand_dims(axis=1)
    x = x.expand_dims(axis=1)
    return _denoised(seen, x, _embedded(level, size), size).squeeze(axis=1)


def infer(g: Builder, size: Size) -> Value:
    """(b, t, j, channels) -> the mean (b, t, j, 3) of `hypotheses` (b, h, t, j, 3)."""
    last = sampled(g, size)[-1]
    hypotheses = last / size.pose_scale
    g.output("hypotheses", hypotheses)
    return hypotheses.mean(axis=1, keepdims=False)


def sampled(g: Builder, size: Size) -> list[Value]:
    """What each call takes for the scaled poses, (b, h, t, j, 3); the last is the result."""
    keypoints = _keypoints(g, size)
    shape = _shape(keypoints, size.hypotheses)
    seen = keypoints.expand_dims(axis=1).broadcast_to((*shape[:-1], size.channels))
    if size.flip:
        # beside the picture its mirror image, as further hypotheses of one call
        seen = seen.concat(_mirrored(seen, size), axis=1)
    shares = _shares(size)
    x = g.noise("init", shape, kind="normal", number=1.0)
    found: list[Value] = []
    levels = _levels(size)
    for k, level in enumerate(levels):
        found.append(_guessed(seen, x, level, size))
        if k + 1 < len(levels):
            step = g.noise(f"step_{k}", shape, kind="normal", number=1.0)
            now, then = shares[level], shares[levels[k + 1]]
            x = _stepped(x, found[-1], step, now, then, size.eta)
    return found


def _guessed(seen: Value, x: Value, level: int, size: Size) -> Value:
    """The scaled poses behind x, as one call of the network has them."""
    given = _within(x, size) / size.pose_scale
    if size.flip:
        given = given.concat(_mirrored(given, size), axis=1)
    time = _exact(x.graph, f"time.{level}", _waves(np.array([level]), size))
    pose = _denoised(seen, given, time, size)
    if size.flip:
        straight, other = pose.split(2, axis=1)
        pose = (straight + _mirrored(other, size)) * 0.5
    return _within(pose * size.pose_scale, size)


def _stepped(
    x: Value, pose: Value, step: Value, now: float, then: float, eta: float
) -> Value:
    """x at the next level: less noise, some of it drawn anew."""
    # by x as it is, also beyond the edges
    noise = (x - pose * math.sqrt(now)) / math.sqrt(1 - now)
    drawn = eta * math.sqrt((1 - now / then) * (1 - then) / (1 - now))
    kept = math.sqrt(1 - then - drawn**2)
    return pose * math.sqrt(then) + noise * kept + step * drawn


def _denoised(seen: Value, x: Value, time: Value, size: Size) -> Value:
    """The network: keypoints (b, h, t, j, channels), x (b, h, t, j, 3), time (b or 1, c)."""
    g = x.graph
    with g.scope(SCOPE):
        time = time.linear(size.width * 2, name="time_mlp.1").gelu(approximate="none")
        time = time.linear(size.width, name="time_mlp.3")
        h = mixste.embed(seen.concat(x, axis=-1), size)
        h = h + time.reshape((time.shape[0], 1, 1, 1, size.width))
        h = h.rearrange("b h t j c -> (b h) t j c")
        h = mixste.trunk(h, size)
        return h.rearrange("(b h) t j c -> b h t j c", h=x.shape[1])


def _embedded(level: Value, size: Size) -> Value:
    """Levels (b,) as waves (b, c): sines, then cosines."""
    frequencies = _exact(level.graph, "frequencies", _frequencies(size))
    waves = level.expand_dims(axis=1) * frequencies
    return waves.sin().concat(waves.cos(), axis=1)


def _waves(levels: Array, size: Size) -> Array:
    """The same where the levels are known beforehand."""
    waves = levels[:, None] * _frequencies(size)
    return np.concatenate([np.sin(waves), np.cos(waves)], axis=1)


def _frequencies(size: Size) -> Array:
    half = size.width // 2
    rates = np.arange(half) * (-math.log(10_000) / (half - 1))
    return np.asarray(np.exp(rates))


def _shares(size: Size) -> Array:
    """How much of the variance is the pose's at each level, `alphas_cumprod` officially.

    A cosine, each of whose steps takes 99.9 % at most.
    """
    time = np.arange(size.timesteps + 1) / size.timesteps
    whole = np.cos((time + 0.008) / 1.008 * np.pi / 2) ** 2
    lost = np.clip(1 - whole[1:] / whole[:-1], 0, 0.999)
    return np.cumprod(1 - lost)


def _levels(size: Size) -> list[int]:
    """The levels of the calls, from noise to pose, evenly apart.

    In float32 and from the nearer end, as torch.linspace has them: what comes to a whole number
    may be cut to the one below.
    """
    apart = np.float32(size.timesteps) / np.float32(size.steps)
    levels = []
    for k in range(size.steps):
        up = size.steps - k  # from -1, which is no level
        place = np.float32(size.timesteps - 1) - apart * np.float32(k)
        if 2 * up < size.steps:
            place = apart * np.float32(up) - np.float32(1)
        levels.append(int(place))
    return levels


def _exact(g: Builder, name: str, table: Array) -> Value:
    """A table in all of its digits: a constant has float32's, the second one has the rest."""
    rounded = table.astype(np.float32)
    return g.constant(name, rounded) + g.constant(f"{name}.digits", table - rounded)


def _within(x: Value, size: Size) -> Value:
    edge = EDGE * size.pose_scale
    return x.clip(low=-edge, high=edge)


def _mirrored(x: Value, size: Size) -> Value:
    """(..., j, coordinates) in a mirror."""
    order = list(range(size.joints))
    for one, other in zip(size.left, size.right, strict=True):
        order[one], order[other] = other, one
    return mirrored(x, order)


def _keypoints(g: Builder, size: Size) -> Value:
    return g.input("keypoints", ("batch", size.frames, size.joints, size.channels))


def _shape(keypoints: Value, *hypotheses: int) -> Shape:
    """Of the poses behind keypoints (b, t, j, channels)."""
    batch, frames, joints, _ = keypoints.shape
    return (batch, *hypotheses, frames, joints, 3)


AGREE = False  # one call and many are not meant to give the same pose
NOTES = (
    "The authors multiply each gradient by the loss; here gradients are those of the loss.",
    "The schedule's tables are made from `timesteps` and not read from a checkpoint.",
    "P-Best is chosen for each frame; the authors' code chooses one hypothesis for a batch.",
)
PRESETS = {
    "paper": Size(),
    "h20k10": Size(
        hypotheses=20,
        steps=10,
    ),  # of the published tables
    "small": Size(
        frames=27,
        width=32,
        depth=2,
        heads=4,
        drop_path=0.0,
        hypotheses=3,
        steps=3,
    ),
    # few frames, for many poses in the seconds of a first run
    "tiny": Size(
        frames=2,
        width=48,
        depth=2,
        heads=4,
        drop_path=0.0,
        hypotheses=3,
        steps=2,
    ),
}
PAPER_PARAMETERS = {"paper": 34_835_459}
LOSS = {"mpjpe": 1.0}
DENOISER = "D3DP MixSTE2 denoiser"  # the network alone
OFFICIAL = {"D3DP": "", "D3DP MixSTE2 denoiser": ""}
# the schedule, which checkpoints carry and the graphs have as numbers
DEAD = ("betas", "*alphas_cumprod*", "posterior_*")


def from_official(official: str, config: Mapping[str, Any]) -> Size:
    """Constructor arguments of D3DP and those that it reads of `args`, or of its network.

    Every drop rate is 0, so that runs can be compared.
    """
    if official == DENOISER:
        network = mixste.from_official(official, config)
        pairs = Size(flip=False, joints=network.joints)
        return replace(pairs, **asdict(network))
    return Size(
        frames=config.get("number_of_frames", 243),
        width=config.get("cs", 512),
        depth=config.get("dep", 8),
        # written into the official code, as are eta, 17 joints and 2 channels
        heads=config.get("heads", 8),
        mlp_ratio=config.get("mlp_ratio", 2),
        drop_path=0.0,
        hypotheses=config.get("num_proposals", 1),
        steps=config.get("sampling_timesteps", 1),
        timesteps=config.get("timestep", 1000),
        pose_scale=config.get("scale", 1.0),
        eta=config.get("eta", 1.0),
        left=tuple(config.get("joints_left", Size.left)),
        right=tuple(config.get("joints_right", Size.right)),
    )


def golden(
    official: str, config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[Golden]:
    """Files of D3DP show every call with the mirror image and without, those of its network x."""
    size = from_official(official, config)
    found = _network if official == DENOISER else _whole
    return [found(size, arrays)]


def _whole(size: Size, arrays: Mapping[str, Array]) -> Golden:
    spec = models.assemble("d3dp", size, loss={"mpjpe": 1.0})
    feeds = {
        "keypoints": arrays["input/x_2d"],
        "target": arrays["input/target"],
        # of what is drawn, its level is the whole part
        "t": (arrays["noise/t"] + 0.5) / size.timesteps,
        "noise": arrays["noise/train"],
    }
    drawn = ["init", *(f"step_{k}" for k in range(size.steps - 1))]
    feeds |= {name: arrays[f"noise/{name}"] for name in drawn}
    trained = {"out": "pose", "x_noised": "x_noised"}
    return Golden(
        spec=spec,
        feeds=feeds,
        outputs={
            "ddim": Shown(_calls(replace(size, flip=False))),
            "ddim_flip": Shown(_calls(replace(size, flip=True))),
        },
        trained={
            name: Shown(spec.train.with_outputs(label))
            for name, label in trained.items()
        },
    )


def _calls(size: Size) -> Graph:
    """All calls of DDIM side by side, (b, steps, h, t, j, 3)."""
    g = Builder("d3dp.calls")
    first, *others = sampled(g, size)
    g.output("calls", first.stack(*others, axis=1))
    return g.finish()


def _network(size: Size, arrays: Mapping[str, Array]) -> Golden:
    """The network fed with poses and levels, instead of drawing them."""
    g, several = Builder("d3dp.denoiser"), Builder("d3dp.denoiser")
    pose = _fed(g, size, "x_3d")
    g.output("pose", pose)
    g.output("loss", mpjpe(pose, g.input("target", pose.shape)))
    drawn = arrays["input/x_3d_hyp"].shape[1]
    several.output("pose", _fed(several, size, "x_3d_hyp", drawn))
    train = g.finish()
    one = Shown(train.with_outputs("pose"))
    feeds = {name: arrays[f"input/{name}"] for name in ("target", "x_3d", "x_3d_hyp")}
    feeds |= {"keypoints": arrays["input/x_2d"], "t": arrays["input/t"].astype(float)}
    return Golden(
        spec=replace(models.assemble("d3dp", size), train=train),
        feeds=feeds,
        outputs={"out": one, "out_hyp": Shown(several.finish())},
        trained={"out": one},
        names={name: name.removeprefix(f"{SCOPE}.") for name in train.params},
    )


def _fed(g: Builder, size: Size, name: str, *hypotheses: int) -> Value:
    """The network's answer to poses that are given under a name."""
    keypoints = _keypoints(g, size)
    x = g.input(name, _shape(keypoints, *hypotheses))
    time = _embedded(g.input("t", keypoints.shape[:1]), size)
    seen = keypoints.expand_dims(axis=1)
    if not hypotheses:
        return _denoised(seen, x.expand_dims(axis=1), time, size).squeeze(axis=1)
    seen = seen.broadcast_to((*x.shape[:-1], size.channels))
    return _denoised(seen, x, time, size)
