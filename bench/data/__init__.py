"""Where poses come from: `synthetic`, `KIND:PATH`, or `KIND:PATH->KIND:PATH`.

Of a pair, the first is trained on and the second tested on. A file of `readers` is a kind of
source; `SOURCE` says in one line how it is asked for. `load` gives the train and test clips of
a source under a protocol; `bench.data.batches.windows` cuts them into batches.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bench.data.formats import header
from models import folder
from models.errors import BadInput, UnknownName

# What a cache says of itself comes at once: without NumPy, and without pydantic, which
# protocols need. Hence the imports inside functions of this file, too.
if TYPE_CHECKING:
    from bench.data.clip import Clip
    from bench.data.pictures.sheet import Sheet
    from bench.data.protocols import Protocol

ACROSS = "->"  # between the source to train on and the one to test on


@dataclass(frozen=True)
class Split:
    """Clips for training and for testing, and the protocol as it was applied.

    Noise, corruption and fraction are filled in.
    """

    train: list[Clip]
    test: list[Clip]
    protocol: Protocol
    # of the training side, and then not in `train`; empty where none are held out
    validation: list[Clip] = field(default_factory=list)

    @property
    def validated(self) -> list[Clip]:
        """Clips that a training is validated on: those that are held out, else the test's."""
        return self.validation or self.test


def sources() -> dict[str, str]:
    """Kinds of source by name, each with its one-line description.

    They are read from the files without importing them.
    """
    return {kind: folder.stated(path, "SOURCE") for kind, path in _readers().items()}


def kind_of(source: str) -> str:
    """`bvh:folder` -> `bvh`.

    A cache is of the kind it was converted from, a pair of the kind it is tested on. Raises
    UnknownName, and BadInput for a damaged cache.
    """
    kind, _, location = source.rpartition(ACROSS)[2].partition(":")
    if kind not in _readers():
        raise UnknownName("data source", kind, _readers())
    if kind != "cache":
        return kind
    # the header alone: the poses may be gigabytes
    return str(header.read(Path(location)).texts.get("kind"))


def module(kind: str) -> ModuleType:
    """The file of a kind of source, which has `load`. Raises UnknownName."""
    found = _readers()
    if kind not in found:
        raise UnknownName("data source", kind, found)
    return importlib.import_module(f"bench.data.readers.{found[kind].stem}")


def protocol_for(source: str, name: str | None = None) -> Protocol:
    """The named protocol, or the default one of the source's kind.

    Of a pair, the default is the first that trains and tests on its kinds. Raises
    UnknownName, and BadInput where it suits another kind or none does.
    """
    from bench.data import protocols

    kind = kind_of(source)
    # `load` would look for each name in the folder once more
    files = [protocols.FOLDER / f"{each}.yaml" for each in protocols.names()]
    suited = [known for known in map(protocols.read, files) if kind in known.sources]
    if not suited:
        raise BadInput(
            f"{source}: {kind} data have no 3D poses, so nothing can be trained on them or"
            " scored; take data with poses"
        )
    trained = source.rpartition(ACROSS)[0]  # the first of a pair
    origin = kind_of(trained) if ACROSS in source else ""
    protocol = protocols.load(name) if name else _usual(source, origin, suited)
    if protocol not in suited:
        kinds = " or ".join(protocol.sources)
        names = ", ".join(each.name for each in suited)
        raise BadInput(
            f"protocol {protocol.name} is for {kinds} data and the source is {source}; for"
            f" {kind} take one of: {names}"
        )
    if origin:
        _subjects(trained, protocol)  # for its error, where it is for one source
    return protocol


def _usual(source: str, origin: str, suited: Sequence[Protocol]) -> Protocol:
    """The first that trains on the kind `origin`, else the default one of the tested source."""
    for protocol in suited:
        if origin in protocol.trained_on:
            return protocol
    # also for a pair that none suits: what is wrong with it is said of the default one
    chosen = default_protocol(source.rpartition(ACROSS)[2])
    assert chosen is not None  # of the kind, `suited` says
    return chosen


