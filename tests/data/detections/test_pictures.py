"""Pictures by their names: natural order, one video or several, and frames that lack."""

from __future__ import annotations

import random

import pytest

from bench.data.detections import pictures
from bench.data.detections.names import Name

# in their order, of one video, none of which lacks
ORDERS: dict[str, list[Name]] = {
    "a second number": ["f8_1080p.jpg", "f9_1080p.jpg", "f10_1080p.jpg"],
    "numbers": [8, 9, 10, 11],
    "zeros before": ["0008.jpg", "0009.jpg", "0010.jpg"],
    "every tenth": [0, 10, 20, 30],
    "decimals": ["t0.0.jpg", "t0.25.jpg", "t0.5.jpg", "t0.75.jpg", "t1.0.jpg"],
    "counted behind a dot": [f"take1.{number}.jpg" for number in range(8, 12)],
    "clock": ["10-59-58.png", "10-59-59.png", "11-00-00.png", "11-00-01.png"],
    "clock of colons": ["9:59:59.jpg", "10:00:00.jpg", "10:00:01.jpg"],
    "clock with letters": ["9h59m58s.jpg", "9h59m59s.jpg", "10h00m00s.jpg"],
    "clock at midnight": ["2023-12-31_23-59-59.jpg", "2024-01-01_00-00-00.jpg"],
    "a phone's clock": ["20240101_105958.jpg", "20240101_105959.jpg"]
    + ["20240101_110000.jpg"],
    "days": ["2024-01-31.jpg", "2024-02-01.jpg", "2024-02-02.jpg"],
    "numbered by endings": [f"walk.f{number}" for number in range(8, 14)],
    "frames of a clip": [f"clip_{number}.jpg" for number in range(8, 14)],
    "other endings": ["1.jpg", "2.png", "3.JPEG"],
    "folders": ["a/2/9.jpg", "a/2/10.jpg"],
    "folders of another system": ["a\\9.jpg", "a\\10.jpg"],
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_whole_name_is_in_natural_order(case: str) -> None:
    due = ORDERS[case]
    shuffled = list(due)
    random.Random(case).shuffle(shuffled)
    (strip,) = pictures.strips(shuffled)
    assert strip.pictures == due
    assert pictures.UNEVEN not in strip.notes


# names, and which there are by video
VIDEOS: dict[str, tuple[list[Name], dict[str, int]]] = {
    "folders": (["left/0.jpg", "left/1.jpg", "right/0.jpg"], {"left": 2, "right": 1}),
    "words before": (["cam_a-1.jpg", "cam_b-1.jpg"], {"cam_a": 1, "cam_b": 1}),
    "words behind": (["1_left.jpg", "1_right.jpg"], {"left": 1, "right": 1}),
    "a number before": (
        [f"cam{cam}_{frame:04}.jpg" for cam in (1, 2) for frame in range(3)],
        {"cam1": 3, "cam2": 3},
    ),
    "numbered folders": (
        [f"{video}/{frame}.jpg" for video in (1, 2, 10) for frame in range(20)],
        {"1": 20, "2": 20, "10": 20},
    ),
}


@pytest.mark.parametrize("case", VIDEOS)
def test_videos_are_told_apart(case: str) -> None:
    names, due = VIDEOS[case]
    found = pictures.strips(names)
    assert [strip.label for strip in found] == list(due)
    assert [len(strip.pictures) for strip in found] == list(due.values())


def made(text: str, videos: int, frames: int) -> dict[str, int]:
    """How many pictures there are due by video, the numbers from 1."""
    return {text.format(video): frames for video in range(1, videos + 1)}


# more videos than frames: how names are written, and what is left of them in a label
MANY = {
    "folders": ("clip_{v:03}/frame_{f:02}.jpg", "clip_{:03}/frame"),
    "nothing but the folder": ("frames{v}/{f}.jpg", "frames{}"),
    "behind a dot": ("take{v}.{f}.png", "take{}"),
    "NTU's": ("S{v:03}C001P001R001A001_{f}.jpg", "S{:03}C001P001R001A001"),
    "zeros behind img": ("img_{v}_{f:03}.jpg", "img_{}"),
    "folders without words": ("{v}/{f}.jpg", "{}"),
    "a folder for each frame": ("frame{f}/cam{v}.jpg", "frame/cam{}"),
    "a camera behind": ("f{f:04}_cam{v}.jpg", "f_cam{}"),
    "a camera behind, in capitals": ("IMG{f}-CAM{v}.png", "IMG-CAM{}"),
    "a camera in camel case": ("walkFrame{f}View{v}.png", "walkFrameView{}"),
    "a video before": ("vid{v}_{f:012}", "vid{}"),
    "a video behind": ("{f}_clip{v}.png", "clip{}"),
    "a day before": ("IMG_2024-01-0{v}_{f}.jpg", "IMG_2024-01-0{}"),
    "zeros": ("S1_{v}_{f:03}.jpg", "S1_{}"),
    "zeros first": ("{f:03}_{v}.jpg", "{}"),
    "nothing but the order": ("S1_{v}_{f}.jpg", "S1_{}"),
}


@pytest.mark.parametrize("case", MANY)
def test_more_videos_than_frames(case: str) -> None:
    name, label = MANY[case]
    due = made(label, videos=9, frames=6)
    names: list[Name] = [
        name.format(v=video, f=frame) for video in range(1, 10) for frame in range(1, 7)
    ]
    found = pictures.strips(names)
    assert {strip.label: len(strip.pictures) for strip in found} == due
    # what words and folders tell is no guess
    guesses = {note for strip in found for note in strip.notes}
    assert len(guesses) == (case.startswith(("zeros", "nothing")))
    assert all("videos 9, pictures 6 to 6 each" in note for note in guesses)


def test_the_number_that_counts_without_gaps_is_the_frames() -> None:
    # takes behind the frame, of many lengths
    names: list[Name] = [f"{f}-{v}" for v in range(5) for f in range(6 * (v + 1))]
    found = pictures.strips(names)
    assert [len(strip.pictures) for strip in found] == [6, 12, 18, 24, 30]
    # every tenth frame is no gap
    names = [f"{v}-{f}" for v in range(5) for f in range(0, 60, 10)]
    assert [len(strip.pictures) for strip in pictures.strips(names)] == [6] * 5


def test_what_may_be_decimals_is_said() -> None:
    names: list[Name] = [f"walk{v}.{f}.png" for v in range(9) for f in range(10)]
    (strip,) = pictures.strips(names)
    assert any(
        "decimals, as times are: 1 videos, not 9" in note for note in strip.notes
    )
    named: list[Name] = [f"walk{v}.frame{f}.png" for v in range(9) for f in range(10)]
    assert [len(strip.pictures) for strip in pictures.strips(named)] == [10] * 9


def test_cameras_of_one_moment_are_said() -> None:
    (strip,) = pictures.strips([f"12_cam{camera}.jpg" for camera in range(8)])
    assert any("videos 1, pictures 8 to 8" in note for note in strip.notes)
    named = pictures.strips([f"frame12_cam{camera}.jpg" for camera in range(8)])
    assert [len(strip.pictures) for strip in named] == [1] * 8


def test_cameras_are_parted_where_no_number_is_a_frame() -> None:
    # two numbers go together
    names: list[Name] = [f"cam{c}_{f}_{33 * f + 7}" for c in (1, 2) for f in range(9)]
    found = pictures.strips(names)
    assert [len(strip.pictures) for strip in found] == [9, 9]
    assert all(pictures.UNEVEN in strip.notes for strip in found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([0, 10, 20, 30], "go up by 10 each"),
        (["0000.jpg", "0002.jpg", "0004.jpg", "0008.jpg"], "go up by 2 each"),
        (["t0.0.jpg", "t0.25.jpg", "t0.5.jpg"], "go up by 0.25 each"),
        (["10-59-58.png", "10-59-59.png"], "go up by 1 s each"),
        ([8, 9, 10], ""),
        ([8], ""),
    ],
)
def test_the_step_is_said(names: list[Name], said: str) -> None:
    (strip,) = pictures.strips(names)
    assert [said in note for note in strip.notes] == [True] * bool(said)


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        ([0, 1, 2, 7, 8, 9], 4),
        ([0, 10, 20, 40], 1),
        (["0.jpg", "1.jpg", "4.jpg"], 2),
        (["t0.00.jpg", "t0.04.jpg", "t0.12.jpg"], 1),
        (["10-59-58.jpg", "10-59-59.jpg", "11-00-01.jpg"], 1),
        (["a/1.jpg", "a/3.jpg", "a/4.jpg", "b/1.jpg", "b/2.jpg"], 1),
    ],
)
def test_a_number_that_lacks_is_a_frame(names: list[Name], lacking: int) -> None:
    found = pictures.strips(names)
    frames = [name for strip in found for name in strip.pictures]
    assert frames.count(None) == lacking
    assert [name for name in frames if name is not None] == names


@pytest.mark.parametrize(
    "names",
    [
        [139, 285, 632, 581781],  # COCO's numbers of photographs
        ["a.jpg", "b.jpg"],
        ["0001_93.jpg", "0002_87.jpg", "0003_91.jpg"],  # a score in the name
    ],
)
def test_numbers_that_count_no_frames_are_said(names: list[Name]) -> None:
    (strip,) = pictures.strips(names)
    assert strip.pictures == names
    assert strip.notes == (pictures.UNEVEN,)
