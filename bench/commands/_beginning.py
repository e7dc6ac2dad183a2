"""How a run begins that is not just measured: named, on others' weights, or to find mistakes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.errors import BadInput, shortened

# within what file systems take, and nothing that leads out of the folder
EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
# that an op is there, the start and the data held, each rung of the ladder, each step's loss
CHECKS = ("baselines", "feasibility", "parity", "train", "evaluate")
# a point of validation after each step, which looks at its loss, too
FEW: Mapping[str, Any] = {"steps": 5, "validate_every": 1, "validation_windows": 64}


def experiment(name: str | None) -> str | None:
    """The name of an experiment. Raises BadInput for one that no folder should have."""
    if name is None or EXPERIMENT.match(name):
        return name
    raise BadInput(
        f"--experiment {shortened(name)}: up to 64 letters, digits, dots, dashes and"
        " underlines were due, a letter or digit first"
    )


def debugging(models: Sequence[str]) -> dict[str, Any]:
    """What `--debug` sets, by configuration key: few data and steps, and all that looks at them."""
    return {
        "debug": True,
        "small": 0.1,
        # at the size that is trained, and every node of it
        "parity": {"preset": None, "steps": FEW["steps"], "locate": True},
        "model": {name: {"train": dict(FEW)} for name in models},
    }
