"""Surfaces as OBJ: read back as they went in, and sound to a library of meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data.geometry.skinning import Skin
from bench.evaluation import files
from bench.evaluation.files import obj
from models.human import human
from models.human.rings import JOINTS

Array = np.ndarray
MESH = human(2)


def walking() -> Array:
    """(2, V, 3) mm, y down as a camera has it."""
    poses = np.stack([MESH.joints, MESH.joints * (1, 1, 0.9)])
    upright = Skin(MESH, JOINTS).posed(poses) * 1000
    return upright[..., [0, 2, 1]] * np.float32([1, -1, 1])


def read(path: Path) -> tuple[Array, Array]:
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = [row[1:] for row in rows if row[0] == "v"]
    faces = [row[1:] for row in rows if row[0] == "f"]
    return np.array(vertices, float), np.array(faces, int) - 1


def test_one_frame_is_one_file_in_metres_with_y_up(tmp_path: Path) -> None:
    path, frame = tmp_path / "body.obj", walking()[:1]
    assert files.surfaced(path)
    files.write(path, {"a/b": frame}, {"faces": MESH.faces})
    vertices, faces = read(path)
    np.testing.assert_allclose(1000 * vertices, frame[0] * (1, -1, -1), atol=1e-3)
    np.testing.assert_array_equal(faces, MESH.faces)


def test_several_frames_are_a_folder_for_each_clip(tmp_path: Path) -> None:
    path, frames = tmp_path / "walk.obj", walking()
    clips = {"../up/one": frames, "two/cam": frames[:1]}
    files.write(path, clips, {"faces": MESH.faces})
    names = sorted(str(each.relative_to(path)) for each in path.rglob("*.obj"))
    assert names == [
        "001-..-up-one/000000.obj",
        "001-..-up-one/000001.obj",
        "002-two-cam/000000.obj",
    ]
    assert (read(path / names[1])[0] != read(path / names[0])[0]).any()


def test_the_first_lines_say_what_it_is(tmp_path: Path) -> None:
    path, frames = tmp_path / "walk.obj", walking()
    about = {"faces": MESH.faces, "surface": "somebody's", "model": "m", "every": 5}
    files.write(path, {"a\nv 1 2 3/b": frames}, about)
    first, second = sorted(path.rglob("*.obj"))
    assert second.name == "000005.obj", "as the clip counts its frames"
    assert second.read_text().splitlines()[:3] == [
        "# surface: somebody's; metres, y up",
        "# model m",
        r"# clip a\nv 1 2 3/b, frame 5",
    ]
    # no line of the name's is one of the mesh
    assert len(read(first)[0]) == len(MESH.vertices)


def test_a_library_of_meshes_finds_it_sound(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    for number, vertices in enumerate((MESH.vertices, walking()[1] / 1000)):
        path = tmp_path / f"{number}.obj"
        path.write_text(obj.text(vertices, MESH.faces))
        found = trimesh.load(path, process=False)
        assert found.is_watertight
        assert found.is_winding_consistent
        assert found.body_count == 1
        assert found.euler_number == 2
        assert 0.04 < abs(found.volume) < 0.1
    # at rest faces look outwards
    path.write_text(obj.text(MESH.vertices, MESH.faces))
    assert trimesh.load(path, process=False).volume > 0
