"""MPI-INF-3DHP (Mehta et al. 2017): eight people in a studio for training, six sequences
for testing, as published or as P-STMO packs it.

    S1/Seq1/annot.mat            cells over 14 cameras: annot2 (F, 56) px, annot3 and univ_annot3 (F, 84) mm in the camera frame
    S1/Seq1/camera.calibration   text: for each camera name, size, intrinsic 4x4 and extrinsic 4x4 (world with y up to camera, mm)
    TS1/annot_data.mat           annot2 (2, 17, 1, F), annot3 and univ_annot3 (3, 17, 1, F), valid_frame; published as MATLAB 7.3
    data_train_3dhp.npz          data: {"S1 Seq1": [{camera: {data_2d (F, 17, 2) px, data_3d (F, 17, 3) mm}}, fps]}
    data_test_3dhp.npz           data: {"TS1": {data_2d, data_3d, valid}}

An npz goes before the tree, so that a published training tree can stand beside a packed
test set. All clips have the 17 joints of the test set and the eight cameras that papers
train on. `univ_annot3`, people scaled to one height, is what most publish under;
`3dhp:FOLDER@annot3` takes their true size (D3DP's `*_ori.npz`): numbers of the two do not
compare, and a clip's style says which it is. A camera that no file gives is told from the
2D and 3D joints; then there is no world pose. Test frames that are not valid are kept as
context and not counted.
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
from bench.data.geometry.calibrate import pinhole
from bench.data.geometry.cameras import Camera, Rig, camera_to_world
from bench.data.geometry.conversions import convert
from bench.data.geometry.skeletons import DHP17, DHP28
from bench.data.pieces import middle
from models.errors import BadInput

SOURCE = (
    "3dhp:FOLDER[@annot3], MPI-INF-3DHP: the published tree of annot.mat files, or P-STMO's"
    " data_train_3dhp.npz and data_test_3dhp.npz"
)
KIND = "3dhp"

Array = NDArray[np.floating]

ANNOTATIONS = ("univ_annot3", "annot3")
# at chest height and above, as P-STMO trains; the other six look down from the ceiling
CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
# filmed at 50 frames a second, the others at 25
FAST = {("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")}
SIZES = {"TS5": (1920, 1080), "TS6": (1920, 1080)}  # of the pictures; 2048 x 2048 elsewhere
Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # their world, y up, to ours


@dataclass(frozen=True)
class Track:
    """A sequence as one camera saw it: keypoints (F, 17, 2) px, pose (F, 17, 3) mm in the
    camera frame, `valid` (F,) where stated.
    """

    subject: str
    sequence: str
    camera: str
    fps: float
    keypoints: Array
    pose: Array
    valid: Array | None = None
    lens: Camera | None = None


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each sequence and camera; `small` keeps the middle of each. `rig` and
    `seed` are not used.

    Raises BadInput where no file is found, and naming file, sequence and camera where one
    does not hold what is due.
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
    return (Path(path), last) if last in ANNOTATIONS else (Path(location), ANNOTATIONS[0])


def _packed(side: str, annotation: str) -> str:
    return f"data_{side}_3dhp{'_ori' if annotation == 'annot3' else ''}.npz"


def _files(path: Path, annotation: str) -> list[Path]:
    """For each side its npz where there is one, else the tree's files."""
    if path.is_file():
        return [path]
    trees = {
        "train": ("S[1-8]/Seq[12]/annot.mat",),
        "test": ("TS[1-6]/annot_data.mat", "*/TS[1-6]/annot_data.mat"),
    }
    found: list[Path] = []
    for side, patterns in trees.items():
        packed = path / _packed(side, annotation)
        found += (
            [packed]
            if packed.is_file()
            else sorted(file for pattern in patterns for file in path.glob(pattern))
        )
    return found


def _style(path: Path, annotation: str) -> str:
    """Which annotation a file's poses are: an archive holds one, and its name says which."""
    return ANNOTATIONS[path.stem.endswith("_ori")] if path.suffix == ".npz" else annotation


