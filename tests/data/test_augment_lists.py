"""Lists of steps: what may stand in them, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.data import augment
from bench.data.augment import parse
from models.errors import BadInput


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"flip": {}}, "steps: a list was due, keys and values came"),
        (["flop"], "unknown augmentation step 'flop': did you mean flip"),
        ([3], "step 1: .* was due, 3 came"),
        ([{"flip": {}, "rotate": {}}], "step 1: 'name' or"),
        ([{"rotate": 30}], "step 1, rotate: options by name were due, 30 came"),
        (
            ["flip", {"rotate": {"degree": 30}}],
            "step 2, rotate: no option 'degree'; it takes degrees",
        ),
        ([{"flip": {"x": 1}}], "flip: no option 'x'; it takes none"),
        (["resample"], "step 1, resample: option fps is missing"),
        (
            [{"resample": {"fps": 0}}],
            "step 1, resample: fps: .*greater than 0, got 0",
        ),
        ([{"scale": {"low": "much"}}], "step 1, scale: low: .*number.*'much'"),
        ([{"mask_joints": {"share": 1.5}}], "share: .*less than or equal to 1"),
        (
            [{"flip": {}, "probability": 2}],
            "step 1, flip: probability: .*less than or equal to 1",
        ),
        ([{"detector": {"errors": {"nearer": 2}}}], "detector: errors.*nearer"),
        ([{"fitted": {"file": "../x.json"}}], "fitted: file: ../x.json lies outside"),
        ([{"fitted": {"file": "none.json"}}], "none.json: not a readable JSON file"),
    ],
)
def test_bad_lists_are_refused(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        parse(content, folder=tmp_path)
    # messages of pydantic have several lines
    assert "\n" not in str(caught.value)


def test_a_list_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "hard.yaml"
    path.write_text(
        "steps:\n  - {flip: {}, probability: 0.5}\n  - rotate: {degrees: 30}\n  - occlude\n"
    )
    steps = augment.read(path)
    assert [(step.name, dict(step.options), step.probability) for step in steps] == [
        ("flip", {}, 0.5),
        ("rotate", {"degrees": 30.0}, 1.0),
        ("occlude", {"rate": 0.5, "seconds": 0.4}, 1.0),
    ]
    path.write_text("steps: [spin]\n")
    with pytest.raises(BadInput, match=r"hard\.yaml: unknown augmentation step 'spin'"):
        augment.read(path)
    path.write_text("stages: []\n")
    with pytest.raises(
        BadInput, match=r"hard\.yaml: the one key 'steps' was due, stages came"
    ):
        augment.read(path)
