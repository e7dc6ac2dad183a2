"""Which of several CUDA devices a worker computes on: `cuda:1` is the only one that it sees.

So no framework has to be told: each takes the first of those that it is shown.
"""

from __future__ import annotations

import os

from backends.base import Backend, Unsupported

VISIBLE = "CUDA_VISIBLE_DEVICES"  # what CUDA itself reads
NONE = "-1"


def parted(asked: str) -> tuple[str, str]:
    """`cuda:1` -> cuda, 1; of one that is not counted, an empty index."""
    kind, _, index = asked.partition(":")
    return kind, index


def environment(asked: str) -> dict[str, str]:
    """What a worker is started with to see that device alone; nothing where none is counted."""
    _, index = parted(asked)
    if not index:
        return {}
    seen = os.environ.get(VISIBLE)
    if seen is None:
        return {VISIBLE: index}
    # counted among those that whoever started this lets it see
    names = [name for name in seen.split(",") if name]
    return {VISIBLE: names[int(index)] if int(index) < len(names) else NONE}


def kind_of(backend: Backend, asked: str) -> str:
    """The kind of device that a worker computes on. Raises Unsupported where it is not here."""
    kind, index = parted(asked)
    try:
        return backend.device(kind)
    except Unsupported as error:
        if not index:
            raise
        raise Unsupported(
            f"{backend.name}: device {asked} is not usable here; devices are counted from 0:"
            f" {error}"
        ) from None


def counted(found: str | None, asked: str) -> str | None:
    """Where results lay, as it was asked for: `cuda` of the only one seen is `cuda:1`."""
    kind, index = parted(asked)
    return asked if index and found == kind else found
