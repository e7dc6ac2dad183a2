"""Another frame rate."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
from pydantic import Field

from bench.data.augmentation._frames import at, times
from bench.data.clip import Clip

DRAWN = "take"

Rate = Annotated[float, Field(gt=0, le=1000)]


def change(clip: Clip, draw: np.random.Generator, *, fps: Rate) -> Clip:
    """The same motion at `fps` frames a second, by linear interpolation between frames."""
    return dataclasses.replace(at(clip, times(clip, clip.fps / fps)), fps=fps)
