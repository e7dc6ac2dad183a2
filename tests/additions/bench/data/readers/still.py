"""Some people of the synthetic source, who stand for any data."""

from __future__ import annotations

from bench.data.clip import Clip
from bench.data.geometry.cameras import Rig
from bench.data.readers import synthetic

SOURCE = "still, a few synthetic clips"


def load(
    location: str, *, rig: Rig | None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """The clips, filmed by the protocol's cameras."""
    clips = synthetic.load(location, rig=rig, seed=seed, small=0.05 * small)
    return [clip for clip in clips if clip.action == "Walking"]