def load(
    source: str,
    *,
    protocol: Protocol | None = None,
    seed: int = 0,
    small: float = 1.0,
    noise: bool = False,
    corrupt: Path | Sequence[Any] | None = None,
) -> Split:
    """Train and test clips of a source under a protocol (by default the one of its kind).

    `small` keeps that fraction of each clip's frames, for smoke tests; `noise` puts a 2D
    detector's errors on the keypoints; `corrupt` is a file of steps done to every clip
    (`bench.data.augment`). All three change the protocol's hash. Raises BadInput for
    unreadable data, clips without poses, and where the split leaves a side empty.
    """
    from bench.data import augment, facts

    if not 0 < small <= 1:
        raise BadInput(f"small is {small}; a fraction above 0 and up to 1 was due")
    protocol = protocol or protocol_for(source)
    if kind_of(source) not in protocol.sources:
        protocol_for(source, protocol.name)  # says what suits the source
    noise = noise or protocol.keypoints == "noisy"
    steps = augment.asked(corrupt)
    small *= protocol.fraction  # a smoke run of a protocol that itself takes a part
    read = partial(clips_of, protocol=protocol, seed=seed, small=small, noise=noise)
    train, test = _divided(source, protocol, read)
    clips = (*train, *test)
    # all that changes numbers goes into the protocol, and with it into its hash
    applied = {
        "keypoints": "noisy" if noise else "exact",
        "fraction": small,
        # true keypoints have none
        "detector": ", ".join(filter(None, facts.labels(clips, "detector"))),
        "corruption": ", ".join(map(str, steps)),
    }
    corrupted = partial(augment.apply, steps=steps, seed=seed)
    return Split(corrupted(train), corrupted(test), protocol.model_copy(update=applied))


def _divided(
    source: str, protocol: Protocol, read: Callable[[str], list[Clip]]
) -> tuple[list[Clip], list[Clip]]:
    """Clips for training and for testing, of one source or of a pair.

    Raises BadInput where a side is empty, and where poses are too few for either.
    """
    from bench.data import facts, missing

    trained, _, tested = source.rpartition(ACROSS)
    # asked before anything is read: what does not fit is said at once
    across = bool(trained or protocol.trained_on)
    subjects = _subjects(trained, protocol) if across else ()
    clips = read(tested)
    protocol.check(clips)
    train, test = protocol.divide(clips)
    if across:
        # what the split keeps of the tested source for training is left out
        train = read(trained)
        if subjects:
            train = [clip for clip in train if clip.subject in subjects]
    if not train or not test:
        side = "training" if test else "testing"
        kind = kind_of(tested)
        raise BadInput(f"{source}: {facts.one_sided(protocol, kind, clips, side)}")
    _check_poses((*train, *test), source)
    root, joints = protocol.root, protocol.joints
    missing.check(train, test, source, root=root, joints=joints)
    return train, test


def _check_poses(clips: Iterable[Clip], source: str) -> None:
    """Raise BadInput for clips that can be neither trained on nor scored."""
    without = [clip for clip in clips if clip.camera_pose is None]
    if without:
        first = without[0]
        # a reader that could not take the poses notes why
        note = "".join(f" ({note})" for note in first.notes)
        raise BadInput(
            f"{source}: {len(without)} clips have no poses, the first {first.name},"
            f" {first.camera_name}{note}; complete the data or leave these clips out"
        )


def clips_of(
    source: str,
    protocol: Protocol | None,
    *,
    seed: int = 0,
    small: float = 1.0,
    noise: bool = False,
) -> list[Clip]:
    """The clips of a source with the protocol's joints, with their own where there is none.

    They are picked by name where they are there and converted by rule where not. Raises
    BadInput for unreadable data.
    """
    from bench.data.detector.noise import detect
    from bench.data.geometry.conversions import convert_clip

    joints = set(protocol.joints) if protocol else set()
    clips = []
    for clip in _read(source, protocol, seed=seed, small=small):
        # windows pick by name, so joints beyond the protocol's may stay
        if protocol and not joints <= set(clip.skeleton.joints):
            clip = convert_clip(clip, protocol.skeleton)
        # last: the errors are those of the joints that a model is given
        clips.append(detect(clip, seed=seed) if noise else clip)
    return clips


def absolute(source: str) -> str:
    """The source as another folder's process can read it."""
    kind, _, location = source.partition(":")
    module(kind)
    return f"{kind}:{Path(location).absolute()}" if location else source


