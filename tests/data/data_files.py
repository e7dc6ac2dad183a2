"""A tiny valid file, or folder of files, of every format that is read.

Each builder writes one and gives the source to load it by.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.io import savemat

from bench.data import protocols
from bench.data.clip import Clip, Take, film
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import Camera, project, world_to_camera
from bench.data.geometry.skeletons import AMASS22
from bench.data.readers import cache as caches
from bench.data.readers import synthetic
from tests.data.dhp_files import PICKS, walk
from tests.data.keypoint_files import KEYPOINTS

FRAMES = 4  # few: in a small file a random change hits something
TURNS = "Zrotation Xrotation Yrotation"
RIG = protocols.load("synthetic").rig


@cache
def take() -> Take:
    """A person walking, 17 joints of Human3.6M."""
    return synthetic.make("S1", "Walking", frames=FRAMES)


def clips() -> list[Clip]:
    """The take seen by the four cameras of the synthetic protocol."""
    return film(take(), RIG.around(take().world[:, 0]))


def bvh(folder: Path) -> str:
    """Bandai-Namco's joint names; y up, centimetres."""
    body = _chain("Head 0 20 0") + "".join(
        _chain(
            f"UpperArm_{side} {x} -2 0",
            f"LowerArm_{side} 0 -28 0",
            f"Hand_{side} 0 -25 0",
        )
        for side, x in (("L", 15), ("R", -15))
    )
    legs = "".join(
        _chain(
            f"UpperLeg_{side} {x} 0 0",
            f"LowerLeg_{side} 0 -44 0",
            f"Foot_{side} 0 -44 0",
        )
        for side, x in (("L", 10), ("R", -10))
    )
    trunk = _chain("Spine 0 20 0", "Neck 0 25 0", inside=body)
    root = (
        "ROOT Hips { OFFSET 0 0 0 CHANNELS 6 Xposition Yposition Zposition"
        f" {TURNS}\n{trunk}{legs}}}\n"
    )
    rows = "".join(f"0 88 {5 * frame} " + "0 " * 48 + "\n" for frame in range(FRAMES))
    (folder / "a.bvh").write_text(
        f"HIERARCHY\n{root}MOTION\nFrames: {FRAMES}\nFrame Time: 0.02\n{rows}"
    )
    return f"bvh:{folder}"


def _chain(first: str, *rest: str, inside: str = "") -> str:
    """Joints, each the child of the one before, given as name and offset.

    The last one holds `inside`.
    """
    name, _, offset = first.partition(" ")
    inner = (
        _chain(*rest, inside=inside)
        if rest
        else inside or "End Site { OFFSET 0 1 0 }\n"
    )
    return f"JOINT {name} {{ OFFSET {offset} CHANNELS 3 {TURNS}\n{inner}}}\n"


def cached(folder: Path) -> str:
    caches.save(
        folder / "clips.cache",
        clips(),
        kind="synthetic",
        rig=RIG,
        facts={"frames": 4 * FRAMES},
    )
    return f"cache:{folder / 'clips.cache'}"


def h36m_coco(folder: Path) -> str:
    """Pose2Mesh's three files of a subject: two cameras, one take, keypoints annotated."""
    poses = {str(frame): take().world[frame].tolist() for frame in range(FRAMES)}
    # what the files say of lenses and pictures is the same for both
    views = [
        replace(clip.camera, focal=(1145, 1144), centre=(512, 515))
        for clip in clips()[:2]
    ]
    cameras = {
        str(number): {
            "R": camera.rotation.tolist(),
            "t": camera.translation.tolist(),
            "f": camera.focal.tolist(),
            "c": camera.centre.tolist(),
        }
        for number, camera in enumerate(views, start=1)
    }
    files = {
        "joint_3d": {"2": {"1": poses}},
        "camera": cameras,
        "data": _pictures(views),
    }
    for kind, content in files.items():
        (folder / f"Human36M_subject9_{kind}.json").write_text(json.dumps(content))
    return f"h36m-coco:{folder}"


