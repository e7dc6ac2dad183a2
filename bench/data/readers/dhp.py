"""MPI-INF-3DHP (Mehta et al. 2017) as published, or as P-STMO packs it.

Eight people in a studio for training, six sequences for testing.

    S1/Seq1/annot.mat           cells over 14 cameras: annot2 (F, 56) px,
                                annot3 and univ_annot3 (F, 84) mm in the camera frame
    S1/Seq1/camera.calibration  text: for each camera name, size, intrinsic 4x4 and extrinsic 4x4
                                (world with y up to camera, mm)
    TS1/annot_data.mat          annot2 (2, 17, 1, F), annot3 and univ_annot3 (3, 17, 1, F),
                                valid_frame; published as MATLAB 7.3
    data_train_3dhp.npz         data: {"S1 Seq1": [{camera: {data_2d (F, 17, 2) px,
                                data_3d (F, 17, 3) mm}}, fps]}
    data_test_3dhp.npz          data: {"TS1": {data_2d, data_3d, valid}}

An npz goes before the tree, so that a published training tree can stand beside a packed test set.
All clips have the 17 joints of the test set and the eight cameras that papers train on.
`univ_annot3`, people scaled to one height, is what most publish under; `3dhp:FOLDER@annot3` takes
their true size (D3DP's `*_ori.npz`): numbers of the two do not compare, and a clip's style says
which it is. A camera that no file gives is told from the 2D and 3D joints; then there is no world
pose. Test frames that are not valid are kept as context and not counted.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.formats import mat_file, whole_file
from bench.data.formats.checks import ahead, array, in_pixels, mapping, whole
from bench.data.formats.pickles import load_npz
from bench.data.geometry.cameras import Camera, Rig, camera_to_world
from bench.data.geometry.conversions import convert
from bench.data.geometry.skeletons import DHP17, DHP28
from bench.data.pieces import middle
from bench.data.readers._dhp_facts import SQUARE, Y_UP, frame_rate, picture_size, told
from models.errors import BadInput

SOURCE = (
    "3dhp:FOLDER[@annot3], MPI-INF-3DHP: the published tree of annot.mat files, or P-STMO's"
    " data_train_3dhp.npz and data_test_3dhp.npz"
)
KIND = "3dhp"  # what people type: no module's name begins with a digit

Array = NDArray[np.floating]

ANNOTATIONS = ("univ_annot3", "annot3")  # the first is the default
# at chest height and above, as P-STMO trains; the other six look down from the ceiling
CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
ALL_CAMERAS = 14
TREES = {
    "train": ("S[1-8]/Seq[12]/annot.mat",),
    # in the folder that the published archive makes, or beside S1
    "test": ("TS[1-6]/annot_data.mat", "*/TS[1-6]/annot_data.mat"),
}
TOLD = "a camera was not given and is told from 2D and 3D joints"


@dataclass(frozen=True, kw_only=True)
class Track:
    """A sequence as one camera saw it."""

    subject: str
    sequence: str
    camera: str
    fps: float
    keypoints: Array  # (F, 17, 2) px
    pose: Array  # (F, 17, 3) mm in the camera frame
    valid: Array | None = None  # (F,) of the test set, which alone states it
    lens: Camera | None = None

    @property
    def name(self) -> str:
        """The clip's name; a test subject has one sequence, of its own name."""
        return f"{self.subject} {self.sequence}" if self.valid is None else self.subject


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each sequence and camera; `small` keeps the middle of each.

    `rig` and `seed` are not used. Raises BadInput where no file is found, and naming file, sequence
    and camera where one does not hold what is due.
    """
    path, annotation = _location(location)
    files = _files(path, annotation)
    if not files:
        raise BadInput(
            f"3dhp:{location}: neither annot.mat files in S1/Seq1 and so on, nor"
            f" {_packed('train', annotation)} or {_packed('test', annotation)}; give the"
            " folder that holds them"
        )
    clips = [
        _clip(track, _style(file, annotation), file)
        for file in files
        for track in _tracks(file, annotation)
    ]
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _location(location: str) -> tuple[Path, str]:
    path, _, last = location.rpartition("@")
    # A folder's own name may hold @: only a known annotation is taken off.
    if last in ANNOTATIONS:
        return Path(path), last
    return Path(location), ANNOTATIONS[0]


def _packed(side: str, annotation: str) -> str:
    return f"data_{side}_3dhp{'_ori' if annotation == 'annot3' else ''}.npz"


def _files(path: Path, annotation: str) -> list[Path]:
    """For each side its npz where there is one, else the tree's files."""
    if path.is_file():
        return [path]
    found: list[Path] = []
    for side, patterns in TREES.items():
        packed = path / _packed(side, annotation)
        if packed.is_file():
            found.append(packed)
        else:
            found += sorted(file for pattern in patterns for file in path.glob(pattern))
    return found


