"""What a location states after the path, as in `walk.npy@1920x1080@30fps`, in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.errors import BadInput

# what a word states, or None where it states nothing of the kind
Reader = Callable[[str], Any]


def stated(
    location: str, kinds: Mapping[str, Reader], known: str
) -> tuple[str, dict[str, Any]]:
    """The path, empty for none, and what is stated by kind. A path may hold @ itself.

    `known` says to people what can be stated. Raises BadInput for a kind that is stated twice and
    differently, and for a word behind a path that states nothing.
    """
    found: dict[str, Any] = {}
    came = location
    path, at, last = location.rpartition("@")
    # From the end; what is there as it stands is a path, and so is what states nothing.
    while at and not Path(location).exists():
        told = {
            kind: said
            for kind, read in kinds.items()
            if (said := read(last)) is not None
        }
        if not told:
            _check_word(location, kinds, known)
            break
        for kind, said in told.items():
            if found.setdefault(kind, said) != said:
                raise BadInput(
                    f"{came}: {kind} is stated twice, and differently; leave one out"
                )
        location = path
        path, at, last = location.rpartition("@")
    return location, found


def _check_word(location: str, kinds: Mapping[str, Reader], known: str) -> None:
    """Raise BadInput where a path is there but for words behind it, one of which is unknown."""
    path, *words = location.split("@")
    while words and not (path and Path(path).exists()):
        path = f"{path}@{words.pop(0)}"
    for word in words:
        if all(read(word) is None for read in kinds.values()):
            raise BadInput(
                f"{path}: @{word:.40} is none of what can be stated: {known}"
            )