def _tracks(path: Path, annotation: str) -> Iterator[Track]:
    if path.suffix == ".npz":
        return _from_npz(path)
    return (
        _from_test(path, annotation)
        if path.name == "annot_data.mat"
        else _from_train(path, annotation)
    )


def _from_npz(path: Path) -> Iterator[Track]:
    """P-STMO's archives, of training or testing by the names of their sequences."""
    data = mapping(load_npz(path), str(path), "data")["data"]
    value = data.item() if isinstance(data, np.ndarray) and data.ndim == 0 else data
    for name, content in mapping(value, f"{path}: data").items():
        where = f"{path}: {name!r:.40}"
        words = str(name).split()
        if re.fullmatch(r"TS\d", str(name)):
            part = mapping(content, where, "data_2d", "data_3d", "valid")
            yield Track(
                name,
                name,
                "0",
                25.0,
                *_joints(part, where),
                valid=_valid(part["valid"], where),
            )
        elif len(words) == 2 and isinstance(content, list | tuple) and content:
            fps = content[1] if len(content) > 1 else frame_rate(*words)
            if not isinstance(fps, int | float | np.number) or not 1 <= fps <= 1000:
                came = (
                    fps if isinstance(fps, int | float | np.number) else type(fps).__name__
                )
                raise BadInput(
                    f"{where}: frames a second {came} came; a number from 1 to 1000 was due"
                )
            if not mapping(content[0], where):
                raise BadInput(f"{where}: no cameras; leave the sequence out")
            for camera, part in content[0].items():
                here = f"{where}, camera {camera!r:.20}"
                yield Track(
                    words[0],
                    words[1],
                    str(whole(camera, where)),
                    float(fps),
                    *_joints(mapping(part, here, "data_2d", "data_3d"), here),
                )
        else:
            raise BadInput(
                f"{where}: a sequence 'S1 Seq1' with a list [cameras, fps], or 'TS1' with"
                " its data, was due"
            )


def _joints(part: Mapping[str, Any], where: str) -> tuple[Array, Array]:
    return array(part["data_2d"], (-1, 17, 2), f"{where}, data_2d"), array(
        part["data_3d"], (-1, 17, 3), f"{where}, data_3d"
    )


def _from_train(path: Path, annotation: str) -> Iterator[Track]:
    """One annot.mat of the training tree, its subject and sequence told from the folders."""
    content = mapping(mat_file.read(path), str(path), "annot2", "annot3", annotation)
    subject, sequence = path.parent.parent.name, path.parent.name
    lenses = _calibration(path.parent / "camera.calibration")
    numbers = (
        array(content.get("cameras", np.arange(14.0)[None]), (-1, -1), f"{path}: cameras")
        .ravel()
        .tolist()
    )
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
        lens = lenses.get(str(camera)) or told(
            parts["annot3"], parts["annot2"], (2048, 2048), where
        )
        seen, pose = (
            convert(parts[name], DHP28.name, DHP17.name) for name in ("annot2", annotation)
        )
        yield Track(
            subject,
            sequence,
            str(camera),
            frame_rate(subject, sequence),
            seen,
            pose,
            lens=lens,
        )


def _from_test(path: Path, annotation: str) -> Iterator[Track]:
    """One annot_data.mat of the test set, saved again so that it is not HDF5."""
    content = mapping(mat_file.read(path), str(path), "annot2", annotation, "valid_frame")
    parts = {}
    for name, axes in (("annot2", 2), (annotation, 3)):
        value = content[name]
        flat = (
            value.reshape(*value.shape[:2], -1)
            if isinstance(value, np.ndarray) and value.ndim > 2
            else value
        )
        parts[name] = array(flat, (axes, 17, -1), f"{path}: {name}").transpose(2, 1, 0)
    subject = path.parent.name
    yield Track(
        subject,
        subject,
        "0",
        25.0,
        parts["annot2"],
        parts[annotation],
        valid=_valid(content["valid_frame"], str(path)),
    )