def describe(
    source: str, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """What is in a source: counts, labels, fps, skeleton, and the split under the protocol.

    The protocol is by default the one of its kind, if any. A cache says what was found when it
    was converted, unless a protocol is given. Raises BadInput for unreadable data.
    """
    kind, _, location = source.partition(":")
    if kind == "cache" and protocol is None:
        return {**header.read(Path(location)).text("facts"), "source": source}
    chosen = protocol or default_protocol(source)
    clips = _read(source, chosen, seed=seed, small=1.0)
    return _facts(source, clips, chosen, asked=protocol is not None)


def statistics(
    source: str, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """What the numbers of a source are like (`bench.data.stats`).

    Raises BadInput for unreadable data.
    """
    from bench.data import stats

    chosen = protocol or default_protocol(source)
    clips = _read(source, chosen, seed=seed, small=1.0)
    return {"source": source, **stats.statistics(clips)}


def show(source: str, *, protocol: Protocol | None = None, seed: int = 0) -> Sheet:
    """A few crops of a source as models of pictures are given them (`bench.data.pictures`).

    Raises BadInput for unreadable data, and for such as no crops are made of.
    """
    from bench.data.pictures import sheet

    if chosen := protocol or default_protocol(source):
        return sheet.sheet(clips_of(source, chosen, seed=seed), chosen, seed=seed)
    raise BadInput(f"{source}: has no poses to crop pictures by; take data with poses")


def convert(
    source: str, path: Path, *, protocol: Protocol | None = None, seed: int = 0
) -> dict[str, object]:
    """Write the clips of a source into one cache file, whole or not at all.

    Gives what `describe` says of it. The protocol (by default the one of its kind, if any)
    matters where its cameras film the clips. Raises BadInput for unreadable data and where
    the file cannot be written.
    """
    from bench.data.formats import mapped_file
    from bench.data.readers import cache

    chosen = protocol or default_protocol(source)
    mapped_file.check(path)  # before the reading, which may take minutes
    clips = _read(source, chosen, seed=seed, small=1.0)
    facts = _facts(source, clips, chosen, asked=protocol is not None)
    facts["converted_from"] = source
    # the cameras are in the clips for good: a cache is no use under a protocol of others
    rig = chosen.rig if chosen else None
    cache.save(path, clips, kind=kind_of(source), rig=rig, facts=facts)
    return describe(f"cache:{path}")


def default_protocol(source: str) -> Protocol | None:
    """The default protocol of a source: its takes' own, as their names tell, or its kind's.

    None for a kind that has none, such as keypoints without poses.
    """
    from bench.data import protocols

    kind, _, location = source.partition(":")
    # of readers whose takes are known before they are read
    named = getattr(module(kind), "takes", None)
    try:
        return protocols.default(kind_of(source), named(location) if named else ())
    except UnknownName:
        return None


def _readers() -> dict[str, Path]:
    """The file of each kind.

    A kind is called as its file, or as the `KIND` in it says where that can be no name in
    Python, as 3dhp.
    """
    found = {}
    for name, path in folder.files(Path(__file__).parent / "readers").items():
        # as people type it, h36m-npz; as Python has it, h36m_npz.py
        found[folder.stated(path, "KIND", name.replace("_", "-"))] = path
    return dict(sorted(found.items()))


def _read(
    source: str, protocol: Protocol | None, *, seed: int, small: float
) -> list[Clip]:
    from bench.data import missing

    if ACROSS in source:
        raise BadInput(f"{source}: two sources came and one was due; give one of them")
    kind, _, location = source.partition(":")
    rig = protocol.rig if protocol else None  # for data that no camera has filmed
    load = module(kind).load
    try:
        clips: list[Clip] = load(location, rig=rig, seed=seed, small=small)
    # of a folder: files are opened by readers that say which it was
    except OSError as error:
        # the end of a long path says more than its beginning
        raise BadInput(
            f"{source}: cannot be read ({error.strerror}: {str(error.filename)[-200:]});"
            " give a path that may be read"
        ) from None
    from bench.data import clip, reprojection

    clip.distinct(clips, source)
    if not (protocol and protocol.mismatch == "allowed"):
        reprojection.check(clips, source)
    return [missing.noted(clip) for clip in clips]


def _subjects(trained: str, protocol: Protocol) -> tuple[str, ...]:
    """The training subjects a protocol across data sets takes, empty for all.

    Raises BadInput where source and protocol do not fit.
    """
    kind = kind_of(trained) if trained else ""
    if kind in protocol.trained_on:
        return protocol.trained_on[kind]
    came = f"training data of kind {kind}" if trained else "one source"
    due = "train and test on one source"
    if protocol.trained_on:
        kinds = " or ".join(protocol.trained_on)
        due = f"train on {kinds} data (KIND:PATH{ACROSS}KIND:PATH)"
    raise BadInput(
        f"protocol {protocol.name} wants to {due} and {came} came; take another"
        " protocol or source"
    )


def _facts(
    source: str, clips: list[Clip], protocol: Protocol | None, *, asked: bool
) -> dict[str, object]:
    from bench.data import facts

    kind = sources()[kind_of(source)]
    found = {"source": source, "kind": kind, **facts.of(clips)}
    if protocol is None:
        return found
    train, test = protocol.divide(clips)
    chosen = facts.chosen(protocol, kind_of(source), clips, asked=asked)
    return found | facts.divided(train, test, protocol) | chosen
