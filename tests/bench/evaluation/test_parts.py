"""Which clips a command names, and how many surfaces it may ask for without choosing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.data.clip import Clip
from bench.evaluation import parts
from bench.evaluation.parts import Part
from models.errors import BadInput
from tests.data.small_clips import clip


def some() -> list[Clip]:
    takes = ("walk [1]", "walk 2", "sit")
    return [
        replace(clip(4), name=take, camera_name=camera)
        for take in takes
        for camera in ("left", "right")
    ]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ((), [0, 1, 2, 3, 4, 5]),
        (("sit",), [4, 5]),
        (("sit/left", "walk 2/right"), [3, 4]),
        (("*/left",), [0, 2, 4]),
        (("walk*",), [0, 1, 2, 3]),
        # as it is, though it is a pattern too
        (("walk [1]",), [0, 1]),
        (("*", "sit"), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_clips_by_their_names(asked: tuple[str, ...], due: list[int]) -> None:
    clips = some()
    found = parts.chosen(clips, Part(asked), "bvh:x")
    assert [clips.index(each) for each in found] == due


@pytest.mark.parametrize("asked", ["dance", "left", "Sit", "sit/", "walk\n2"])
def test_a_name_that_fits_none(asked: str) -> None:
    with pytest.raises(
        BadInput, match=r"fits none of the 6 clips of bvh:x.* walk \[1\]/left"
    ):
        parts.chosen(some(), Part(("walk 2", asked)), "bvh:x")


def test_surfaces_are_counted_before_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MOST", 23)
    # as it is asked for, and as JSON brings it
    for whole in (Part(), Part(clips=[])):
        with pytest.raises(
            BadInput, match="x.obj: 24 surfaces of 6 clips, a file each"
        ):
            parts.check_surfaces(some(), whole, "x.obj")
    parts.check_surfaces(some()[:5], Part(), "x.obj")
    # who has chosen knows
    for part in (Part(every=2), Part(("*",))):
        parts.check_surfaces(some(), part, "x.obj")
    for every in (0, -3):
        with pytest.raises(BadInput, match="1 or more"):
            Part(every=every)
