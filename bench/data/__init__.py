"""Where poses come from: `synthetic`, `KIND:PATH`, or `KIND:PATH->KIND:PATH` to train on
the first and test on the second.

A file of `readers` is a kind of source; `SOURCE` says in one line how it is asked for.

`load` gives the train and test clips of a source under a protocol;
`bench.data.batches.windows` cuts them into batches.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bench.data.formats import header
from models import folder
from models.errors import BadInput, UnknownName

# what a cache says of itself comes at once: without NumPy, and without pydantic, which
# protocols need
if TYPE_CHECKING:
    from bench.data.clip import Clip
    from bench.data.protocols import Protocol

ACROSS = "->"  # between the source to train on and the one to test on


@dataclass(frozen=True)
class Split:
    """Clips for training and for testing, and the protocol as it was applied (noise,
    corruption and fraction filled in).
    """

    train: list[Clip]
    test: list[Clip]
    protocol: Protocol


def sources() -> dict[str, str]:
    """Kinds of source by name, each with its one-line description; read from the files
    without importing them.
    """
    return {kind: folder.stated(path, "SOURCE") for kind, path in _readers().items()}


def kind_of(source: str) -> str:
    """`bvh:folder` -> `bvh`; a cache is of the kind it was converted from, a pair of the
    kind it is tested on.

    Raises UnknownName, and BadInput for a damaged cache.
    """
    kind, _, location = source.rpartition(ACROSS)[2].partition(":")
    if kind not in _readers():
        raise UnknownName("data source", kind, _readers())
    return str(header.read(Path(location)).texts.get("kind")) if kind == "cache" else kind


def module(kind: str) -> ModuleType:
    """The file of a kind of source, which has `load`. Raises UnknownName."""
    found = _readers()
    if kind not in found:
        raise UnknownName("data source", kind, found)
    return importlib.import_module(f"bench.data.readers.{found[kind].stem}")


def protocol_for(source: str, name: str | None = None) -> Protocol:
    """The named protocol, or the default one of the source's kind; of a pair, the first
    that trains and tests on its kinds.

    Raises UnknownName, and BadInput where it suits another kind or none does.
    """
    from bench.data import protocols

    kind = kind_of(source)
    suited = [
        each for each in map(protocols.load, protocols.names()) if kind in each.sources
    ]
    if not suited:
        raise BadInput(
            f"{source}: {kind} data have no 3D poses, so nothing can be trained on them or"
            " scored; take data with poses"
        )
    trained = kind_of(source.rpartition(ACROSS)[0]) if ACROSS in source else ""
    across = [each for each in suited if trained in each.trained_on]
    protocol = (
        protocols.load(name) if name else across[0] if across else protocols.default(kind)
    )
    if protocol not in suited:
        kinds, names = (
            " or ".join(protocol.sources),
            ", ".join(each.name for each in suited),
        )
        raise BadInput(
            f"protocol {protocol.name} is for {kinds} data and the source is {source}; for"
            f" {kind} take one of: {names}"
        )
    if trained:
        _subjects(source.rpartition(ACROSS)[0], protocol)
    return protocol


def load(
    source: str,
    *,
    protocol: Protocol | None = None,
    seed: int = 0,
    small: float = 1.0,
    noise: bool = False,
    corrupt: Path | None = None,
) -> Split:
    """Train and test clips of a source under a protocol (by default the one of its kind).

    `small` keeps that fraction of each clip's frames, for smoke tests; `noise` puts a 2D
    detector's errors on the keypoints; `corrupt` is a file of steps done to every clip
    (`bench.data.augment`). All three change the protocol's hash. Raises BadInput for
    unreadable data, clips without poses, and where the split leaves a side empty.
    """
    from bench.data import augment

    if not 0 < small <= 1:
        raise BadInput(f"small is {small}; a fraction above 0 and up to 1 was due")
    protocol = protocol_for(source) if protocol is None else protocol
    if kind_of(source) not in protocol.sources:
        protocol_for(source, protocol.name)  # says what suits the source
    noise = noise or protocol.keypoints == "noisy"
    steps = augment.read(corrupt) if corrupt else ()
    small *= protocol.fraction
    read = partial(clips_of, protocol=protocol, seed=seed, small=small, noise=noise)
    train, test = _divided(source, protocol, read)
    _check_poses((*train, *test), source)
    applied = {
        "keypoints": "noisy" if noise else "exact",
        "fraction": small,
        "detector": ", ".join(sorted({clip.detector for clip in (*train, *test)} - {""})),
        "corruption": ", ".join(map(str, steps)),
    }
    corrupted = partial(augment.apply, steps=steps, seed=seed)
    return Split(corrupted(train), corrupted(test), protocol.model_copy(update=applied))


def _divided(
    source: str, protocol: Protocol, read: Callable[[str], list[Clip]]
) -> tuple[list[Clip], list[Clip]]:
    """Clips for training and for testing, of one source or of a pair.

    Raises BadInput where a side is empty.
    """
    trained, _, tested = source.rpartition(ACROSS)
    across = bool(trained or protocol.trained_on)
    subjects = _subjects(trained, protocol) if across else ()
    clips = read(tested)
    protocol.check(clips)
    train, test = protocol.divide(clips)
    if across:
        # No subjects named means all of them.
        train = [clip for clip in read(trained) if not subjects or clip.subject in subjects]
    if not train or not test:
        label = "name" if protocol.split.by == "clip" else protocol.split.by
        labels = sorted({getattr(clip, label) for clip in clips})
        side = "training" if test else "testing"
        raise BadInput(
            f"{source}: protocol {protocol.name} leaves no clip for {side}"
            f" ({protocol.split.text}; here are {_few(labels)}); take another protocol"
        )
    return train, test


def _check_poses(clips: Iterable[Clip], source: str) -> None:
    """Raise BadInput for clips that can be neither trained on nor scored."""
    without = [clip for clip in clips if clip.camera_pose is None]
    if without:
        first, note = without[0], "".join(f" ({note})" for note in without[0].notes)
        raise BadInput(
            f"{source}: {len(without)} clips have no poses, the first {first.name},"
            f" {first.camera_name}{note}; complete the data or leave these clips out"
        )


def clips_of(
    source: str,
    protocol: Protocol,
    *,
    seed: int = 0,
    small: float = 1.0,
    noise: bool = False,
) -> list[Clip]:
    """The clips of a source with the protocol's joints, picked by name where they are there
    and converted by rule where not.

    Raises BadInput for unreadable data.
    """
    from bench.data.detector.noise import detect
    from bench.data.geometry.conversions import convert_clip

    joints = set(protocol.joints)
    clips = _read(source, protocol, seed=seed, small=small)
    clips = [
        (
            clip
            if joints <= set(clip.skeleton.joints)
            else convert_clip(clip, protocol.skeleton)
        )
        for clip in clips
    ]
    return [detect(clip, seed=seed) for clip in clips] if noise else clips


def absolute(source: str) -> str:
    """The source as another folder's process can read it."""
    kind, _, location = source.partition(":")
    module(kind)
    return f"{kind}:{Path(location).absolute()}" if location else source


