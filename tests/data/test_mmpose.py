"""mmpose's npz lists and camera pickles, written here as published.

Rows in any order become the same clips.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import Camera, project, world_to_camera
from bench.data.geometry.skeletons import DHP17, H36M17
from bench.data.readers import mmpose
from models.errors import BadInput

FRAMES = 4
# mm above the floor; the other joints are at 1.3 m
LEGS = {"Hip": 900, "Pelvis": 950, "Knee": 480, "Foot": 60, "Ankle": 60}


def walk(joints: tuple[str, ...]) -> np.ndarray:
    """(F, 17, 3) world millimetres, z up, with a person's legs."""
    heights = [
        next((high for name, high in LEGS.items() if joint.endswith(name)), 1300.0)
        for joint in joints
    ]
    sides = [{"L": 140.0, "R": -140.0}.get(joint[0], 0.0) for joint in joints]
    pose = np.stack([sides, 7.0 * np.arange(17), np.array(heights)], axis=1)
    return pose + np.arange(FRAMES)[:, None, None] * [10.0, 20, 0]


def rows(
    names: list[str],
    cameras: list[Camera],
    world: np.ndarray,
    *,
    frames: tuple[int, ...] = (1, 2, 3, 4),
) -> dict[str, np.ndarray]:
    """The list of a take seen by several cameras, shuffled. `names` hold {frame}."""
    images = [name.format(frame=f"{frame:06}") for name in names for frame in frames]
    pose = np.concatenate([world_to_camera(camera, world) for camera in cameras])
    part = np.concatenate(
        [project(camera, world_to_camera(camera, world)) for camera in cameras]
    )
    # as rows come in training lists: nothing of a take stands together
    order = np.random.default_rng(0).permutation(len(images))
    seen = np.ones((*part.shape[:2], 1))
    return {
        "imgname": np.array(images)[order],
        "center": np.zeros((len(images), 2)),
        "scale": np.ones(len(images)),
        "part": np.concatenate([part, seen], axis=-1)[order].astype(np.float32),
        "S": np.concatenate([pose / 1000, seen], axis=-1)[order].astype(np.float32),
    }


def entry(camera: Camera, **more: Any) -> dict[str, Any]:
    """A camera as mmpose stores it.

    Metres, camera to world, columns, p with the one of y first.
    """
    column = lambda values: np.asarray(values, np.float64)[:, None]  # noqa: E731
    return {
        "R": camera.rotation.T,
        "T": column(camera.position / 1000),
        "f": column(camera.focal),
        "c": column(camera.centre),
        "k": column(camera.radial),
        "p": column(camera.tangential[::-1]),
        "w": camera.width,
        "h": camera.height,
        "name": "camera",
        "id": "0",
    } | more


WORLD = walk(H36M17.joints)
STUDIO = [h36m_cameras.camera("S9", name) for name in h36m_cameras.names()]
H36M_NAMES = [
    f"S9/S9_Walking_1.{name}/S9_Walking_1.{name}_{{frame}}.jpg"
    for name in h36m_cameras.names()
]
H36M_PICKLE = {
    ("S9", name): entry(camera)
    for name, camera in zip(h36m_cameras.names(), STUDIO, strict=True)
}


def write(folder: Path, content: dict[str, Any], **pickles: object) -> Path:
    """The list in a folder `fps50`, the pickles above it, as mmpose has them."""
    (folder / "fps50").mkdir(exist_ok=True)
    np.savez(folder / "fps50" / "test.npz", **content)
    for name, value in pickles.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value))
    return folder / "fps50" / "test.npz"


def load(location: object) -> list[Clip]:
    return mmpose.load(str(location))


