"""Poses of pictures that nobody scores, and the figure that lays them over the pictures."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import backends
from bench import data
from bench.data import protocols
from bench.data.pieces import part
from bench.evaluation import predict
from bench.evaluation.predict import Order
from bench.training import task as train
from reports import plot
from tests.bench.training import glance


def quiet(text: str, share: float) -> None:
    pass


@pytest.fixture(scope="module")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> predict.Poses:
    """What a model that has made one step gives for two clips of synthetic people."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        glance.add(patch)
        glance.few(patch)
        job = glance.job(folder, steps=1, batch=2, validate_every=1)
        clips = glance.split().test
        assert train.run(job, backends.load("numpy"), "cpu", quiet).status == "ok"
        few = [part(clip, 0, 6) for clip in clips[:2]]
        patch.setattr(data, "clips_of", lambda source, protocol: few)
        order = Order(
            str(folder), "numpy", "glance", "synthetic", "poses.json", "refused"
        )
        return predict._poses(job, protocols.load("synthetic-every16"), order)


def test_poses_are_millimetres_from_the_root(lifted: predict.Poses) -> None:
    assert {len(pose) for pose in lifted.poses.values()} == {6}
    sizes = [np.abs(pose).max() for pose in lifted.poses.values()]
    assert 50 < max(sizes) < 20_000, "neither crop units nor metres"
    assert predict.GIVEN in lifted.notes


def test_the_examples_come_with_their_pictures(
    lifted: predict.Poses, tmp_path: Path
) -> None:
    height, width = lifted.looks[0].size
    seen = []
    for look in lifted.looks:
        colours = np.frombuffer(b64decode(look.colours), np.uint8)
        picture = np.moveaxis(colours.reshape(3, height, width), 0, -1)
        seen.append((picture, (np.array(look.places) + 0.5) * (width, height)))
    assert len(seen) == 4
    skeleton = lifted.feed.protocol.joints
    bones = [(0, joint) for joint in range(1, len(skeleton))]
    poses = next(iter(lifted.poses.values()))[:4]
    plot.poses(tmp_path / "a.png", bones, poses, seen)
    with Image.open(tmp_path / "a.png") as drawn:
        # of lines alone there are some shades of three colours
        assert len(drawn.convert("RGB").getcolors(1 << 24)) > 4000
