"""SMPL's and SMPL-H's surface in the place of the built-in body, from the user's own file.

    v_template (V, 3) metres   f (F, 3)   J_regressor (24 or 52, V)   weights (V, 24 or 52)
    shapedirs (V, 3, S)        kintree_table (2, 24 or 52)

in a .npz, or in a .pkl, of which SciPy's sparse matrices and chumpy's arrays are read, too. The
files' own bones are gathered to those between
Human3.6M's joints, and joints are regressed as J_regressor and the rule amass22-h36m17 say: in a
pose they lie where they should to some centimetres, for that regressor knows of rest poses alone.
Loper et al. (2015), Romero et al. (2017). Licensed: nobody but the user has these files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import whole_file
from bench.data.formats.checks import array, numbers, whole
from bench.data.formats.pickles import load_npz, load_pickle
from bench.data.geometry import conversions, smpl_checks
from bench.data.geometry.skeletons import AMASS22, H36M17
from models.errors import BadInput
from models.human import parts
from models.mesh import Mesh

Array = NDArray[np.float64]

KEYS = ("v_template", "f", "J_regressor", "weights", "shapedirs", "kintree_table")
JOINTS = {24: "SMPL", 52: "SMPL-H"}
MOST = 10_000_000  # entries of a sparse matrix: SMPL-H's has 360,000
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

    Raises BadInput for a file that is none of SMPL or SMPL-H, or whose arrays do not fit, are no
    person's size, or of a body that does not stand as SMPL's does (`smpl_checks`).
    """
    parts.check(joints)
    size = whole_file.size(path, "a file of SMPL or SMPL-H")
    return _mesh(path, joints, (path.stat().st_mtime_ns, size))


# eighty megabytes, asked for by network, data and checks
@lru_cache(maxsize=4)
def _mesh(
    path: Path,
    joints: tuple[str, ...],
    version: tuple[int, int],
) -> Mesh:
    found = _checked(path)
    body = found.regressor[: len(AMASS22.joints)]
    converted = conversions.convert(body, AMASS22.name, H36M17.name)
    regressor = converted.astype(np.float64)
    kept = list(H36M17.indices(joints))
    root = regressor[H36M17.index("Hip")] @ found.template
    used = np.moveaxis(found.shapes[..., :SHAPES], 2, 0)
    return Mesh(
        name=f"{JOINTS[len(found.parents)]} of {path}",
        vertices=(found.template - root) @ UPRIGHT.T,
        faces=found.faces.astype(np.int64),
        regressor=regressor[kept],
        weights=parts.merged(_gathered(found.weights, found.parents), joints),
        parents=parts.parents(joints),
        shapes=used @ UPRIGHT.T,
        shape_names=tuple(f"beta {number}" for number in range(len(used))),
    )


class Arrays(NamedTuple):
    """What a file holds, V vertices and 24 or 52 joints, in its own order and axes."""

    template: Array  # (V, 3) metres
    faces: Array  # (F, 3)
    regressor: Array  # (J, V)
    weights: Array  # (V, J)
    shapes: Array  # (V, 3, S)
    parents: list[int]  # -1 at the root


def _checked(path: Path) -> Arrays:
    """The arrays of a file that belong together. Raises BadInput, which the path leads."""
    content = _content(path)

    def read(name: str, *shape: int) -> Array:
        where = f"{path}: {name}"
        return array(_plain(content[name], where), shape, where)

    template = read("v_template", -1, 3)
    count, own = len(template), _parents(content["kintree_table"], path)
    found = Arrays(
        template,
        faces=read("f", -1, 3),
        regressor=read("J_regressor", len(own), count),
        weights=read("weights", count, len(own)),
        shapes=read("shapedirs", count, 3, -1),
        parents=own,
    )
    try:
        smpl_checks.faces(found.faces, count)
        smpl_checks.shares(found.weights, found.regressor)
        smpl_checks.tree(own)
        smpl_checks.stature(template, found.shapes)
        smpl_checks.stance(found.regressor @ template)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    return found


def _content(path: Path) -> Mapping[str, Any]:
    """The arrays by name, of either kind of file."""
    npz = path.suffix.lower() == ".npz"
    content = load_npz(path, only=KEYS) if npz else load_pickle(path)
    if not isinstance(content, Mapping):
        content = {}
    if lacking := [key for key in KEYS if key not in content]:
        raise BadInput(
            f"{path}: {', '.join(lacking)} missing; a body of SMPL or SMPL-H was due, as"
            " .npz or .pkl"
        )
    return content


def _plain(value: Any, where: str) -> Any:
    """An array out of what a pickle holds in other forms."""
    # a single object of an archive is an array of no axes
    if isinstance(value, np.ndarray) and value.dtype == object and not value.shape:
        value = value.item()
    if not isinstance(value, Mapping):
        return value
    # chumpy's array, by its own name for what is in it
    return value["x"] if "x" in value else _dense(value, where)


def _dense(matrix: Mapping[str, Any], where: str) -> Array:
    """A sparse matrix by columns: of column c, entries from indptr[c] to indptr[c + 1]."""
    wrong = BadInput(f"{where}: a sparse matrix that does not fit; take a fresh copy")
    try:
        rows, columns = (whole(side, where) for side in matrix["_shape"])
        data, starts, places = (matrix[name] for name in ("data", "indptr", "indices"))
    except (KeyError, TypeError, ValueError):
        raise wrong from None
    if min(rows, columns) < 1 or rows * columns > MOST:
        raise wrong
    values = array(data, (-1,), where)
    begin = array(starts, (columns + 1,), where)
    row = array(places, (len(values),), where)
    counts = np.diff(begin)
    numbered = not ((begin % 1).any() or (row % 1).any())
    complete = begin[0] == 0 and begin[-1] == len(values) and (counts >= 0).all()
    inside = ((row >= 0) & (row < rows)).all()
    if not (numbered and complete and inside):
        raise wrong
    found = np.zeros((rows, columns))
    column = np.repeat(np.arange(columns), counts.astype(np.int64))
    np.add.at(found, (row.astype(np.int64), column), values)
    return found


def _parents(tree: Any, path: Path) -> list[int]:
    """The parent of each joint, the root's as -1."""
    where = f"{path}: kintree_table"
    # not `array`: the root's parent may be 2^32 - 1
    table = numbers(_plain(tree, where))
    if table is None or table.ndim != 2 or len(table) != 2 or (table % 1 != 0).any():
        came = "what is no such table" if table is None else f"{table.shape}"
        raise BadInput(f"{where}: {came} came; whole numbers (2, joints) were due")
    if table.shape[1] not in JOINTS:
        raise BadInput(
            f"{where}: {table.shape[1]} joints came; 24 or 52 were due, of SMPL and SMPL-H"
        )
    found = table[0, 1:]
    if not ((found >= 0) & (found < np.arange(1, table.shape[1]))).all():
        raise BadInput(f"{where}: each joint must follow its parent; repair the file")
    return [-1, *found.astype(np.int64).tolist()]


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