def _style(path: Path, annotation: str) -> str:
    """Which annotation a file's poses are: an archive holds one, and its name says which."""
    if path.suffix != ".npz":
        return annotation
    return "annot3" if path.stem.endswith("_ori") else "univ_annot3"


def _tracks(path: Path, annotation: str) -> Iterator[Track]:
    if path.suffix == ".npz":
        return _from_npz(path)
    if path.name == "annot_data.mat":
        return _from_test(path, annotation)
    return _from_train(path, annotation)


def _from_npz(path: Path) -> Iterator[Track]:
    """P-STMO's archives, of training or testing by the names of their sequences."""
    data = mapping(load_npz(path), str(path), "data")["data"]
    # numpy.savez puts a dictionary into an array of shape ()
    value = data.item() if isinstance(data, np.ndarray) and data.ndim == 0 else data
    for name, content in mapping(value, f"{path}: data").items():
        where = f"{path}: {name!r:.40}"
        words = str(name).split()
        if re.fullmatch(r"TS\d", str(name)):
            yield _packed_test(name, content, where)
        elif len(words) == 2 and isinstance(content, list | tuple) and content:
            yield from _packed_train(words[0], words[1], content, where)
        else:
            raise BadInput(
                f"{where}: a sequence 'S1 Seq1' with a list [cameras, fps], or 'TS1' with"
                " its data, was due"
            )


def _packed_test(name: str, content: object, where: str) -> Track:
    part = mapping(content, where, "data_2d", "data_3d", "valid")
    keypoints, pose = _joints(part, where)
    return Track(
        subject=name,
        sequence=name,
        camera="0",
        fps=25.0,
        keypoints=keypoints,
        pose=pose,
        valid=_valid(part["valid"], where),
    )


def _packed_train(
    subject: str, sequence: str, content: list[Any] | tuple[Any, ...], where: str
) -> Iterator[Track]:
    """A sequence of the training archive, [cameras] or [cameras, fps]."""
    fps = content[1] if len(content) > 1 else frame_rate(subject, sequence)
    number = isinstance(fps, int | float | np.number)
    if not number or not 1 <= fps <= 1000:
        came = fps if number else type(fps).__name__
        raise BadInput(
            f"{where}: frames a second {came} came; a number from 1 to 1000 was due"
        )
    if not mapping(content[0], where):
        raise BadInput(f"{where}: no cameras; leave the sequence out")
    for camera, part in content[0].items():
        here = f"{where}, camera {camera!r:.20}"
        keypoints, pose = _joints(mapping(part, here, "data_2d", "data_3d"), here)
        yield Track(
            subject=subject,
            sequence=sequence,
            camera=str(whole(camera, where)),
            fps=float(fps),
            keypoints=keypoints,
            pose=pose,
        )


def _joints(part: Mapping[str, Any], where: str) -> tuple[Array, Array]:
    seen = array(part["data_2d"], (-1, 17, 2), f"{where}, data_2d")
    return seen, array(part["data_3d"], (-1, 17, 3), f"{where}, data_3d", missing=True)


def _from_train(path: Path, annotation: str) -> Iterator[Track]:
    """One annot.mat of the training tree, its subject and sequence told from the folders."""
    content = mapping(mat_file.read(path), str(path), "annot2", "annot3", annotation)
    subject, sequence = path.parent.parent.name, path.parent.name
    lenses = _calibration(path.parent / "camera.calibration")
    # Where the file does not say which cameras its cells are of, they are all, in order.
    stated = content.get("cameras", np.arange(float(ALL_CAMERAS))[None])
    numbers = array(stated, (-1, -1), f"{path}: cameras").ravel().tolist()
    for camera in CAMERAS:
        where = f"{path}: camera {camera}"
        if camera not in numbers:
            raise BadInput(
                f"{where}: missing from `cameras`, which has {len(numbers)}; the eight of"
                f" {CAMERAS} were due"
            )
        place = numbers.index(camera)
        parts = {
            name: _cell(content[name], place, f"{where}, {name}")
            for name in ("annot2", "annot3", annotation)
        }
        # by annot3, whatever is asked for: univ_annot3 is made from it
        lens = lenses.get(str(camera)) or told(
            parts["annot3"], parts["annot2"], SQUARE, where
        )
        yield Track(
            subject=subject,
            sequence=sequence,
            camera=str(camera),
            fps=frame_rate(subject, sequence),
            keypoints=convert(parts["annot2"], DHP28.name, DHP17.name),
            pose=convert(parts[annotation], DHP28.name, DHP17.name),
            lens=lens,
        )


def _from_test(path: Path, annotation: str) -> Iterator[Track]:
    """One annot_data.mat of the test set, saved again so that it is not HDF5."""
    content = mapping(
        mat_file.read(path), str(path), "annot2", annotation, "valid_frame"
    )
    subject = path.parent.name
    yield Track(
        subject=subject,
        sequence=subject,
        camera="0",
        fps=25.0,
        keypoints=_columns(content["annot2"], 2, f"{path}: annot2"),
        pose=_columns(content[annotation], 3, f"{path}: {annotation}"),
        valid=_valid(content["valid_frame"], str(path)),
    )


