"""Pictures that others made: crops of them, and one line for each that is not as it was stated."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
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
    """Red grows by 2 to the right and green by 2 downwards."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[..., 0] = 2 * np.arange(size[0])
    pixels[..., 1] = 2 * np.arange(size[1])[:, None]
    Image.fromarray(pixels).save(path, quality=95)
    return str(path)


def crop(path: str, box: list[float]) -> np.ndarray:
    return files.crop(path, np.array(box), SIZE, STATED)


def test_a_crop_by_hand(tmp_path: Path) -> None:
    found = crop(picture(tmp_path / "a.png"), [50, 40, 12, 8])
    assert (found.shape, found.dtype) == ((3, *SIZE), np.uint8)
    # from 44 to 56 in six pixels of two, whose middles are halfway between two columns: to
    # the unit, as a crop that is half a pixel off is off by one
    assert found[0].tolist() == [[89, 93, 97, 101, 105, 109]] * 4
    assert found[1, :, 0].tolist() == [73, 77, 81, 85]
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


@pytest.mark.parametrize("end", ["png", "jpg", "webp"])
def test_a_whole_file_of_each_format_is_taken(tmp_path: Path, end: str) -> None:
    """Every bottom row is read, of colours in full and in half size, in one scan and in many."""
    options: list[dict[str, Any]] = [{}]
    if end == "jpg":
        options = [
            {"progressive": many, "subsampling": s} for many in (0, 1) for s in (0, 2)
        ]
        options += [{"restart_marker_blocks": 2}, {"exif": with_preview()}]
        # as phones write them
        options += [
            {
                "format": "mpo",
                "save_all": True,
                "append_images": [Image.new("L", (9, 9))],
            }
        ]
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    for number, each in enumerate(options):
        path = tmp_path / f"{number}.{end}"
        Image.fromarray(noise).save(path, **each)
        files.check(str(path), STATED)


def with_preview() -> bytes:
    """EXIF in which another JPEG lies, with an end of its own."""
    inner = BytesIO()
    Image.new("RGB", (16, 16)).save(inner, "jpeg")
    exif = Image.Exif()
    exif[0x927C] = inner.getvalue()
    return exif.tobytes()


def test_sixteen_bits_of_grey_are_scaled(tmp_path: Path) -> None:
    grey = np.full((80, 100), 0x4000, np.uint16)
    grey[:, 50:] = 0xC0FF
    Image.fromarray(grey).save(tmp_path / "a.png")
    found = crop(str(tmp_path / "a.png"), [50, 40, 12, 8])
    assert found[:, 0].tolist() == [[0x40, 0x40, 0x40, 0xC0, 0xC0, 0xC0]] * 3


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


def ended(path: Path, as_phones: bool = False, **how: Any) -> None:
    """A JPEG without its lower half that has an end again."""
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    if as_phones:
        preview = [Image.new("L", (9, 9))]
        how = {"save_all": True, "append_images": preview, "exif": with_preview()}
    Image.fromarray(noise).save(path, "mpo" if as_phones else "jpeg", **how)
    content = path.read_bytes()
    cut = len(content) // 2
    path.write_bytes(content[:cut] + b"\xff\xd9" + content[cut + 2000 :] * as_phones)


def turned(path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", STATED).save(path, kind, exif=exif)


def moving(path: Path, kind: str) -> None:
    frames = [Image.new("RGB", STATED, colour) for colour in ("red", "blue")]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:])


