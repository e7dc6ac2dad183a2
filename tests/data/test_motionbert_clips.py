"""MotionBERT's folders of cut clips: keypoints in pixels, and why there are no poses."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data.readers import h36m_pkl
from models.errors import BadInput

PIXELS = np.random.default_rng(0).uniform(100, 900, (243, 17, 2))
SURE = np.full((243, 17, 1), 0.5)
INPUT = np.concatenate([PIXELS / 500 - 1, SURE], axis=-1).astype(np.float32)
LABEL = np.zeros((243, 17, 3), np.float32)


def write(folder: Path, name: str, seen: object = INPUT, label: object = LABEL) -> None:
    path = folder / "H36M-SH" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({"data_input": seen, "data_label": label}))


def test_each_file_is_a_clip_of_keypoints(tmp_path: Path) -> None:
    write(tmp_path, "train/00000000.pkl")
    write(tmp_path, "train/00000001.pkl")
    write(tmp_path, "test/00000000.pkl", INPUT[..., :2])
    clips = h36m_pkl.load(str(tmp_path / "H36M-SH"))
    names = [clip.name for clip in clips]
    assert names == ["train 00000000", "train 00000001", "test 00000000"]
    for clip in clips:
        np.testing.assert_allclose(clip.keypoints, PIXELS, atol=1e-3)
        assert clip.camera_pose is None
        assert clip.detector == "H36M-SH"
    assert clips[0].confidence.max() == 0.5
    assert clips[2].confidence.min() == 1
    (clip,) = h36m_pkl.load(str(tmp_path / "H36M-SH" / "test"), small=0.1)
    assert clip.frames == 24
    notes = str(data.describe(f"h36m-pkl:{tmp_path / 'H36M-SH'}")["notes"])
    assert "its millimetres were left out" in notes
    assert "taken for 1000 x 1000 px" in notes


@pytest.mark.parametrize(
    ("seen", "label", "message"),
    [
        (None, LABEL, "data_input is None"),
        (PIXELS, LABEL, "data_input is in pixels"),
        (INPUT, LABEL[:9], r"data_label: shape \(9, 17, 3\) came"),
        (INPUT[:, :16], LABEL, r"data_input: shape"),
    ],
)
def test_other_content_is_one_line(
    tmp_path: Path, seen: object, label: object, message: str
) -> None:
    write(tmp_path, "train/00000000.pkl", seen, label)
    with pytest.raises(BadInput, match=message) as caught:
        h36m_pkl.load(str(tmp_path / "H36M-SH"))
    assert "\n" not in str(caught.value)


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a folder came without cut clips"):
        h36m_pkl.load(str(tmp_path))
