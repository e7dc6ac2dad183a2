"""What a file computes, held against the program that it was made of.

At one sample, two and five, and at the shortest and the longest clip that the model takes: a file
that was traced may have kept the lengths that it was traced with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from backends.base import Program
from bench.parity import budget, feeds
from bench.processes import calls
from bench.processes.blame import RAISED, said
from bench.processes.contract import bare
from bench.takeaway.preprocessing import SIZE
from models import lengths
from models.errors import PosePortError
from models.graph import Graph

Arrays = dict[str, np.ndarray]
SAMPLE = 2  # batch that frameworks which trace are shown; train graphs need two
# one sample alone is where tracing goes wrong, five is any other number
BATCHES = (SAMPLE, 1, 5)


def written(out: Path) -> bool:
    """Whether something lies at a place: what reads it may give back what it was given."""
    if out.is_dir():
        return any(out.iterdir())
    return out.is_file() and out.stat().st_size > 0


def sample(graph: Graph, window: int) -> Arrays:
    """Feeds as they may come, of a training window's length."""
    return _feeds(graph, SAMPLE, window)


def difference(
    program: Program,
    reopened: Callable[[Arrays], Arrays],
    graph: Graph,
    window: int,
) -> float | None:
    """Worst output over batches and lengths, relative to the largest value.

    None where it is not finite. Raises PosePortError where an output is missing.
    """
    worst = 0.0
    reading = calls.of(bare(program), "reopen")
    read = f"{reading}: what it has read"
    for batch, frames in _shapes(graph, window):
        given = _feeds(graph, batch, frames)
        due = program(given)
        try:
            with calls.at(reading):
                came = reopened(given)
        except (PosePortError, MemoryError):
            raise
        except RAISED as error:  # whatever a framework raises
            at = f"fails at batch {batch}, {frames} frames, which the model takes"
            raise PosePortError(f"{read} {at}: {said(error)}") from error
        if not isinstance(came, Mapping) or came.keys() != due.keys():
            raise PosePortError(f"{read} does not give {', '.join(due)} by name")
        errors = [budget.error(came[name], array) for name, array in due.items()]
        worst = max(worst, *errors)
    return worst if np.isfinite(worst) else None  # JSON has no infinity


def _shapes(graph: Graph, window: int) -> list[tuple[int, int]]:
    """Batches and lengths (batch, frames) to run at, of those that the model takes."""
    # statistics over one sample are none: frameworks refuse them, or give what they like
    batches = [batch for batch in BATCHES if batch >= SAMPLE or not graph.state]
    pairs = [(batch, window) for batch in batches]
    if "frames" not in graph.axes():
        return pairs
    known = {"batch": SAMPLE, "frames": window}
    least, most = lengths.bounds(graph, "frames", known)
    longer = window + window // 2 + 1
    others = {least, least + 1, longer} if most is None else {least, most}
    # short ones by one sample, where everything has length 1, and by two
    few = batches[:2]
    pairs += [(batch, frames) for frames in sorted(others) for batch in few]
    # once each: a window may be as long as the longest clip
    return list(dict.fromkeys(pairs))


def _feeds(graph: Graph, batch: int, frames: int) -> Arrays:
    """Seeded inputs and noise; pixels where the graph takes pixels."""
    rng = np.random.default_rng([batch, frames])
    sizes = {"batch": batch, "frames": frames}
    given = feeds.drawn(graph.inputs, graph.noise, sizes, rng)
    if SIZE in given:
        # pictures of some hundred pixels, and joints all over them
        given[SIZE] = 640 + 320 * np.abs(given[SIZE])
        given["keypoints"] = 640 * np.abs(given["keypoints"])
    return given