def describe(
    source: str, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """What is in a source: counts, labels, fps, skeleton, and the split under the protocol
    (by default the one of its kind, if any).

    A cache says what was found when it was converted, unless a protocol is given. Raises
    BadInput for unreadable data.
    """
    kind, _, location = source.partition(":")
    if kind == "cache" and protocol is None:
        return {**header.read(Path(location)).text("facts"), "source": source}
    chosen = protocol or default_protocol(source)
    return _facts(source, _read(source, chosen, seed=seed, small=1.0), chosen)


def statistics(
    source: str, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """What the numbers of a source are like (`bench.data.stats`).

    Raises BadInput for unreadable data.
    """
    from bench.data import stats

    return {
        "source": source,
        **stats.statistics(
            _read(source, protocol or default_protocol(source), seed=seed, small=1.0)
        ),
    }


def convert(
    source: str, path: Path, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """Write the clips of a source into one cache file, whole or not at all, and give what
    `describe` says of it.

    The protocol (by default the one of its kind, if any) matters where its cameras film the
    clips. Raises BadInput for unreadable data and where the file cannot be written.
    """
    from bench.data.formats import mapped_file
    from bench.data.readers import cache

    chosen = protocol or default_protocol(source)
    mapped_file.check(path)
    clips = _read(source, chosen, seed=seed, small=1.0)
    facts = {**_facts(source, clips, chosen), "converted_from": source}
    cache.save(
        path, clips, kind=kind_of(source), rig=chosen.rig if chosen else None, facts=facts
    )
    return describe(f"cache:{path}")


def default_protocol(source: str) -> Protocol | None:
    """The default protocol of a source's kind; None for a kind that has none, such as
    keypoints without poses.
    """
    from bench.data import protocols

    kind = kind_of(source)
    try:
        return protocols.default(kind)
    except UnknownName:
        return None


def _readers() -> dict[str, Path]:
    """The file of each kind: its name, or the `KIND` it states where that can be no name in
    Python, as 3dhp.
    """
    found = {}
    for name, path in folder.files(Path(__file__).parent / "readers").items():
        found[folder.stated(path, "KIND", name.replace("_", "-"))] = path
    return dict(sorted(found.items()))


def _read(source: str, protocol: Protocol | None, *, seed: int, small: float) -> list[Clip]:
    if ACROSS in source:
        raise BadInput(f"{source}: two sources came and one was due; give one of them")
    kind, _, location = source.partition(":")
    try:
        clips: list[Clip] = module(kind).load(
            location, rig=protocol.rig if protocol else None, seed=seed, small=small
        )
    # of a folder: files are opened by readers that say which it was
    except OSError as error:
        raise BadInput(
            f"{source}: cannot be read ({error.strerror}: {str(error.filename)[-200:]});"
            " give a path that may be read"
        ) from None
    if not clips:
        raise BadInput(f"{source}: no clips in it; give data with at least one")
    return clips


def _subjects(trained: str, protocol: Protocol) -> tuple[str, ...]:
    """The training subjects a protocol across data sets takes, empty for all.

    Raises BadInput where source and protocol do not fit.
    """
    kinds = " or ".join(protocol.trained_on)
    if not trained or kind_of(trained) not in protocol.trained_on:
        came = f"training data of kind {kind_of(trained)}" if trained else "one source"
        due = (
            f"train on {kinds} data (KIND:PATH{ACROSS}KIND:PATH)"
            if kinds
            else "train and test on one source"
        )
        raise BadInput(
            f"protocol {protocol.name} wants to {due} and {came} came; take another"
            " protocol or source"
        )
    return protocol.trained_on[kind_of(trained)]


def _facts(source: str, clips: list[Clip], protocol: Protocol | None) -> dict[str, object]:
    from bench.data.stats import context

    labels = {
        f"{field}s": sorted({getattr(clip, field) for clip in clips})
        for field in ("subject", "action", "style")
    }
    found = {
        "source": source,
        "kind": sources()[kind_of(source)],
        "takes": len({clip.name for clip in clips}),
        "cameras": sorted({clip.camera_name for clip in clips}),
        "frames": sum(clip.frames for clip in clips),
        "frames_of_context_alone": sum(map(context, clips)),
        "fps": sorted({clip.fps for clip in clips}),
        "skeleton": clips[0].skeleton.name,
        **labels,
        "notes": sorted({note for clip in clips for note in clip.notes}),
    }
    return found if protocol is None else {**found, **_under(protocol, clips)}


def _under(protocol: Protocol, clips: list[Clip]) -> dict[str, object]:
    """What a protocol makes of clips."""
    train, test = protocol.divide(clips)
    return {
        "train_frames": sum(clip.frames for clip in train),
        "test_frames": sum(clip.frames for clip in test),
        "protocol": protocol.name,
        "protocol_hash": protocol.hash,
        "protocol_text": protocol.text,
    }


def _few(labels: Iterable[str], most: int = 8) -> str:
    shown = [label or "(none)" for label in labels]
    return ", ".join(shown[:most]) + (
        f" and {len(shown) - most} more" if len(shown) > most else ""
    )
