"""Pictures by their names: natural order, one video or several, and frames that lack."""

from __future__ import annotations

import random

import pytest

from bench.data.detections import pictures

# in their order, of one video, none of which lacks
ORDERS: dict[str, list[pictures.Name]] = {
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
    assert strip.notes == ()


# names, and which there are by video
VIDEOS: dict[str, tuple[list[pictures.Name], dict[str, int]]] = {
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
def test_a_number_that_lacks_is_a_frame(
    names: list[pictures.Name], lacking: int
) -> None:
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
def test_numbers_that_count_no_frames_are_said(names: list[pictures.Name]) -> None:
    (strip,) = pictures.strips(names)
    assert strip.pictures == names
    assert strip.notes == (pictures.UNEVEN,)
