"""Pictures that others made: crops of them, and one line for each that is not as it was stated."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.data.pictures import files
from models.errors import BadInput
from tests.data.test_h36m_coco import data, load, write

STATED = (100, 80)  # width and height
SIZE = (4, 6)  # height and width


def picture(path: Path, size: tuple[int, int] = STATED) -> str:
    """Red grows to the right and green downwards."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[..., 0] = np.arange(size[0])
    pixels[..., 1] = np.arange(size[1])[:, None]
    Image.fromarray(pixels).save(path, quality=95)
    return str(path)


def crop(path: str, box: list[float]) -> np.ndarray:
    return files.crop(path, np.array(box), SIZE, STATED)


def test_a_crop_by_hand(tmp_path: Path) -> None:
    found = crop(picture(tmp_path / "a.png"), [50, 40, 12, 8])
    assert (found.shape, found.dtype) == ((3, *SIZE), np.uint8)
    # from 44 to 56 in six pixels of two, whose middles are halfway between two columns
    np.testing.assert_allclose(
        found[0], [[44.5, 46.5, 48.5, 50.5, 52.5, 54.5]] * 4, atol=1
    )
    np.testing.assert_allclose(found[1, :, 0], [36.5, 38.5, 40.5, 42.5], atol=1)
    assert (found[2] == 0).all()


def test_beyond_the_picture_it_is_black(tmp_path: Path) -> None:
    found = crop(picture(tmp_path / "a.png"), [0, 40, 60, 40])
    # 30 pixels to the left of the picture are the left half
    assert (found[:, :, :3] == 0).all()
    assert (found[1, :, 3:] > 0).all()


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA"])
def test_other_colours_become_three(tmp_path: Path, mode: str) -> None:
    end = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, STATED).save(tmp_path / f"a.{end}")
    assert crop(str(tmp_path / f"a.{end}"), [50, 40, 12, 8]).shape == (3, *SIZE)


def chunk(kind: bytes, content: bytes) -> bytes:
    end = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + end


def bomb(path: Path) -> None:
    """A picture of 10 gigapixels in some hundred bytes."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def large(path: Path) -> None:
    """Of which Pillow only warns."""
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def truncated(path: Path) -> None:
    whole = path.with_name("whole.jpg")
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    path.write_bytes(whole.read_bytes()[:-2000])


def half_a_png(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(noise).save(path, "png")
    path.write_bytes(path.read_bytes()[:-9000])


def script(path: Path) -> None:
    """A format whose reader would start another program."""
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 80\n")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, r"cannot be read \(No such file"),
    "a folder": (Path.mkdir, r"cannot be read \(a folder"),
    "a pipe": (os.mkfifo, r"cannot be read \(a pipe"),
    "empty": (Path.touch, "cannot be read as JPEG, PNG or WEBP"),
    "a script": (script, "cannot be read as JPEG, PNG or WEBP"),
    "truncated": (truncated, r"truncated"),
    "half a png": (half_a_png, r"truncated or damaged"),
    "another size": (
        lambda path: Image.new("RGB", (99, 80)).save(path, "png"),
        "99 x 80 pixels, and the list of images says 100 x 80",
    ),
    "a bomb": (bomb, "more than .* pixels, of which a small file"),
    "larger than Pillow warns of": (large, "more than .* pixels"),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_line_for_what_is_wrong(tmp_path: Path, what: str) -> None:
    make, due = WRONG[what]
    path = tmp_path / "picture"
    make(path)
    for ask in (
        lambda: files.check(str(path), STATED),
        lambda: crop(str(path), [50, 40, 12, 8]),
    ):
        with pytest.raises(BadInput, match=due) as caught:
            ask()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_whole_picture_is_not_decoded_to_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_decoded", None)
    for name in ("a.jpg", "b.png"):
        files.check(picture(tmp_path / name), STATED)


def pictured(folder: Path, **changes: Any) -> Path:
    """H36M's lists with a folder of pictures; a key of `changes` is of the second picture."""
    content = data()
    content["images"][1] |= {
        key: value for key, value in changes.items() if key != "bbox"
    }
    if "bbox" in changes:
        content["annotations"][1]["bbox"] = changes["bbox"]
    write(folder, data=content)
    (folder / "images").mkdir()
    return folder


def test_clips_know_their_pictures_and_boxes(tmp_path: Path) -> None:
    first, second = load(pictured(tmp_path, bbox=[1, 2, 30, 40]))
    assert first.pictures is not None
    assert first.boxes is not None
    inside = tmp_path / "images" / "s_09"
    assert first.pictures == (str(inside / "0.jpg"), str(inside / "1.jpg"))
    assert second.pictures == (str(inside / "2.jpg"), str(inside / "3.jpg"))
    np.testing.assert_array_equal(first.boxes, [[0, 0, 10, 10], [1, 2, 30, 40]])


def test_without_a_box_of_each_all_are_of_keypoints(tmp_path: Path) -> None:
    content = data()
    del content["annotations"][1]["bbox"]
    write(tmp_path / "annotations", data=content)
    (tmp_path / "images").mkdir()
    first, second = load(tmp_path)
    assert first.pictures
    assert first.boxes is None
    assert second.boxes is not None


def test_without_a_folder_of_pictures_names_and_boxes_are_not_looked_at(
    tmp_path: Path,
) -> None:
    content = data()
    content["images"][0]["file_name"] = "/etc/passwd"
    content["annotations"][0]["bbox"] = "no box"
    for clip in load(write(tmp_path, data=content)):
        assert (clip.pictures, clip.boxes) == (None, None)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"file_name": "/etc/passwd"}, "image 1: file_name /etc/passwd leads out of"),
        ({"file_name": "a/../../b.jpg"}, "leads out of"),
        ({"file_name": "..\\b.jpg"}, "leads out of"),
        ({"file_name": "C:\\b.jpg"}, "leads out of"),
        ({"file_name": 7}, "file_name 7 came"),
        ({"file_name": ""}, "file_name '' came"),
        ({"file_name": "a\0b"}, "the name of a picture in"),
        ({"file_name": "a" * 5000}, "the name of a picture in"),
        (
            {"bbox": [1000, 0, 5, 5]},
            "annotation 1, bbox: .* outside the picture of 1000",
        ),
        ({"bbox": [-9, -9, 5, 5]}, "outside the picture"),
        ({"bbox": [0, 0, 0, 5]}, "both above 0"),
        ({"bbox": [0, 0, 5, -1]}, "both above 0"),
        ({"bbox": [0, 0, 5]}, r"shape \(3,\) came"),
        ({"bbox": [0, 0, float("nan"), 5]}, "is not finite"),
        ({"bbox": None}, "bbox"),
    ],
)
def test_a_list_that_is_wrong(tmp_path: Path, change: dict[str, Any], due: str) -> None:
    folder = pictured(tmp_path, **change)
    with pytest.raises(BadInput, match=due) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_second_person_in_a_picture(tmp_path: Path) -> None:
    content = data()
    content["annotations"].append({"id": 9, "image_id": 1, "bbox": [0, 0, 9, 9]})
    write(tmp_path, data=content)
    (tmp_path / "images").mkdir()
    with pytest.raises(BadInput, match="a second person in picture 1"):
        load(tmp_path)


def test_files_are_found_from_wherever_a_process_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictured(tmp_path)
    monkeypatch.chdir(tmp_path)
    clip = load(Path("."))[0]
    assert clip.pictures is not None
    assert clip.pictures[0] == str(tmp_path / "images" / "s_09" / "0.jpg")
