"""What is to be drawn of one clip: keypoints over pictures, poses, or a body's surface.

Of a file of predictions, whose content nobody has looked at yet, or of a source of data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import data
from bench.data.clip import Clip
from bench.data.formats.checks import array, mapping, sequence, whole
from bench.data.geometry.skinning import Skin
from bench.data.pictures import frame
from bench.evaluation import files
from models.errors import BadInput, shortened
from models.human import human

VERTICES = "/vertices"  # ends the name of a clip's surfaces
WIDEST = 640  # pixels of a picture that is drawn under keypoints
SAID = 3  # clips in a message
KINDS = ("2d", "3d", "mesh")
Array = NDArray[Any]


@dataclass(frozen=True)
class View:
    """One clip; what it has not is None."""

    name: str  # TAKE/CAMERA
    fps: float
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    poses: Array | None = None  # (frames, J, 3), mm in the camera's frame
    vertices: Array | None = None  # (frames, V, 3), the same
    faces: Array | None = None  # (F, 3)
    keypoints: Array | None = None  # (frames, J, 2), pixels
    size: tuple[int, int] = (0, 0)  # width and height of the picture
    picture: Callable[[int], Array] | None = None  # RGB (height, width, 3) of a frame

    @property
    def bones(self) -> list[tuple[int, int]]:
        """(parent, child) of each bone."""
        return [
            (above, joint) for joint, above in enumerate(self.parents) if above >= 0
        ]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be drawn of it, the usual one first."""
        posed = () if self.poses is None else ("3d", "mesh")
        return ("2d", *posed) if self.keypoints is not None else posed

    def surface(self, frames: Sequence[int]) -> tuple[Array, Array]:
        """Vertices (n, V, 3), mm, of some frames, and faces: the view's, else the built-in body's.

        Raises BadInput for joints that turn no body.
        """
        if self.vertices is not None and self.faces is not None:
            return self.vertices[list(frames)], self.faces
        assert self.poses is not None  # as whoever asks has seen in `kinds`
        skin = Skin(human(joints=self.joints), self.joints)
        return 1000 * skin.posed(self.poses[list(frames)] / 1000), skin.mesh.faces


def of_file(path: Path, clip: str | None) -> View:
    """A clip of a file that `predict` has written, the first unless one is named.

    Raises BadInput for another content, and for a clip that is not there.
    """
    arrays, about = files.read(path)
    where = str(path)
    # which `checkpoint.save` writes beside its arrays
    if "progress" in about:
        raise BadInput(
            f"{where}: is a checkpoint, which holds no poses; python -m bench predict RUN"
            " --to FILE makes some of its run, and FILE is drawn"
        )
    known = mapping(about, where, "joints", "parents", "fps")
    joints = tuple(map(str, sequence(known["joints"], f"{where}: joints")))
    parents = _parents(known["parents"], len(joints), where)
    named = [name for name in arrays if not name.endswith(VERTICES) and "/" in name]
    name = _chosen(named, clip, where)
    poses = array(arrays[name], (-1, len(joints), 3), f"{where}: {name}")
    surface = _surface(arrays, name, len(poses), where)
    rates = mapping(known["fps"], f"{where}: fps", name)
    (fps,) = array([rates[name]], (1,), f"{where}: fps of {name}")
    if not (len(poses) and fps > 0):
        raise BadInput(
            f"{where}: {name} has {len(poses)} frames, {fps:g} a second; some were due"
        )
    return View(name, float(fps), joints, parents, poses, *surface)


def of_source(source: str, clip: str | None) -> View:
    """A clip of a source of data, the first unless one is named.

    Raises BadInput for data that cannot be read, and for a clip that is not there.
    """
    protocol = data.default_protocol(source)
    clips = data.clips_of(source, protocol)
    by_name = {f"{each.name}/{each.camera_name}": each for each in clips}
    name = _chosen(list(by_name), clip, source)
    found = by_name[name]
    drawn = protocol is not None and protocol.rig is not None
    poses = found.camera_pose
    if poses is not None:
        root = found.skeleton.parents.index(-1)
        poses = poses - poses[:, [root]]
    return View(
        name,
        found.fps,
        found.skeleton.joints,
        found.skeleton.parents,
        # a truth that lacks joints is no body
        poses=None if poses is None or np.isnan(poses).any() else poses,
        keypoints=found.keypoints,
        size=(found.camera.width, found.camera.height),
        picture=_pictures(found, drawn=drawn),
    )


def _pictures(clip: Clip, *, drawn: bool) -> Callable[[int], Array] | None:
    """What the clip's camera saw, small enough; None where there is nothing to show."""
    if clip.pictures is None and not (drawn and clip.camera_pose is not None):
        return None
    return partial(_picture, clip)


def _picture(clip: Clip, number: int) -> Array:
    whole_of = np.array([clip.camera.width, clip.camera.height], float)
    scale = min(1.0, WIDEST / whole_of[0])
    width, height = np.maximum(1, np.round(whole_of * scale)).astype(int)
    box = np.concatenate([whole_of / 2, whole_of])
    planes = frame.picture(clip, number, box, (int(height), int(width)), seed=0)
    return np.moveaxis(planes, 0, -1)


def _chosen(names: Sequence[str], clip: str | None, where: str) -> str:
    """The clip that is called so, by its take alone where that is enough."""
    if not names:
        raise BadInput(f"{where}: has no clips; give {files.DUE}, or a source of data")
    if clip is None:
        return names[0]
    found = [name for name in names if clip in (name, name.rpartition("/")[0])]
    if not found:
        some = ", ".join(shortened(name) for name in names[:SAID])
        raise BadInput(
            f"{where}: no clip is called {shortened(clip)}; it has {len(names):,}, such as"
            f" {some}"
        )
    return found[0]


def _parents(value: object, joints: int, where: str) -> tuple[int, ...]:
    """The joint above each, -1 of the root. Raises BadInput where that makes no tree."""
    said = f"{where}: parents"
    parents = tuple(whole(each, said) for each in sequence(value, said))
    fits = len(parents) == joints and parents.count(-1) == 1
    if not fits or any(not -1 <= each < joints for each in parents):
        raise BadInput(
            f"{said}: {len(parents)} came for {joints} joints; the number of the joint above"
            " each was due, -1 for one of them"
        )
    return parents


def _surface(
    arrays: Mapping[str, Any], name: str, frames: int, where: str
) -> tuple[Array | None, Array | None]:
    """Vertices and faces of a clip, where the file has them."""
    if name + VERTICES not in arrays or "faces" not in arrays:
        return None, None
    said = f"{where}: {name}{VERTICES}"
    vertices = array(arrays[name + VERTICES], (frames, -1, 3), said)
    faces = array(arrays["faces"], (-1, 3), f"{where}: faces")
    if not len(faces) or faces.min() < 0 or faces.max() >= vertices.shape[1]:
        raise BadInput(
            f"{where}: faces name corners that are none of the {vertices.shape[1]} vertices"
        )
    return vertices, faces.astype(np.int64)
