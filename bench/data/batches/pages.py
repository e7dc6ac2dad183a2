"""Memory that mapped files hold: pages that were read stay resident until they are given back."""

from __future__ import annotations

import mmap

import numpy as np

from bench.data.clip import Clip

# None where the system has no such advice, and nothing is given back
READ_AGAIN = getattr(mmap, "MADV_DONTNEED", None)


def give_back(clip: Clip) -> None:
    """Drop the resident pages of a clip's arrays where they are mapped from a file.

    They are read again when next needed.
    """
    for values in (clip.keypoints, clip.confidence, clip.camera_pose, clip.world_pose):
        if values is not None:
            _release(values)


def _release(values: np.ndarray) -> None:
    source: object = values
    # an array is a view of a view of ... the map
    while isinstance(source, np.ndarray) and source.base is not None:
        source = source.base
    if not isinstance(source, mmap.mmap) or READ_AGAIN is None:
        return
    # the map does not say where it lies; an array over it does
    start = _address(values) - _address(np.frombuffer(source, dtype=np.uint8))
    first = start // mmap.PAGESIZE * mmap.PAGESIZE  # advice is by whole pages
    # a page shared with the neighbouring array is read again, and nothing is lost
    source.madvise(READ_AGAIN, first, start + values.nbytes - first)


def _address(values: np.ndarray) -> int:
    address: int = values.__array_interface__["data"][0]
    return address
