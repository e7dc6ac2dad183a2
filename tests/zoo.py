"""Models of the zoo at the size tests can afford, and the lengths they take: asked, not listed."""

from __future__ import annotations

from functools import cache

import numpy as np

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import Spec, dims, noise, params


@cache
def tiny(name: str) -> Spec:
    """The model at its smallest preset."""
    return models.build(name, preset="tiny")


@cache
def lengths(name: str) -> tuple[int, ...]:
    """Numbers of frames that the inference graph takes: of a training window, fewer, more.

    A graph may leave the length open and still have bounds (a receptive field, a table of
    positions), so the oracle is asked.
    """
    spec = tiny(name)
    half = spec.frames // 2 + 1
    others = (half, spec.frames + half)
    is_open = "frames" in spec.infer.axes()
    return (
        spec.frames,
        *(frames for frames in others if is_open and _taken(spec, frames)),
    )


def _taken(spec: Spec, frames: int) -> bool:
    program = NumpyProgram(spec.infer, Settings(precision="fp32"))
    program.load(params.draw(spec.infer.params, seed=0))
    axes = {"batch": 1, "frames": frames}
    shapes = {
        name: dims.bind(type_.shape, axes) for name, type_ in spec.infer.inputs.items()
    }
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    try:
        program(zeros | noise.fixed(spec.infer, axes))
    except (ValueError, IndexError):
        return False
    return True
