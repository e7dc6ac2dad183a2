"""PoseFlow: the flow and its inverse, poses on their way into it and back, its losses by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params, upright
from models.builder import Builder
from models.coupling import Flow, backwards, forwards
from models.critic import BONES, penalty
from models.errors import BadInput
from models.gradient import PREFIX, gradient, slope
from models.graph import Graph
from models.passes import prune, to_inference
from models.samples import covariance, mmd
from models.value import Value
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
Array = np.ndarray
SIZES = {"subnet_hidden": 5, "cond_hidden": 5, "cond_out": 4, "blocks": 2}


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def run(graph: Graph, feeds: dict[str, Array]) -> dict[str, Array]:
    program = NumpyProgram(graph, FP64)
    weights = params.draw(graph.params, seed=0)
    # far from their small start, so that exponents matter
    program.load({name: array * 8 for name, array in weights.items()})
    return program(feeds)


def built(make: Callable[..., Value], **feeds: Array) -> Graph:
    """The graph of a function of inputs."""
    g = Builder("built")
    g.output("loss", make(*(g.input(name, x.shape) for name, x in feeds.items())))
    return g.finish()


def value(make: Callable[..., Value], **feeds: Array) -> Array:
    return run(built(make, **feeds), feeds)["loss"]


def turned(width: int, freia: str) -> tuple[Graph, Graph]:
    """A flow forwards, and backwards."""
    flow = Flow(blocks=3, width=4, clamp=1.5, freia=freia)
    graphs = []
    for way in (forwards, backwards):
        g = Builder("flow")
        x, condition = g.input("x", ("batch", width)), g.input("c", ("batch", 2))
        there = way(x, condition, flow)
        g.output("value", there.value)
        g.output("logdet", there.logdet)
        graphs.append(g.finish())
    return graphs[0], graphs[1]


@pytest.mark.parametrize("freia", ["ad2f5a2", "0.2"])
@pytest.mark.parametrize("width", [4, 5, 7])
def test_backwards_undoes_forwards_and_the_determinant_is_its_own(
    width: int, freia: str
) -> None:
    there, back = turned(width, freia)
    x, condition = draw(3, width), draw(3, 2, seed=1)
    out = run(there, {"x": x, "c": condition})
    again = run(back, {"x": out["value"], "c": condition})
    assert_close(again["value"], x, rtol=1e-9, what="x")
    assert_close(again["logdet"], -out["logdet"], rtol=1e-9, what="logdet")
    assert np.abs(out["logdet"]).min() > 1e-3
    # the determinant of the slope, taken by finite differences
    step = 1e-6
    slopes = np.zeros((3, width, width))
    for i in range(width):
        nudge = step * np.eye(width)[i]
        more = run(there, {"x": x + nudge, "c": condition})["value"]
        less = run(there, {"x": x - nudge, "c": condition})["value"]
        slopes[:, :, i] = (more - less) / (2 * step)
    _, due = np.linalg.slogdet(slopes)
    assert_close(out["logdet"], due, rtol=1e-6, what="determinant")


def test_halves_of_an_odd_width_are_those_of_each_freia() -> None:
    sizes = {"blocks": 1, "width": 1, "clamp": 1.0}
    pinned, released = Flow(freia="ad2f5a2", **sizes), Flow(freia="0.2", **sizes)
    assert [pinned.first(n) for n in (48, 49, 51)] == [24, 24, 25]
    assert [released.first(n) for n in (48, 49, 51)] == [24, 24, 26]


def test_a_pose_goes_into_the_flow_and_comes_back() -> None:
    pose = draw(2, 1, 17, 3)
    pose[:, :, 0] = 0
    # the root is half-way between the hips
    pose[:, :, 4] = -pose[:, :, 1]

    def there_and_back(target: Value) -> Value:
        flat = upright.space(target).expand_dims(axis=1)
        return upright.rooted(flat).rearrange("b f c j -> b f j c")

    assert_close(value(there_and_back, pose=pose), pose, rtol=1e-12, what="pose")


def test_keypoints_are_centred_upright_and_of_unit_spread() -> None:
    keypoints = draw(2, 1, 17, 2) * 3 + 1
    came = value(upright.plane, keypoints=keypoints)
    due = np.array([1, -1])[:, None] * keypoints[:, 0, upright.DETECTED].swapaxes(1, 2)
    due = due - due.mean(2, keepdims=True)
    due /= due.reshape(2, -1).std(1)[:, None, None]
    assert_close(came, due, rtol=1e-12, what="plane")
    one_point = value(upright.plane, keypoints=np.ones((1, 1, 17, 2)))
    assert not one_point.any()


def test_sixteen_joints_are_the_seventeen_without_the_nose() -> None:
    keypoints = draw(2, 1, 17, 2)
    without = np.delete(keypoints, upright.NOSE, axis=2)
    for joints, seen in ((17, keypoints), (16, without)):
        maps = value(
            lambda x, joints=joints: upright.gaussians(upright.plane(x), joints),
            keypoints=seen,
        )
        assert maps.shape == (2, 13 * upright.FEATURES)
        if joints == 17:
            due = maps
    assert_close(maps, due, rtol=1e-12, what="gaussians")


def test_mmd_by_hand() -> None:
    one, other = draw(4, 3), draw(4, 3, seed=1)
    widths = (0.05, 0.2, 0.9)

    def likeness(a: Array, b: Array) -> Array:
        square = ((a[:, None] - b[None]) ** 2).sum(-1)
        return sum(w**2 / (w**2 + square) for w in widths)

    due = (
        likeness(one, one) + likeness(other, other) - 2 * likeness(one, other)
    ).mean()
    came = value(lambda a, b: mmd(a, b, widths=widths), a=one, b=other)
    assert_close(came, due, rtol=1e-12, what="mmd")


def test_mmd_of_a_set_from_itself_is_0_and_has_a_slope() -> None:
    points = draw(4, 3)
    graph = built(lambda a, b: mmd(a, b, widths=(0.1,)), a=points, b=points)
    out = run(gradient(graph, wrt=["a"]), {"a": points, "b": points})
    assert out["loss"] == 0
    assert np.isfinite(out[PREFIX + "a"]).all()


def test_covariance_counts_what_is_unsure_and_spreads_too_little() -> None:
    points = draw(2, 6, 2, 3) * 0.1
    said = np.zeros((2, 3, 3))
    said[:, 0], said[:, 2] = 0.04, 0.001
    said[:, :, 2] = 0.0001  # a joint of which the detector is sure
    came = value(lambda p, s: covariance(p, s, sure=0.01), p=points, s=said)
    due = np.zeros((2, 3))
    for b in range(2):
        for j in range(2):
            (xx, xy), (_, yy) = np.cov(points[b, :, :, j].T)
            wide, slant, high = said[b, :, j]
            parts = max(wide - xx, 0), slant - xy, max(high - yy, 0)
            due[b, j] = np.linalg.norm(parts)
    assert_close(came, due.mean(), rtol=1e-12, what="covariance")


def test_exact_keypoints_leave_nothing_of_the_spread() -> None:
    spec = models.build("poseflow", preset="tiny", loss={"spread": 1.0})
    feeds = {name: draw(2, *shape) for name, shape in (("keypoints", (1, 17, 2)),)}
    feeds |= {"target": draw(2, 1, 17, 3), "samples": draw(2, 8, 16)}
    assert run(spec.train, feeds)["loss"] == 0


def test_the_best_samples_are_taught() -> None:
    spec = models.build("poseflow", preset="tiny", loss={"best": 1.0}, best=3)
    graph = to_inference(spec.train, outputs=["loss", "samples", "x"])
    feeds = {"keypoints": draw(2, 1, 17, 2), "target": draw(2, 1, 17, 3, seed=1)}
    out = run(graph, feeds | {"samples": draw(2, 8, 16, seed=2)})
    samples = out["samples"].reshape(2, 8, 3, 16)
    true = out["x"].reshape(2, 1, 3, 16)
    hips = [0, 3]
    samples = samples - samples[..., hips].mean(-1, keepdims=True)
    true = true - true[..., hips].mean(-1, keepdims=True)
    # the root, at 0 in both, is a joint among 17
    errors = np.linalg.norm(samples - true, axis=2).sum(-1) / 17
    kept = np.argsort(errors, axis=1)[:, :3]
    means = np.stack([samples[b, kept[b]].mean(0) for b in range(2)])
    due = np.abs(means - true[:, 0]).sum() / (2 * 3 * 17)
    assert_close(out["loss"], due, rtol=1e-12, what="best")


def test_hypotheses_of_no_noise_are_the_single_pose() -> None:
    graph = models.build("poseflow", preset="tiny").infer
    out = run(graph, {"keypoints": draw(2, 1, 17, 2), "z": np.zeros((2, 20, 16))})
    assert out["hypotheses"].shape == (2, 20, 1, 17, 3)
    due = np.repeat(out["pose"][:, None], 20, axis=1)
    assert_close(out["hypotheses"], due, rtol=1e-12, what="hypotheses")
    drawn = run(graph, {"keypoints": draw(2, 1, 17, 2), "z": draw(2, 20, 16)})
    assert np.ptp(drawn["hypotheses"], axis=1).max() > 1e-3


def critical(pose: Value) -> Value:
    """A function whose slope is known: (1 + 2 w x) with w a parameter."""
    weight = pose.graph.param("w", (1,), init=("ones", 0.0))
    return pose + pose * pose * weight


def test_a_slope_is_part_of_the_graph_and_has_a_slope_itself() -> None:
    g = Builder("slopes")
    x = g.input("x", ("batch", 2))
    steep = slope(x * 3.0, critical)
    g.output("steep", steep)
    g.output("loss", (steep * steep).sum(axis=(0, 1), keepdims=False))
    program = NumpyProgram(gradient(g.finish()), FP64)
    at = draw(3, 2)
    program.load({"w": np.array([0.5])})
    out = program({"x": at})
    assert_close(out["steep"], 1 + 3 * at, rtol=1e-12, what="slope")
    due = (2 * (1 + 3 * at) * 6 * at).sum()
    assert_close(out[PREFIX + "w"], [due], rtol=1e-12, what="slope of the slope")


def test_the_penalty_is_how_far_the_slope_of_the_critic_is_from_1() -> None:
    """Its value, and its gradient, by finite differences."""
    g = Builder("penalty")
    poses = [g.input(name, ("batch", 48)) for name in ("true", "made")]
    g.output("loss", penalty(*poses, width=3, bone_width=4))
    program = NumpyProgram(gradient(g.finish()), FP64)
    weights = params.draw(program.graph.params, seed=0)
    feeds = {"true": draw(2, 48), "made": draw(2, 48, seed=1)}
    feeds["between"] = np.array([[0.25], [0.75]])

    def loss(moved: dict[str, Array]) -> float:
        program.load(moved)
        return float(program(feeds)["loss"])

    program.load(weights)
    found = program(feeds)
    for name in ("fc1.weight", "fc5.weight", "fc9.weight"):
        way = draw(*weights[name].shape, seed=2)
        step = 1e-7  # past no kink of the leaky ReLU
        up, down = (
            loss(weights | {name: weights[name].astype(np.float64) + sign * way})
            for sign in (step, -step)
        )
        came = (found[PREFIX + name] * way).sum()
        assert_close(came, (up - down) / (2 * step), rtol=1e-4, what=name)


def test_the_critic_knows_sixteen_bones() -> None:
    assert len(set(BONES)) == 16
    assert {joint for bone in BONES for joint in bone} == set(range(16))
    with pytest.raises(BadInput, match="the bones of 17 joints; 16 came"):
        models.build("poseflow:critic", preset="tiny", joints=16)


def test_the_critic_moves_nothing_of_the_flow() -> None:
    spec = models.build("poseflow:critic", preset="tiny")
    assert all(name.startswith("fc") for name in spec.train.trainable())
    flow = models.build("poseflow", preset="tiny")
    assert set(flow.parameters) < set(spec.parameters)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"ndim_z": 15}, "ndim_y 32 and ndim_z 15 make up ndim_x, which is 48"),
        ({"freia": "0.3"}, "FrEIA '0.3' is not known; ad2f5a2 and 0.2 are"),
        ({"blocks": 0}, "0 couplings came; 1 or more were due"),
    ],
)
def test_official_arguments_that_do_not_fit(
    config: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        models.from_official("poseINN", config)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("freia", ["ad2f5a2", "0.2"])
def test_any_official_sizes_make_a_flow(freia: str) -> None:
    config = {"ndim_x": 45, "ndim_y": 30, "ndim_z": 15, "cond_in": 10, "freia": freia}
    spec = models.from_official("poseINN", config | SIZES)
    feeds = {"keypoints": draw(2, 30), "condition": draw(2, 10)}
    out = run(prune(spec.infer), feeds | {"z": draw(2, 1, 15)})
    assert out["hypotheses"].shape == (2, 1, 45)


def test_sizes_that_make_no_flow() -> None:
    with pytest.raises(
        BadInput, match="17 joints of Human3.6M or 16 of them were due, 22 came"
    ):
        models.build("poseflow", preset="tiny", joints=22)
    with pytest.raises(BadInput, match="the best 9 of 8 samples"):
        models.build("poseflow", preset="tiny", best=9)
    with pytest.raises(BadInput, match="a loss wants samples"):
        models.build("poseflow", preset="tiny", samples=0)
