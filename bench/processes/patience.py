"""How long a process that answers one question may be silent, where the environment says so."""

from __future__ import annotations

import os
import threading

from models.errors import BadInput

SETTING = "POSEPORT_PATIENCE"  # environment variable: seconds, for all questions


def setting() -> float | None:
    """The seconds of the environment, None where it says nothing. Raises BadInput."""
    said = os.environ.get(SETTING)
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    # neither NaN nor what no clock can wait for
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise BadInput(
            f"{SETTING}: is {said!r}; seconds, above 0 and up to"
            f" {threading.TIMEOUT_MAX:.0e}, were due: set it anew, or unset it"
        )
    return seconds
