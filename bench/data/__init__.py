"""Where poses come from: `synthetic`, or `KIND:PATH`. A module of this folder that declares `SOURCE` is a kind of source.

`load` gives the train and test clips of a source under a protocol; `bench.data.windows` cuts them into batches.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.data import protocols
from bench.data.clip import Clip
from bench.data.noise import detect
from bench.data.protocols import Protocol
from models.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Split:
    """Clips for training and for testing, and the protocol as it was applied (noise and fraction filled in)."""

    train: list[Clip]
    test: list[Clip]
    protocol: Protocol


def sources() -> dict[str, str]:
    """Kinds of source by name, each with its one-line description; read from the files without importing them."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        line = re.search(r'^SOURCE = "(.*)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
        if line:
            found[path.stem.replace("_", "-")] = line[1]
    return found


def kind_of(source: str) -> str:
    """`bvh:folder` -> `bvh`. Raises UnknownName, or BadInput for an empty string."""
    kind = source.partition(":")[0]
    if kind not in sources():
        raise UnknownName("data source", kind, sources())
    return kind


def protocol_for(source: str, name: str | None = None) -> Protocol:
    """The named protocol, or the default one of the source's kind. Raises UnknownName, and BadInput where it suits another kind."""
    kind = kind_of(source)
    protocol = protocols.load(name) if name else protocols.default(kind)
    if protocol.source != kind:
        suited = ", ".join(each for each in protocols.names() if protocols.load(each).source == kind)
        raise BadInput(
            f"protocol {protocol.name} is for {protocol.source} data and the source is {source}; for {kind} take one of: {suited}"
        )
    return protocol


def load(source: str, *, protocol: Protocol | None = None, seed: int = 0, small: float = 1.0, noise: bool = False) -> Split:
    """Train and test clips of a source under a protocol (by default the one of its kind).

    `small` keeps that fraction of each clip's frames, for smoke tests; `noise` puts a 2D detector's errors on the keypoints.
    Both change the protocol's hash. Raises BadInput for unreadable data and where the split leaves a side empty.
    """
    if not 0 < small <= 1:
        raise BadInput(f"small is {small}; a fraction above 0 and up to 1 was due")
    protocol = protocol_for(source) if protocol is None else protocol
    kind = kind_of(source)
    if protocol.source != kind:
        protocol_for(source, protocol.name)
    noise = noise or protocol.keypoints == "noisy"
    small *= protocol.fraction
    clips = _read(source, protocol, seed=seed, small=small)
    clips = [detect(clip, seed=seed) for clip in clips] if noise else clips
    train, test = protocol.split.split(clips)
    if not train or not test:
        labels = sorted({getattr(clip, "name" if protocol.split.by == "clip" else protocol.split.by) for clip in clips})
        side = "training" if test else "testing"
        raise BadInput(
            f"{source}: protocol {protocol.name} leaves no clip for {side} ({protocol.split.text}; here are {_few(labels)}); "
            "take another protocol"
        )
    applied = protocol.model_copy(update={"keypoints": "noisy" if noise else "exact", "fraction": small})
    return Split(train, test, applied)


def describe(source: str, *, protocol: Protocol | None = None, seed: int = 0) -> dict[str, object]:
    """What is in a source: counts, labels, fps, skeleton, and the split under the protocol. Raises BadInput as `load` does."""
    split = load(source, protocol=protocol, seed=seed)
    clips = split.train + split.test
    labels = {f"{field}s": sorted({getattr(clip, field) for clip in clips}) for field in ("subject", "action", "style")}
    return {
        "source": source,
        "kind": sources()[kind_of(source)],
        "takes": len({clip.name for clip in clips}),
        "cameras": sorted({clip.camera_name for clip in clips}),
        "frames": sum(clip.frames for clip in clips),
        "train_frames": sum(clip.frames for clip in split.train),
        "test_frames": sum(clip.frames for clip in split.test),
        "fps": sorted({clip.fps for clip in clips}),
        "skeleton": clips[0].skeleton.name,
        **labels,
        "protocol": split.protocol.name,
        "protocol_hash": split.protocol.hash,
        "protocol_text": split.protocol.text,
    }


def _read(source: str, protocol: Protocol, *, seed: int, small: float) -> list[Clip]:
    kind, _, location = source.partition(":")
    module = importlib.import_module(f"bench.data.{kind.replace('-', '_')}")
    clips: list[Clip] = module.load(location, rig=protocol.rig, seed=seed, small=small)
    return clips


def _few(labels: Iterable[str], most: int = 8) -> str:
    shown = [label or "(none)" for label in labels]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