def half_a_png(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(noise).save(path, "png")
    path.write_bytes(path.read_bytes()[:-9000])


def script(path: Path) -> None:
    """A format whose reader would start another program."""
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 80\n")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, r"no such file"),
    "a folder": (Path.mkdir, r"cannot be read \(a folder"),
    "a pipe": (os.mkfifo, r"cannot be read \(a pipe"),
    "empty": (Path.touch, "cannot be read as JPEG, PNG or WEBP"),
    "a script": (script, "cannot be read as JPEG, PNG or WEBP"),
    "truncated": (truncated, r"truncated"),
    "ended in JPEG's place": (ended, "ends within the picture.*truncated or damaged"),
    "of a phone, with an end": (
        lambda path: ended(path, as_phones=True),
        "ends within the picture",
    ),
    "of many scans": (lambda path: ended(path, progressive=True), "ends within"),
    **{
        f"turned {kind}": (partial(turned, kind=kind), "stored turned .*orientation 6")
        for kind in ("jpeg", "png", "webp")
    },
    **{
        f"moving {kind}": (partial(moving, kind=kind), "2 pictures in one file; a file")
        for kind in ("png", "webp")
    },
    **{
        kind: (
            partial(Image.new("RGB", STATED).save, format=kind),
            "cannot be read as JPEG, PNG or WEBP, the formats that are read; save it as",
        )
        for kind in ("gif", "bmp", "tiff")
    },
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
    asked = [lambda: files.check(str(path), STATED)]
    # what a decoder makes up is found before a run, and not in every crop
    if "ends within" not in due:
        asked.append(lambda: crop(str(path), [50, 40, 12, 8]))
    for ask in asked:
        with pytest.raises(BadInput, match=due) as caught:
            ask()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


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
        (
            {"file_name": "."},
            "file_name '.' is the folder itself; the name of a picture",
        ),
        ({"file_name": ".//./"}, "is the folder itself"),
        (
            {"file_name": "a\nb.jpg"},
            r"file_name 'a\\nb.jpg' came; the name of a picture in",
        ),
        ({"file_name": "a\x1b[0m.jpg"}, "the name of a picture in"),
        ({"file_name": "a\u2028b.jpg"}, "the name of a picture in"),
        ({"file_name": "a\ud800.jpg"}, "the name of a picture in"),
        ({"file_name": "s_09/0.jpg"}, "images: file_name .*s_09/0.jpg is of 2 frames"),
        ({"id": 0}, "images: id 0 is of 2 frames; one each was due"),
        ({"id": True}, "image 1: True came; a whole number was due"),
        ({"file_name": 7}, "file_name 7 came"),
        ({"file_name": ""}, "file_name '' came"),
        ({"file_name": "a\0b"}, "the name of a picture in"),
        ({"file_name": "a" * 5000}, "the name of a picture in"),
        (
            {"bbox": [1000, 0, 5, 5]},
            "annotation 1, bbox: .* outside the picture of 1000",
        ),
        ({"bbox": [-9, -9, 5, 5]}, "outside the picture"),
        ({"bbox": [0, 0, 0, 5]}, "both of at least 1 were due"),
        ({"bbox": [0, 0, 5, -1]}, "both of at least 1 were due"),
        ({"bbox": [0, 0, 0.001, 5]}, "annotation 1, bbox: 0.001 x 5 pixels"),
        ({"bbox": [0, 0, 1e-300, 5]}, "annotation 1, bbox: 1e-300 x 5 pixels"),
        ({"bbox": [999.5, 0, 50, 50]}, "outside the picture of 1000 x 1002"),
        ({"bbox": [1e8, 1e8, 50, 50]}, "outside the picture"),
        ({"bbox": [-5e7, -5e7, 1e8, 1e8]}, r"1e\+08 x 1e\+08 pixels, of a picture of"),
        ({"bbox": [True, 0, 5, 5]}, "annotation 1, bbox: true or false came"),
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


def test_an_annotation_of_no_picture(tmp_path: Path) -> None:
    """Without its box, all others of the take would be those of keypoints."""
    content = data(keypoints=True)
    content["annotations"][1]["image_id"] = 77
    write(tmp_path, data=content)
    with pytest.raises(BadInput, match="annotation 1: image_id 77 is of no picture"):
        load(tmp_path)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    folder = pictured(tmp_path / "data", file_name="s_09/link.jpg")
    inside, outside = folder / "images" / "s_09", tmp_path / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    (inside / "link.jpg").symlink_to("1.jpg")
    assert load(folder)[0].pictures, "one within the folder is"
    (inside / "link.jpg").unlink()
    (inside / "link.jpg").symlink_to(outside / "1.jpg")
    with pytest.raises(BadInput, match="image 1: file_name s_09/link.jpg leads out of"):
        load(folder)
    other = pictured(tmp_path / "other")
    (other / "images" / "s_09").symlink_to(outside)
    with pytest.raises(BadInput, match="image 0: file_name s_09/0.jpg leads out of"):
        load(other)
    # the folder of pictures itself may lie elsewhere, as its owner has put it there
    third = write(tmp_path / "third", data=data())
    (third / "images").symlink_to(outside)
    assert load(third)[0].pictures


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
