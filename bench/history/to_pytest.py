"""The timings of a run as JSON of pytest-benchmark, which `pytest-benchmark compare` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.records import Record, Run, Throughput, Timing
from models.errors import BadInput

VERSION = "5.0.0"  # of the format
FENCE = (
    1.5  # quartile ranges beyond the box, from where on Tukey calls a value an outlier
)


def written(run: Run) -> dict[str, Any]:
    """One document. Raises BadInput where the run has no timing that counts."""
    found = [
        _benchmark(record, row)
        for record in run.records
        if isinstance(record.payload, Throughput)
        for row in record.payload.counting
        if row.rounds
    ]
    if not found:
        raise BadInput(
            f"{run.folder} has no timing that counts, and pytest-benchmark's JSON holds nothing"
            " else; give a run of `throughput`, or a name that ends in .csv or .parquet"
        )
    return {
        "machine_info": _machine_info(run.info.environment),
        "commit_info": _commit_info(run.info.commit or ""),
        "benchmarks": found,
        "datetime": run.info.started,
        "version": VERSION,
    }


def _machine_info(environment: Mapping[str, object]) -> dict[str, object]:
    return {
        "node": "",  # names of machines on a network are kept in no record
        "processor": environment.get("processor"),
        "machine": "",
        "python_version": environment.get("python"),
        "python_implementation": "",
        "python_implementation_version": "",
        "system": environment.get("system"),
        "release": "",
        "poseport": dict(environment),
        "cpu": {
            "brand_raw": environment.get("processor"),
            "count": environment.get("cores"),
        },
    }


def _commit_info(commit: str) -> dict[str, object]:
    return {
        "id": commit.removesuffix("+"),
        "dirty": commit.endswith("+"),
        "project": "poseport",
        "branch": "",
    }


def _benchmark(record: Record, row: Timing) -> dict[str, object]:
    params = {
        "backend": record.backend,
        "batch": row.batch,
        "frames": row.frames,
        **({} if row.customary else {"mode": row.mode}),
    }
    param = "-".join(map(str, params.values()))
    name = f"{row.what}[{param}]"
    return {
        "group": f"{record.model} {row.what}",
        "name": name,
        "fullname": f"{record.model}::{name}",
        "params": params,
        "param": param,
        "extra_info": {
            "device": record.actual_device or record.device,
            "precision": row.precision,
            "threads": row.threads,
            "low": row.low,
            "high": row.high,
            "ratio": row.ratio.model_dump() if row.ratio else None,
        },
        "options": {},
        "stats": _stats(row.rounds),
    }


def _stats(rounds: Sequence[float]) -> dict[str, object]:
    """Seconds a call in each round, and what pytest-benchmark says of them."""
    seconds = np.sort(np.asarray(rounds))
    low, median, high = map(float, np.percentile(seconds, [25, 50, 75]))
    fence = FENCE * (high - low)
    mean, deviation = float(seconds.mean()), _deviation(seconds)
    far = int(np.sum((seconds < low - fence) | (seconds > high + fence)))
    beyond = int(np.sum(abs(seconds - mean) > deviation))
    inside = seconds[(seconds >= low - fence) & (seconds <= high + fence)]
    return {
        "min": float(seconds[0]),
        "max": float(seconds[-1]),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(seconds),
        "median": median,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": far,
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{far}",
        "ld15iqr": float(inside[0]),
        "hd15iqr": float(inside[-1]),
        "ops": 1 / mean,
        "total": float(seconds.sum()),
        "iterations": 1,
        "data": [float(each) for each in rounds],
    }


def _deviation(seconds: np.ndarray) -> float:
    """Of a sample; 0 for one round, as pytest-benchmark has it."""
    return float(seconds.std(ddof=1)) if len(seconds) > 1 else 0.0
