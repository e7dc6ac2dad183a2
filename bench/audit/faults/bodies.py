"""Pictures that enter a program, and poses and surfaces that leave it, in another order or sign."""

from __future__ import annotations

from collections.abc import Callable

from bench.audit.fault import Fault
from bench.audit.faults._made import earlier
from bench.audit.planting.graphs import Rewrite, inputs, nodes, results
from bench.audit.planting.proxy import Planting
from models.value import Value, emit

KIND = "program"


def _of_pictures(wrong: Callable[[Value], Value]) -> Rewrite:
    """Pictures (b, 3, height, width) are read as `wrong` of them, and nothing else is."""
    return inputs(lambda x: wrong(x) if _is_picture(x) else x)


def _is_picture(x: Value) -> bool:
    return len(x.shape) == 4 and x.shape[1] == 3 and x.shape[3] != 3


def _of_poses(wrong: Callable[[Value], Value]) -> Rewrite:
    """Poses (b, 1, j, 3) leave as `wrong` of them."""
    return results(lambda y: wrong(y) if _is_pose(y) else y)


def _is_pose(y: Value) -> bool:
    return len(y.shape) == 4 and (y.shape[1], y.shape[3]) == (1, 3)


def _of_surfaces(wrong: Callable[[Value], Value]) -> Rewrite:
    """Surfaces (b, v, 3) leave as `wrong` of them."""
    return results(
        lambda y: wrong(y) if y.shape[-1:] == (3,) and len(y.shape) == 3 else y
    )


def _channels_last(x: Value) -> Value:
    """Numbers of (b, height, width, 3), read where they lie."""
    moved = x.permute_dims((0, 2, 3, 1))
    return emit("reshape", moved, shape=x.shape)


def _turned(y: Value) -> Value:
    """y, x and depth."""
    x, down, depth = y.split(3, axis=-1)
    return down.concat(x, depth, axis=-1)


def _nearer(y: Value) -> Value:
    """Depth to the camera, where depth away from it is due."""
    x, down, depth = y.split(3, axis=-1)
    return x.concat(down, -depth, axis=-1)


def _rolled(a: Value, b: Value) -> Value | None:
    """Of a table times a batch, rows one on: joints of another order."""
    if len(a.shape) != 2 or len(b.shape) != 3:
        return None
    return earlier(a, 0) @ b


def _fault(
    name: str,
    graph: Rewrite,
    model: str,
) -> Fault:
    return Fault(
        name=name, planting=Planting(graph=graph), model=model, tasks=("parity",)
    )


FAULTS = (
    _fault(
        "pictures are read blue first",
        _of_pictures(lambda x: x.flip(axis=1)),
        "integral",
    ),
    _fault("pictures are read channels last", _of_pictures(_channels_last), "integral"),
    _fault(
        "pictures are read rows for columns",
        _of_pictures(lambda x: x.permute_dims((0, 1, 3, 2))),
        "integral",
    ),
    _fault("x and y of poses exchanged", _of_poses(_turned), "integral"),
    _fault("depth of poses towards the camera", _of_poses(_nearer), "integral"),
    _fault("poses half a cell off", _of_poses(lambda y: y + 1 / 32), "integral"),
    _fault(
        "vertices in reverse",
        _of_surfaces(lambda y: y.flip(axis=1)),
        "pose2mesh",
    ),
    _fault(
        "vertices one on",
        _of_surfaces(lambda y: earlier(y, 1)),
        "pose2mesh",
    ),
    _fault(
        "joints of a surface in another order", nodes("matmul", _rolled), "pose2mesh"
    ),
)
