"""A cache for tests: a few synthetic takes, and the rig that filmed them."""

from __future__ import annotations

from pathlib import Path

from bench.data import protocols
from bench.data.clip import Clip, film
from bench.data.readers import cache, synthetic

RIG = protocols.load("synthetic").rig


def made() -> list[Clip]:
    """Three synthetic takes of 30 frames, four cameras each."""
    takes = [
        synthetic.make(subject, "Walking", frames=30) for subject in ("S1", "S5", "S9")
    ]
    return [clip for take in takes for clip in film(take, RIG.around(take.world[:, 0]))]


def write(folder: Path) -> Path:
    """The takes in a cache of their own."""
    path = folder / "clips.cache"
    cache.save(path, made(), kind="synthetic", rig=RIG, facts={"frames": 360})
    return path
