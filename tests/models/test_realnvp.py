"""RealNVP: there and back, its determinant by differences, masks that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params, realnvp
from models.builder import Builder
from models.errors import BadInput
from models.realnvp import RealNVP
from tests.asserts import assert_close

Array = np.ndarray
FLOW = RealNVP(name="flow", masks=((0, 0, 1), (1, 1, 0), (0, 1, 0)), width=5)
STEP = 1e-6


def ran(feeds: dict[str, Array], flow: RealNVP = FLOW) -> dict[str, Array]:
    g = Builder("flow")
    for name, array in feeds.items():
        value = g.input(name, ("rows", array.shape[1]))
        if name == "x":
            found = realnvp.density(value, flow)
            for part in found._fields:
                g.output(part, getattr(found, part))
        else:
            g.output("x", realnvp.sampled(value, flow))
    graph = g.finish()
    program = NumpyProgram(graph, Settings(precision="fp64"))
    weights = params.draw(graph.params, seed=0)
    # larger than they start, so that exponents matter
    program.load({name: array * 3 for name, array in weights.items()})
    return program(feeds)


def test_samples_are_the_data_of_their_latents() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    back = ran({"z": ran({"x": x})["latent"]})["x"]
    assert_close(back, x, rtol=1e-12, what="there and back")


def test_the_density_is_that_of_the_latents_times_the_determinant() -> None:
    x = np.random.default_rng(1).normal(size=(1, 3))
    came = ran({"x": x})
    moved = np.concatenate([x + STEP * row for row in (*np.eye(3), *-np.eye(3))])
    latents = ran({"x": moved})["latent"]
    jacobian = (latents[:3] - latents[3:]) / (2 * STEP)
    due = np.log(abs(np.linalg.det(jacobian)))
    assert abs(due) > 0.1  # not a flow that moves nothing
    assert_close(came["logdet"], [due], rtol=1e-6, what="determinant")
    normal = -0.5 * (came["latent"] ** 2).sum() - 1.5 * np.log(2 * np.pi)
    assert_close(came["total"], [normal + due], rtol=1e-6, what="density")


@pytest.mark.parametrize("mask", [(0, 0, 1), (1, 1, 0), (0, 1, 0)], ids=str)
def test_a_coupling_keeps_where_its_mask_is_1_and_moves_the_rest_by_that(
    mask: tuple[int, ...],
) -> None:
    kept = np.array(mask) == 1
    flow = replace(FLOW, masks=(mask,))
    x = np.random.default_rng(2).normal(size=(2, 3))
    x[1, ~kept] = x[0, ~kept]
    for moved in (ran({"x": x}, flow)["latent"], ran({"z": x}, flow)["x"]):
        assert (moved[:, kept] == x[:, kept]).all()
        assert (np.abs(moved - x)[:, ~kept] > 1e-3).all()
    # what is moved does not tell how far: scale and shift are of what is kept
    x[1, kept] = x[0, kept]
    x[1, ~kept] += 1.0
    moved = ran({"z": x}, flow)["x"]
    scale = (moved[1] - moved[0])[~kept]
    x[1, ~kept] += 1.0
    again = ran({"z": x}, flow)["x"]
    assert_close((again[1] - again[0])[~kept], 2 * scale, rtol=1e-12, what="scale")


@pytest.mark.parametrize("masks", [(), ((0, 1), (1, 0, 0)), ((0, 2),)], ids=str)
def test_masks_that_are_none_are_refused(masks: realnvp.Masks) -> None:
    with pytest.raises(BadInput, match="flow: masks .* came; one or more were due"):
        RealNVP(name="flow", masks=masks, width=4)
