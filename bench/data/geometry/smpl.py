"""SMPL's and SMPL-H's surface in the place of the built-in body, from the user's own file.

    v_template (V, 3) metres   f (F, 3)   J_regressor (24 or 52, V)   weights (V, 24 or 52)
    shapedirs (V, 3, S)        kintree_table (2, 24 or 52)

in a .npz, or in a .pkl of plain arrays. The files' own bones are gathered to those between
Human3.6M's joints, and joints are regressed as J_regressor and the rule amass22-h36m17 say: in a
pose they lie where they should to some centimetres, for that regressor knows of rest poses alone.
Loper et al. (2015), Romero et al. (2017). Licensed: nobody but the user has these files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import array
from bench.data.formats.pickles import load_npz, load_pickle
from bench.data.geometry import conversions
from bench.data.geometry.skeletons import AMASS22, H36M17
from models.errors import BadInput
from models.human import parts
from models.mesh import Mesh

Array = NDArray[np.float64]

KEYS = ("v_template", "f", "J_regressor", "weights", "shapedirs", "kintree_table")
JOINTS = {24: "SMPL", 52: "SMPL-H"}
SHAPES = 10  # of the shape directions, the first are the largest
# from x to the left, y up, z forward
UPRIGHT = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
# the bone that goes with each joint of SMPL, called by Human3.6M's joint at its end; without side
BONES = {
    "Pelvis": "Hip",
    "Spine1": "Spine",
    "Spine2": "Thorax",
    "Spine3": "Thorax",
    "Neck": "Neck/Nose",
    "Head": "Head",
    "Hip": "Knee",
    "Knee": "Foot",
    "Ankle": "Foot",
    "Foot": "Foot",
    "Collar": "Shoulder",
    "Shoulder": "Elbow",
    "Elbow": "Wrist",
    "Wrist": "Wrist",
}


def mesh(path: Path, joints: tuple[str, ...]) -> Mesh:
    """The body of a file, for these of Human3.6M's joints.

    Raises BadInput for a file that is none of SMPL or SMPL-H, or whose arrays do not fit.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror}; the path of a file of SMPL or SMPL-H was due"
        ) from None
    return _mesh(path, joints, (state.st_mtime_ns, state.st_size))


# eighty megabytes, asked for by network, data and checks
@lru_cache(maxsize=4)
def _mesh(path: Path, joints: tuple[str, ...], version: tuple[int, int]) -> Mesh:
    parts.check(joints)
    content = _content(path)
    template = array(content["v_template"], (-1, 3), f"{path}: v_template")
    count, own = len(template), _parents(content["kintree_table"], path)
    rows = array(
        _dense(content["J_regressor"]), (len(own), count), f"{path}: J_regressor"
    )
    weights = array(content["weights"], (count, len(own)), f"{path}: weights")
    shapes = array(content["shapedirs"], (count, 3, -1), f"{path}: shapedirs")
    faces = array(content["f"], (-1, 3), f"{path}: f")
    if (faces % 1).any():
        raise BadInput(f"{path}: f: faces that do not fit: whole numbers were due")
    body = rows[: len(AMASS22.joints)]
    converted = conversions.convert(body, AMASS22.name, H36M17.name)
    regressor = converted.astype(np.float64)
    kept = list(H36M17.indices(joints))
    root = regressor[H36M17.index("Hip")] @ template
    used = np.moveaxis(shapes[..., :SHAPES], 2, 0)
    return Mesh(
        name=f"{JOINTS[len(own)]} of {path}",
        vertices=(template - root) @ UPRIGHT.T,
        faces=faces.astype(np.int64),
        regressor=regressor[kept],
        weights=parts.merged(_gathered(weights, own), joints),
        parents=parts.parents(joints),
        shapes=used @ UPRIGHT.T,
        shape_names=tuple(f"beta {number}" for number in range(len(used))),
    )


def _content(path: Path) -> Mapping[str, Any]:
    """The arrays by name, of either kind of file."""
    npz = path.suffix.lower() == ".npz"
    content = load_npz(path, only=KEYS) if npz else load_pickle(path)
    if not isinstance(content, Mapping):
        content = {}
    if lacking := [key for key in KEYS if key not in content]:
        raise BadInput(
            f"{path}: {', '.join(lacking)} missing; a body of SMPL or SMPL-H was due, as"
            " .npz or as a .pkl of plain arrays"
        )
    return content


def _dense(value: Any) -> Any:
    """A single object of an archive, which is saved as an array of no axes."""
    single = isinstance(value, np.ndarray) and value.dtype == object and not value.shape
    return value.item() if single else value


def _parents(tree: Any, path: Path) -> list[int]:
    """The parent of each joint, the root's as -1."""
    where = f"{path}: kintree_table"
    table = np.asarray(tree)
    # not `array`: the root's parent may be 2^32 - 1
    if table.dtype.kind not in "iu" or table.ndim != 2 or len(table) != 2:
        raise BadInput(
            f"{where}: {table.dtype} {table.shape} came; whole numbers (2, joints) were due"
        )
    if table.shape[1] not in JOINTS:
        raise BadInput(
            f"{where}: {table.shape[1]} joints came; 24 or 52 were due, of SMPL and SMPL-H"
        )
    found = table[0].astype(np.int64).tolist()
    if not all(0 <= parent < joint for joint, parent in enumerate(found) if joint):
        raise BadInput(f"{where}: each joint must follow its parent; repair the file")
    return [-1, *found[1:]]


def _gathered(weights: Array, own: list[int]) -> Array:
    """Weights (V, 17) of the bones between Human3.6M's joints."""
    found = np.zeros((len(weights), len(H36M17.joints)))
    for joint in range(len(own)):
        # hands and fingers go with the wrist that they hang on
        body = joint
        while body >= len(AMASS22.joints):
            body = own[body]
        found[:, H36M17.index(_bone(AMASS22.joints[body]))] += weights[:, joint]
    return found


def _bone(joint: str) -> str:
    if joint in BONES:
        return BONES[joint]
    return joint[0] + BONES[joint[1:]]