@pytest.mark.parametrize("pickles", [{}, {"cameras": H36M_PICKLE}])
def test_human36m_with_its_pickle_and_without(
    tmp_path: Path, pickles: dict[str, object]
) -> None:
    clips = load(write(tmp_path, rows(H36M_NAMES, STUDIO, WORLD), **pickles))
    assert [clip.camera_name for clip in clips] == sorted(h36m_cameras.names())
    for clip in clips:
        camera = h36m_cameras.camera("S9", clip.camera_name)
        assert (clip.name, clip.subject, clip.action, clip.fps) == (
            "S9_Walking_1",
            "S9",
            "Walking",
            50.0,
        )
        np.testing.assert_allclose(clip.world_pose, WORLD, atol=0.01)
        np.testing.assert_allclose(
            clip.camera_pose, world_to_camera(camera, WORLD), atol=0.01
        )
        np.testing.assert_allclose(
            clip.keypoints, project(camera, world_to_camera(camera, WORLD)), atol=1e-3
        )
        for field in (
            "rotation",
            "translation",
            "focal",
            "centre",
            "radial",
            "tangential",
        ):
            np.testing.assert_allclose(
                getattr(clip.camera, field), getattr(camera, field), atol=1e-6
            )
        assert (clip.camera.width, clip.camera.height) == (camera.width, camera.height)


def test_every_fifth_picture_is_ten_a_second(tmp_path: Path) -> None:
    # one is missing, and leaves a step of ten
    content = rows(H36M_NAMES[:1], STUDIO[:1], WORLD, frames=(1, 6, 11, 21))
    assert load(write(tmp_path, content))[0].fps == 10.0


def test_detections_beside_the_list(tmp_path: Path) -> None:
    content = rows(H36M_NAMES[:1], STUDIO[:1], WORLD)
    path = write(tmp_path, content)
    seen = np.concatenate(
        [content["part"][..., :2] + 3, np.full((FRAMES, 17, 1), 0.25)], axis=-1
    )
    np.save(path.with_name("cpn.npy"), seen)
    plain, found = load(path)[0], load(f"{path}@cpn.npy")[0]
    np.testing.assert_allclose(found.keypoints, plain.keypoints + 3, atol=1e-3)
    assert (found.confidence == 0.25).all()
    # what is named after @ may not lead out of the folder
    with pytest.raises(BadInput, match="is not a file beside"):
        load(f"{path}@../cpn.npy")
    with pytest.raises(BadInput, match=r"other\.npy: no such file"):
        load(f"{path}@other.npy")


def dhp(*, test: bool) -> tuple[dict[str, Any], Camera]:
    """MPI-INF-3DHP: a camera 4 m in front of the person; the world's z is up."""
    camera = Camera(
        np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
        np.array([0, 900.0, 4000]),
        [1500, 1501],
        [1024, 1050],
        2048,
        2048,
    )
    name = "TS1_{frame}.jpg" if test else "S4_Seq2_Cam0_{frame}.jpg"
    return rows([name], [camera], walk(DHP17.joints)), camera


@pytest.mark.parametrize("test", [False, True])
def test_3dhp_with_its_pickle_and_without(tmp_path: Path, test: bool) -> None:
    content, camera = dhp(test=test)
    path = write(tmp_path, content)
    told = load(path)[0]
    # the dataset's world has y up
    y_up = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    # the published misprint
    given = entry(
        camera,
        R=y_up @ camera.rotation.T,
        T=y_up @ camera.position[:, None] / 1000,
        h=204,
    )
    given = {name: given[name] for name in (("f", "c", "w", "h") if test else given)}
    side = (
        {"cameras_test": {"TS1": given}}
        if test
        else {"cameras_train": {"S4_Seq2_Cam0": given}}
    )
    clip = load(write(tmp_path, content, **side))[0]
    for each in (told, clip):
        assert each.name == ("TS1" if test else "S4_Seq2")
        assert each.skeleton.name == "dhp17"
        assert each.fps == 25.0
        assert (each.camera.width, each.camera.height) == (2048, 2048)
        np.testing.assert_allclose(each.camera.focal, camera.focal, rtol=1e-4)
        np.testing.assert_allclose(
            each.camera_pose, world_to_camera(camera, walk(DHP17.joints)), atol=0.01
        )
    # a camera that is told from joints has no place in the world
    assert told.world_pose is None
    assert told.notes
    if test:
        assert clip.world_pose is None
    else:
        np.testing.assert_allclose(clip.world_pose, walk(DHP17.joints), atol=0.01)


