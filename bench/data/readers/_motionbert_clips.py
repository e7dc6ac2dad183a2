"""MotionBERT's folders of cut clips, as its `convert_h36m.py` leaves them.

    MB3D_f243s81/H36M-SH/{train,test}/00000000.pkl
        ->  data_input (frames, 17, 2 or 3) and data_label (frames, 17, 3)

Both are parts of the picture's width, from -1 to 1 across. How many millimetres they are, of whom
and by which camera, was left out when the clips were cut: they are clips without poses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.data.clip import Clip
from bench.data.formats.checks import array, mapping
from bench.data.formats.pickles import load_pickle
from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import uncalibrated
from bench.data.geometry.skeletons import H36M17
from models.errors import BadInput

SPLITS = ("train", "test")
JOINTS = len(H36M17.joints)
WIDTH, HEIGHT = 1000, 1000  # two of the four cameras' pictures are two pixels higher
WIDEST = 10.0  # of the picture: what is beyond was never divided by its width

NO_POSES = (
    "no poses: data_label is in parts of the picture, and its millimetres were left out when"
    " the clips were cut; take MotionBERT's h36m_*.pkl file"
)
GUESSED = f"the picture is taken for {WIDTH} x {HEIGHT} px"


def load(folder: Path) -> list[Clip]:
    """A clip for each file of train and test, or of the folder itself.

    Raises BadInput for no files, and for files of another content, clips without keypoints among
    them.
    """
    splits = [split for split in SPLITS if (folder / split).is_dir()]
    clips = [
        _clip(path, split)
        for split in splits or [""]
        for path in sorted((folder / split).glob("[0-9]*.pkl"))
    ]
    if not clips:
        raise BadInput(
            f"h36m-pkl:{folder}: a folder came without cut clips (00000000.pkl) in it, in"
            " train or in test; give the path of MotionBERT's h36m_*.pkl file"
        )
    return clips


def _clip(path: Path, split: str) -> Clip:
    content = mapping(load_pickle(path), str(path), "data_input", "data_label")
    seen = content["data_input"]
    if seen is None:
        raise BadInput(
            f"{path}: data_input is None, as in the clips of AMASS; take amass: for these"
        )
    channels = 2 if getattr(seen, "shape", ())[2:] == (2,) else 3
    found = array(seen, (-1, JOINTS, channels), f"{path}: data_input")
    # not used, and looked at all the same: a file of another content is refused
    array(content["data_label"], (len(found), JOINTS, 3), f"{path}: data_label")
    if np.abs(found[..., :2]).max(initial=0.0) > WIDEST:
        raise BadInput(f"{path}: data_input is in pixels; parts of the width were due")
    sure = found[..., 2] if channels == 3 else np.ones(found.shape[:2])
    pixels = (found[..., :2] + [1, HEIGHT / WIDTH]) * (WIDTH / 2)
    return Clip(
        name=f"{split} {path.stem}".strip(),
        subject="",
        action=split,
        style="",
        camera_name="camera",
        fps=h36m_cameras.FPS,
        skeleton=H36M17,
        keypoints=pixels.astype(np.float32),
        confidence=sure.clip(0, 1).astype(np.float32),
        camera_pose=None,
        world_pose=None,
        camera=uncalibrated(WIDTH, HEIGHT),
        notes=(NO_POSES, GUESSED),
        # of the folder that is called after it, as H36M-SH
        detector=path.parent.parent.name if split else path.parent.name,
    )