def _cell(value: object, place: int, where: str) -> Array:
    """A camera's joints (F, 28, 2 or 3) from a cell over cameras."""
    if not isinstance(value, np.ndarray) or value.dtype != object or value.size <= place:
        raise BadInput(
            f"{where}: a cell with an array for each camera was due; take a fresh copy of"
            " the file"
        )
    axes = 2 if where.endswith("annot2") else 3
    return array(value.ravel()[place], (-1, 28 * axes), where).reshape(-1, 28, axes)


def _valid(value: object, where: str) -> Array:
    found = array(
        value.ravel() if isinstance(value, np.ndarray) else value, (-1,), f"{where}, valid"
    )
    if len(found) and not (found > 0).any():
        raise BadInput(
            f"{where}, valid: none of {len(found)} frames is valid; leave the sequence out"
        )
    return found


def frame_rate(subject: str, sequence: str) -> float:
    """Frames a second of a sequence, as `S1` and `Seq2`; 25 for the test's."""
    return 50.0 if (subject, sequence) in FAST else 25.0


def _calibration(path: Path) -> dict[str, Camera]:
    """Cameras by name; none where the file is not there.

    Raises BadInput with the line that is wrong.
    """
    if not path.exists():
        return {}
    cameras: dict[str, Camera] = {}
    fields: dict[str, list[str]] = {}
    lines = (
        whole_file.content(path, "a fresh copy of the file").decode("latin-1").splitlines()
    )
    for number, line in enumerate(lines, 1):
        key, *values = line.split() or [""]
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
    lens, stand = (
        _row(given[key], 16, f"{where}: {key}").reshape(4, 4)
        for key in ("intrinsic", "extrinsic")
    )
    try:
        return Camera(
            stand[:3, :3] @ Y_UP.T,
            stand[:3, 3],
            np.diag(lens)[:2],
            lens[:2, 2],
            width,
            height,
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


def told(pose: Array, keypoints: Array, size: tuple[int, int], where: str) -> Camera:
    """The camera by its joints (F, J, 3) mm and keypoints (F, J, 2).

    Raises BadInput led by `where`, for unequal lengths too.
    """
    if len(pose) != len(keypoints) or not len(pose):
        raise BadInput(
            f"{where}: {len(keypoints)} frames of 2D and {len(pose)} of 3D; as many, and at"
            " least one, were due"
        )
    try:
        return pinhole(pose, keypoints, width=size[0], height=size[1])
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _clip(track: Track, style: str, path: Path) -> Clip:
    name = track.subject if track.valid is not None else f"{track.subject} {track.sequence}"
    where = f"{path}: {name}, camera {track.camera}"
    frames = {
        len(each) for each in (track.keypoints, track.pose, track.valid) if each is not None
    }
    if len(frames) > 1:
        raise BadInput(
            f"{where}: 2D, 3D and valid_frame have {', '.join(map(str, sorted(frames)))}"
            " frames; as many of each were due"
        )
    lens = track.lens or told(
        track.pose, track.keypoints, SIZES.get(track.subject, (2048, 2048)), where
    )
    ahead(track.pose, DHP17.joints, where)
    in_pixels(track.keypoints, where)
    known = lens.translation.any()  # a camera that was told stands at its own origin
    seen, pose = track.keypoints.astype(np.float32), track.pose.astype(np.float32)
    world = camera_to_world(lens, track.pose).astype(np.float32) if known else None
    notes = () if known else ("a camera was not given and is told from 2D and 3D joints",)
    try:
        clip = Clip(
            *(
                name,
                track.subject,
                track.sequence,
                style,
                track.camera,
                track.fps,
                DHP17,
                seen,
            ),
            *(np.ones(seen.shape[:2], np.float32), pose, world, lens, notes),
        )
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    return (
        clip
        if track.valid is None
        else dataclasses.replace(clip, counted=(track.valid > 0).astype(np.float32))
    )