def _columns(value: object, axes: int, where: str) -> Array:
    """MATLAB's (axes, 17, 1, F) as (F, 17, axes)."""
    # the third dimension is 1, and may have been squeezed away when the file was saved again
    if isinstance(value, np.ndarray) and value.ndim > 2:
        value = value.reshape(*value.shape[:2], -1)
    return array(value, (axes, 17, -1), where, missing=axes == 3).transpose(2, 1, 0)


def _cell(value: object, place: int, where: str) -> Array:
    """A camera's joints (F, 28, 2 or 3) from a cell over cameras."""
    if (
        not isinstance(value, np.ndarray)
        or value.dtype != object
        or value.size <= place
    ):
        raise BadInput(
            f"{where}: a cell with an array for each camera was due; take a fresh copy of"
            " the file"
        )
    axes = 2 if where.endswith("annot2") else 3
    flat = array(value.ravel()[place], (-1, 28 * axes), where, missing=axes == 3)
    return flat.reshape(-1, 28, axes)


def _valid(value: object, where: str) -> Array:
    """(F,), above 0 for the frames that are scored."""
    # published as (1, F)
    flat = value.ravel() if isinstance(value, np.ndarray) else value
    found = array(flat, (-1,), f"{where}, valid")
    if len(found) and not (found > 0).any():
        raise BadInput(
            f"{where}, valid: none of {len(found)} frames is valid; leave the sequence out"
        )
    return found


def _calibration(path: Path) -> dict[str, Camera]:
    """Cameras by name; none where the file is not there.

    Raises BadInput with the line that is wrong.
    """
    if not path.exists():
        return {}
    cameras: dict[str, Camera] = {}
    fields: dict[str, list[str]] = {}
    # latin-1 reads any bytes; what is no number is named below with its line
    text = whole_file.content(path, "a fresh copy of the file").decode("latin-1")
    for number, line in enumerate(text.splitlines(), 1):
        key, *values = line.split() or [""]
        # A name begins a camera, so what the one before it had must not be taken for its own.
        fields = {"name": values} if key == "name" else {**fields, key: values}
        if key == "extrinsic":
            camera = _camera(fields, f"{path}:{number}")
            cameras[fields["name"][0]] = camera
    return cameras


def _camera(fields: Mapping[str, list[str]], where: str) -> Camera:
    given = mapping(dict(fields), where, "name", "size", "intrinsic", "extrinsic")
    if len(given["name"]) != 1:
        raise BadInput(f"{where}: name has {len(given['name'])} words; one was due")
    width, height = _row(given["size"], 2, f"{where}: size").astype(int).tolist()
    lens = _row(given["intrinsic"], 16, f"{where}: intrinsic").reshape(4, 4)
    stand = _row(given["extrinsic"], 16, f"{where}: extrinsic").reshape(4, 4)
    try:
        return Camera(
            rotation=stand[:3, :3] @ Y_UP.T,  # ours to their world, then to the camera
            translation=stand[:3, 3],
            focal=np.diag(lens)[:2],
            centre=lens[:2, 2],
            width=width,
            height=height,
        )
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _row(words: list[str], count: int, where: str) -> NDArray[np.float64]:
    """Numbers written out."""
    numbers = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            raise BadInput(f"{where}: {word[:40]!r} came; a number was due") from None
    return array(numbers, (count,), where)


def _clip(track: Track, style: str, path: Path) -> Clip:
    where = f"{path}: {track.name}, camera {track.camera}"
    _check_lengths(track, where)
    lens = track.lens or told(
        track.pose, track.keypoints, picture_size(track.subject), where
    )
    ahead(track.pose, DHP17.joints, where)
    in_pixels(track.keypoints, where)
    known = lens.translation.any()  # a camera that was told stands at its own origin
    world = camera_to_world(lens, track.pose).astype(np.float32) if known else None
    try:
        clip = Clip(
            name=track.name,
            subject=track.subject,
            action=track.sequence,
            style=style,
            camera_name=track.camera,
            fps=track.fps,
            skeleton=DHP17,
            keypoints=track.keypoints.astype(np.float32),
            confidence=np.ones(track.keypoints.shape[:2], np.float32),
            camera_pose=track.pose.astype(np.float32),
            world_pose=world,
            camera=lens,
            notes=() if known else (TOLD,),
        )
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    if track.valid is None:
        return clip
    return dataclasses.replace(clip, counted=(track.valid > 0).astype(np.float32))


def _check_lengths(track: Track, where: str) -> None:
    parts = (track.keypoints, track.pose, track.valid)
    frames = {len(each) for each in parts if each is not None}
    if len(frames) > 1:
        raise BadInput(
            f"{where}: 2D, 3D and valid_frame have {', '.join(map(str, sorted(frames)))}"
            " frames; as many of each were due"
        )