def without(name: str) -> dict[str, Any]:
    return {
        key: value
        for key, value in rows(H36M_NAMES[:1], STUDIO[:1], WORLD).items()
        if key != name
    }


def changed(name: str, value: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    content = rows(H36M_NAMES[:1], STUDIO[:1], WORLD)
    return content | {name: value(content[name])}


def marked(values: np.ndarray) -> np.ndarray:
    values[2, 3, 1] = np.inf
    return values


# the list, the pickles beside it, and what is said of them
BAD: dict[str, tuple[Callable[[], dict[str, Any]], dict[str, object], str]] = {
    "no poses": (lambda: without("S"), {}, "key 'S' is missing"),
    "fewer poses": (
        lambda: changed("S", lambda v: v[:3]),
        {},
        r"S: shape \(3, 17, 4\) came; \(4, 17, 4\) was due",
    ),
    "joint count": (
        lambda: changed("part", lambda v: v[:, :16]),
        {},
        r"part: shape \(4, 16, 3\)",
    ),
    "infinite": (
        lambda: changed("S", marked),
        {},
        r"S: the number at \[2, 3, 1\] is not finite",
    ),
    "behind": (
        lambda: changed("S", lambda v: v * [1, 1, -1, 1]),
        {},
        "S9_Walking_1, camera 54138969: joint Hip lies behind the camera",
    ),
    "normalised": (
        lambda: changed("part", lambda v: v / 1000),
        {},
        "camera 54138969: the largest coordinate is .* pixels were due",
    ),
    "kilometres": (
        lambda: changed("S", lambda v: v / 1000),
        {},
        "camera_pose is in m, by its legs",
    ),
    "millimetres": (
        lambda: changed("S", lambda v: v * 1000),
        {},
        "camera_pose is a thousand times too large, by its legs",
    ),
    "names of something else": (
        lambda: changed("imgname", lambda v: np.array(["a\n.jpg"] * 4)),
        {},
        "imgname 0 is 'a",
    ),
    "a name twice": (
        lambda: changed("imgname", lambda v: np.array([v[0]] * 4)),
        {},
        "for a second time",
    ),
    "names as numbers": (
        lambda: changed("imgname", lambda v: np.arange(4)),
        {},
        "imgname is no list of names",
    ),
    "no rows": (
        lambda: {name: values[:0] for name, values in without("").items()},
        {},
        "imgname is no list of names",
    ),
    "unknown subject": (
        lambda: changed("imgname", lambda v: np.char.replace(v, "S9", "S77")),
        {},
        "S77_Walking_1, camera 54138969: no calibration",
    ),
    "missing camera": (
        lambda: without(""),
        {"cameras": {}},
        r"key \('S9', '54138969'\) is missing in cameras\.pkl",
    ),
    "camera without focal length": (
        lambda: without(""),
        {"cameras": {("S9", "54138969"): {"c": [1, 2]}}},
        "key 'f' is missing",
    ),
    "camera that turns nothing": (
        lambda: without(""),
        {"cameras": {("S9", "54138969"): entry(STUDIO[0], R=np.zeros((3, 3)))}},
        r"cameras\.pkl: \('S9', '54138969'\): .* not a proper rotation",
    ),
    "pickle of a list": (
        lambda: without(""),
        {"cameras": [1]},
        r"cameras\.pkl: a list came",
    ),
    "pickle of code": (lambda: without(""), {"cameras": print}, r"cameras\.pkl"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_content_is_one_line_naming_the_place(tmp_path: Path, case: str) -> None:
    make, pickles, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        load(write(tmp_path, make(), **pickles))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.npz"):
        load(tmp_path / "nowhere.npz")
    path = write(tmp_path, rows(H36M_NAMES[:1], STUDIO[:1], WORLD))
    whole = path.read_bytes()
    # at 20 places, spread over the archive
    for length in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"test\.npz"):
            load(path)
