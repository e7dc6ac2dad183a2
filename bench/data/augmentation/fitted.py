"""The errors of a real detector, from a file that `fitted_noise.save` has written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, InstanceOf, ValidationInfo

from bench.data.clip import Clip
from bench.data.detector import fitted_noise
from bench.data.detector.fitted_noise import FittedNoise
from models.errors import BadInput

DRAWN = "view"


def _read(name: object, info: ValidationInfo) -> FittedNoise:
    """The model in a file beside the list of steps.

    Raises BadInput where the path leads elsewhere.
    """
    folder: Path = (info.context or {})["folder"]
    path = (folder / str(name)).resolve()
    # a list that was passed on must not open other files of whoever runs it
    if not path.is_relative_to(folder.resolve()):
        raise BadInput(
            f"{name} lies outside {folder}; put the file beside the list of steps"
        )
    return fitted_noise.load(path)


# read once, when the list is; what is kept in the step is the model
File = Annotated[InstanceOf[FittedNoise], BeforeValidator(_read)]


def change(clip: Clip, draw: np.random.Generator, *, file: File) -> Clip:
    """The keypoints as that detector would give them. Raises BadInput for a joint it lacks."""
    return fitted_noise.disturb(clip, file, draw)
