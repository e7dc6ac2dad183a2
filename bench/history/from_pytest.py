"""The JSON of pytest-benchmark: what `--benchmark-json FILE` and `--benchmark-autosave` write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.history.machines import machine
from bench.history.point import Point, digest
from bench.speed import timing
from models.errors import BadInput

Content = Mapping[str, Any]
LARGEST = 256 << 20  # bytes; with `data`, each round of each benchmark has its number


def read(path: Path) -> list[Point]:
    """The benchmarks of a file, seconds a round, as a run of its machine.

    Raises BadInput for anything else.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"more than {LARGEST >> 20} MiB")
        content = json.loads(path.read_bytes())
        return [_point(each, content, path) for each in content["benchmarks"]]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        raise BadInput(
            f"{path}: no JSON of pytest-benchmark ({reason}); give a file that `pytest"
            " --benchmark-json FILE` wrote, or a run folder"
        ) from None


def _point(benchmark: Content, content: Content, path: Path) -> Point:
    stats, info = benchmark["stats"], content["machine_info"]
    if not math.isfinite(median := float(stats["median"])):
        raise ValueError(f"a median of {median}")
    params = benchmark.get("params") or {}
    where = machine(_environment(info))
    commit = content.get("commit_info") or {}
    extra = benchmark.get("extra_info") or {}
    low, high = _interval(stats)
    return Point(
        metric="seconds",
        value=median,
        unit="s",
        better="lower",
        main=True,
        low=low,
        high=high,
        samples=int(stats["rounds"]),
        what=str(benchmark.get("group") or ""),
        setup=digest({str(key): str(value) for key, value in params.items()}),
        task="benchmark",
        model=str(benchmark["fullname"]),
        backend=str(params.get("backend") or extra.get("backend") or ""),
        device=str(extra.get("device") or ""),
        precision=str(extra.get("precision") or ""),
        machine=where.key,
        machine_name=where.name,
        run=path.stem,
        started=str(content["datetime"]),
        commit=str(commit.get("id") or "")[:12] + ("+" if commit.get("dirty") else ""),
        versions=_versions(info),
        preset="",
        source=str(path),
    )


def _environment(info: Content) -> dict[str, object]:
    """What `bench.processes.machine` would have said of that machine."""
    # of a file that was written here, by its benchmarks or from a run
    if isinstance(own := info.get("poseport"), Mapping):
        return dict(own)
    cpu = info.get("cpu") or {}
    return {
        "processor": cpu.get("brand_raw")
        or info.get("processor")
        or info.get("machine"),
        "cores": cpu.get("count"),
        "system": info.get("system"),
    }


def _versions(info: Content) -> str:
    known = info.get("versions") or {"python": info.get("python_version", "")}
    return ", ".join(f"{name} {number}" for name, number in known.items())


def _interval(stats: Content) -> tuple[float | None, float | None]:
    """Of the median, where the rounds were kept."""
    rounds = [float(each) for each in stats.get("data") or ()]
    if not all(map(math.isfinite, rounds)):
        raise ValueError("a round that took no number of seconds")
    return timing.interval(rounds) if len(rounds) > 1 else (None, None)