def _pictures(views: list[Camera]) -> dict[str, object]:
    """Two cameras' pictures of every frame, each with somebody annotated."""
    # fmt: off
    shot = {
        "width": 1000, "height": 1002, "subject": 9, "action_idx": 2, "subaction_idx": 1,
    }
    # fmt: on
    images = [
        {"id": 10 * camera + frame, "cam_idx": camera, "frame_idx": frame, **shot}
        for camera in (1, 2)
        for frame in range(FRAMES)
    ]
    seen = [film(take(), {"": camera})[0].keypoints for camera in views]
    rows = np.concatenate(
        [np.dstack([each, np.full(each.shape[:2], 2)]) for each in seen]
    )
    people = [
        {
            "id": image["id"],
            "image_id": image["id"],
            "bbox": [0, 0, 9, 9],
            "keypoints": row.ravel().tolist(),
        }
        for image, row in zip(images, rows, strict=True)
    ]
    return {"images": images, "annotations": people}


def h36m_npz(folder: Path) -> str:
    """VideoPose3D's two archives.

    32 joints in metres, keypoints of four cameras that go on for a frame more.
    """
    world = np.zeros((FRAMES, 32, 3), dtype=np.float32)
    # where Human3.6M's 17 stand among the 32 that were recorded
    world[:, [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]] = (
        take().world / 1000
    )
    filmed = film(take(), h36m_cameras.cameras("S1"))
    seen = [np.concatenate([clip.keypoints, clip.keypoints[-1:]]) for clip in filmed]
    sides = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
    np.savez_compressed(
        folder / "data_3d_h36m.npz", positions_3d=_object({"S1": {"Walking 1": world}})
    )
    np.savez_compressed(
        folder / "data_2d_h36m_gt.npz",
        positions_2d=_object({"S1": {"Walking 1": seen}}),
        metadata=_object(
            {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": sides}
        ),
    )
    return f"h36m-npz:{folder}"


def h36m_pkl(folder: Path) -> str:
    """MotionBERT's pickle: one training video and one for testing."""
    # a quarter of a millimetre to the pixel, and the depth (y of the world) last
    image = take().world[:, :, [0, 2, 1]] / 4 + 500
    found = {
        "joint_2d": image[..., :2].astype(np.float32),
        "confidence": np.ones((FRAMES, 17, 1), np.float32),
        "joint3d_image": image,
        "camera_name": np.array(["54138969"] * FRAMES),
        "source": ["s_01_act_02_subact_01_ca_01"] * FRAMES,
        "action": np.array(["Walking"] * FRAMES),
    }
    more = {
        "source": ["s_09_act_02_subact_01_ca_01"] * FRAMES,
        "joints_2.5d_image": 4 * image,
        "2.5d_factor": np.full(FRAMES, 4.0),
    }
    (folder / "h36m.pkl").write_bytes(
        pickle.dumps({"train": found, "test": {**found, **more}})
    )
    return f"h36m-pkl:{folder / 'h36m.pkl'}"


def dhp_npz(folder: Path) -> str:
    """P-STMO's two archives of MPI-INF-3DHP."""
    pixels, pose = _dhp()
    camera = {"data_2d": pixels[:, PICKS], "data_3d": pose[:, PICKS]}
    # the eight cameras that are read, all of one picture
    train = {
        "S1 Seq1": [{str(number): camera for number in (0, 1, 2, 4, 5, 6, 7, 8)}, 25]
    }
    np.savez_compressed(folder / "data_train_3dhp.npz", data=_object(train))
    np.savez_compressed(
        folder / "data_test_3dhp.npz",
        data=_object({"TS1": {**camera, "valid": np.ones(FRAMES)}}),
    )
    return f"3dhp:{folder}"


def dhp_tree(folder: Path) -> str:
    """MPI-INF-3DHP as published, the test set's file in MATLAB's older format."""
    pixels, pose = _dhp()
    cells = {
        name: np.empty((14, 1), dtype=object)
        for name in ("annot2", "annot3", "univ_annot3")
    }
    # fourteen cameras were there, and eight of them are read
    for name, cell in cells.items():
        cell[:, 0] = [(pixels if name == "annot2" else pose).reshape(FRAMES, -1)] * 14
    test = {
        "annot2": pixels[:, PICKS].T[:, :, None],
        "valid_frame": np.ones((1, FRAMES), np.uint8),
    }
    poses = dict.fromkeys(
        ("annot3", "univ_annot3"), pose[:, PICKS].transpose(2, 1, 0)[:, :, None]
    )
    for name, content in (
        ("S1/Seq1/annot.mat", cells),
        ("TS1/annot_data.mat", {**test, **poses}),
    ):
        (folder / name).parent.mkdir(parents=True)
        savemat(folder / name, content, do_compression=name.startswith("S1"))
    return f"3dhp:{folder}"


def _dhp() -> tuple[np.ndarray, np.ndarray]:
    """28 joints (FRAMES, 28, 2) px and (FRAMES, 28, 3) mm of one camera."""
    pose = walk(frames=FRAMES)
    # focal length 1500 px, centre in the middle of 2048
    return pose[..., :2] / pose[..., 2:] * 1500 + 1024, pose


def _object(value: object) -> np.ndarray:
    """An array of shape () that holds the value, as numpy.savez makes of a dictionary."""
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def mmpose(folder: Path) -> str:
    """mmpose's list of pictures of one take, and its pickle of cameras."""
    camera = h36m_cameras.camera("S1", "54138969")
    pose = world_to_camera(camera, take().world)
    seen = np.ones((FRAMES, 17, 1))
    np.savez(
        folder / "h36m.npz",
        imgname=np.array(
            [
                f"S1/S1_Walking_1.54138969/S1_Walking_1.54138969_{frame:06}.jpg"
                for frame in range(1, FRAMES + 1)
            ]
        ),
        center=np.zeros((FRAMES, 2)),
        scale=np.ones(FRAMES),
        part=np.concatenate([project(camera, pose), seen], axis=-1).astype(np.float32),
        S=np.concatenate([pose / 1000, seen], axis=-1).astype(np.float32),
    )
    parts = {
        "R": camera.rotation.T,
        "T": camera.position[:, None] / 1000,
        "f": camera.focal[:, None],
        "c": camera.centre[:, None],
    }
    # of the two tangential numbers mmpose has the one of y first
    lens = {
        "k": camera.radial[:, None],
        "p": camera.tangential[::-1, None],
        "w": camera.width,
        "h": camera.height,
        "name": "a",
        "id": "0",
    }
    (folder / "cameras.pkl").write_bytes(
        pickle.dumps({("S1", "54138969"): {**parts, **lens}})
    )
    return f"mmpose:{folder / 'h36m.npz'}"


def amass(folder: Path) -> str:
    """An AMASS archive of somebody upright, without a body model."""
    poses = np.zeros((FRAMES, 156))
    poses[:, 0] = np.pi / 2  # turns the model's y up to the world's z
    content = {
        "trans": np.ones((FRAMES, 3)),
        "betas": np.zeros(16),
        "dmpls": np.zeros((FRAMES, 8)),
        "gender": np.array("male"),
    }
    # data set and subject are folders
    (folder / "ACCAD" / "Male1").mkdir(parents=True)
    np.savez(
        folder / "ACCAD" / "Male1" / "walk_poses.npz",
        poses=poses,
        mocap_framerate=np.float64(120),
        **content,
    )
    return f"amass:{folder}"


def amass_model(folder: Path) -> str:
    """The same with a body model of few vertices, in the layout of SMPL-H's model.npz."""
    draw = np.random.default_rng(0)
    vertices, joints = 24, 52
    # the root's parent is -1, which an unsigned table holds as 2^32 - 1; 15 joints of each hand
    parents = [
        *(parent % 2**32 for parent in AMASS22.parents),
        *([20] * 15),
        *([21] * 15),
    ]
    weights, regressor = (
        draw.uniform(size=(vertices, joints)),
        draw.uniform(size=(joints, vertices)) ** 4,
    )
    place = folder / "body_models" / "smplh" / "male"
    place.mkdir(parents=True)
    np.savez(
        place / "model.npz",
        v_template=draw.normal(size=(vertices, 3)),
        shapedirs=draw.normal(size=(vertices, 3, 16)) / 10,
        posedirs=draw.normal(size=(vertices, 3, 459)) / 100,
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        weights=weights / weights.sum(axis=1, keepdims=True),
        kintree_table=np.array([parents, range(joints)], np.uint32),
        f=np.zeros((3, 3), np.uint32),
        bs_type=_object({"style": "lbs"}),
    )
    np.save(
        folder / "body_models" / "J_regressor_h36m.npy",
        draw.dirichlet(np.ones(vertices), 17),
    )
    return amass(folder)


BUILDERS: dict[str, Callable[[Path], str]] = {
    "bvh": bvh,
    "cache": cached,
    "h36m-coco": h36m_coco,
    "h36m-npz": h36m_npz,
    "h36m-pkl": h36m_pkl,
    "3dhp, npz": dhp_npz,
    "3dhp, mat": dhp_tree,
    "mmpose": mmpose,
    "amass": amass,
    "amass, model": amass_model,
    **KEYPOINTS,
}
