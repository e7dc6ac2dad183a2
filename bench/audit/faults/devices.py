"""A device that is claimed, and computes nothing."""

from __future__ import annotations

import numpy as np

from backends.base import Backend, Settings
from bench.audit.fault import Fault
from bench.audit.planting.proxy import Planting
from models.builder import Builder

KIND = "device"
CLAIMED = "cuda"


def _unclaimable(backend: Backend) -> str:
    """Why the claim would be none, or could not be seen through."""
    if backend.devices().get(CLAIMED) == "":
        return f"there is a {CLAIMED} device here"
    builder = Builder("place")
    builder.output("y", builder.input("x", ("batch", 2)) + 1.0)
    program = backend.program(builder.finish(), Settings())
    program.load({})
    outputs = program.run(program.put({"x": np.zeros((2, 2), np.float32)}))
    if not program.device_of(outputs["y"]):
        return "the framework does not say where tensors lie"
    return ""


def _fault(name: str, task: str, model: str = "") -> Fault:
    return Fault(
        name=name,
        planting=Planting(devices={CLAIMED: ""}),
        model=model,
        tasks=(task,),
        device=CLAIMED,
        needs=_unclaimable,
    )


FAULTS = (
    _fault("cuda computes on the CPU: ladder", "parity", "simple_baseline"),
    _fault(
        "cuda computes on the CPU: training", "train", "videopose3d without dropout"
    ),
    _fault("cuda computes on the CPU: exam", "shape_ops"),
)
