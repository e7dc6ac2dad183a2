"""Made-up records of every kind, for tests of what reads records.

Two models that work or nearly, one that does not. The numbers are invented and no
measurement of anything.
"""

from __future__ import annotations

from pathlib import Path

from bench.records import (
    Comparison,
    Latency,
    Limits,
    Payload,
    Ratio,
    Record,
    RunInfo,
    Status,
    append,
)
from tests.reports.sample_payloads import (
    again,
    baselines,
    check,
    evaluation,
    exam,
    feasibility,
    mpjpe,
    parity,
    throughput,
    timing,
    training,
)

__all__ = [
    "NASTY",
    "about_data",
    "again",
    "baselines",
    "check",
    "compared",
    "evaluation",
    "exam",
    "feasibility",
    "good",
    "info",
    "mixed",
    "mpjpe",
    "parity",
    "record",
    "throughput",
    "timing",
    "training",
    "write",
]

# Everything that Markdown or HTML would take for markup, on two lines.
NASTY = "no | pipe, no `tick`,\nno <b>tag</b>, no *star*, no [link](x)"


DATA = {
    "source": "bvh:walks",
    "takes": 1_080,
    "cameras": ["cam0", "cam1"],
    "styles": [""],
    "notes": ["lengths taken for cm, by the legs; @cm states it", NASTY],
    "train_takes": 864,
    "train_frames": 100_800,
    "test_takes": 216,
    "test_frames": 25_200,
    "protocol": "subjects",
    "protocol_hash": "9f3a01",
    "part_of_each_clip": 0.4,
    "protocol_text": "Test split by subject; only the middle 0.4 of each clip.",
}


def info(**change: object) -> RunInfo:
    """What was asked, with a machine of two levels."""
    given = {
        "id": "sample",
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:05Z",
        "command": "python -m bench run --backend torch",
        "data": DATA,
        "config": {"profile": "smoke", "train": {"steps": 200}},
        "environment": {
            "cpu": {"name": "Sample CPU", "cores": 2},
            "memory_bytes": 4 << 30,
            "gpu": None,
        },
        "commit": "abc1234",
        "seed": 7,
    }
    return RunInfo.model_validate(given | change)


def record(
    payload: Payload | None,
    *,
    task: str = "",
    model: str = "simple_baseline",
    backend: str = "torch",
    status: Status = "ok",
    **rest: object,
) -> Record:
    """A cell around a payload; a cell without one names its task."""
    # Through a dict, so that a test may set any other field, and misspell none.
    given = {
        "task": payload.task if payload else task,
        "model": model,
        "backend": backend,
        "status": status,
        "payload": payload,
        "seconds": 1.5,
        "actual_device": "cpu",
        "versions": {"python": "3.11.9", "torch": "2.13.0"},
    }
    return Record.model_validate(given | rest)


def about_data(payload: Payload, **rest: object) -> Record:
    """A cell that is about the data, and so about no backend and no model."""
    return record(payload, backend="", model="", **rest)


def good() -> list[Record]:
    """One model on one backend with everything measured and everything well."""
    kinds = (feasibility(), parity(), training(), evaluation(), throughput())
    sizes = {"width": 1024, "blocks": 2, "preset": "tiny"}
    return [
        about_data(baselines()),
        *(record(payload, config=sizes) for payload in kinds),
        record(exam(), model=""),
    ]


def compared() -> list[Record]:
    """The good model on a second backend, held against the first and timed beside it."""
    apart = check("gradient", "head.weight", 3e-6, 2e-4)
    beside = Ratio(against="torch", value=1.25, low=1.2, high=1.31)
    # its interval is beyond 1, and the host's floor is not
    equal = Ratio(against="torch", value=1.02, low=1.01, high=1.04, floor=0.03)
    timed = throughput(
        timing(seconds=0.00515, ratio=beside, behind=beside, **fully()),
        timing(what="train_step", seconds=0.0151, ratio=equal, behind=equal),
    ).model_copy(update=around())
    kinds = (
        parity(),
        Comparison(against="torch", checks=(apart,)),
        training(score=71.5),
        evaluation(score=71.5),
        timed,
    )
    # With more than one backend the first trains again, to show what chance does.
    return [record(again()), *(record(payload, backend="jax") for payload in kinds)]


def fully() -> dict[str, object]:
    """What a timing is told with, beside what every one has."""
    return {
        "window": 1,
        "mode": "compiled",
        "poses_per_second": 64 / 0.00515,
        "latency": Latency(calls=200, p50=0.0052, p90=0.0055, p99=0.0071),
        "make_seconds": 0.2,
        "load_seconds": 0.01,
        "first_result_seconds": 1.46,
        "steady_from": 3,
        "peak_memory_bytes": 2**28,
        "peak_of": "own process",
        "bytes": 10_000_000,
        "noise_floor": 0.012,
        "unchecked": {"outputs": "the NumPy reference would take 90 GFLOP"},
    }


def around() -> dict[str, object]:
    """What stands beside the timings of a cell."""
    limits = Limits(flops_per_second=2e11, bytes_per_second=1.2e10, launch_seconds=4e-6)
    return {
        "limits": limits,
        "harness_seconds": 1.2e-7,
        "idle_cores": 0.0,
        "export_bytes": {"onnx": 17_000_000},
        "left_out": {"forward at batch 64, eager": "programs run compiled there"},
    }


def mixed() -> list[Record]:
    """A model that is well, one with gaps, one that fails, and one on another device."""
    return [
        # Without its exam, which ends the list in another form.
        *good()[:-1],
        *compared(),
        *gappy(),
        *failing(),
        record(
            throughput(),
            device="cuda",
            actual_device="cpu",
            status="invalid",
            reason="asked for cuda, ran on cpu",
        ),
        record(exam(result="failed", gaps={"conv_transpose": NASTY}), model=""),
    ]


def gappy() -> list[Record]:
    """A model with an op made of others, another protocol, and timings that do not count."""
    claimed = throughput(
        timing(lies=("time does not grow with work",)),
        timing(batch=8, seconds=None),
        noise_floor=None,
    )
    kinds = (
        feasibility(via="body"),
        parity(),
        training(protocol_hash="bb0002"),
        evaluation(score=170.0, protocol_hash="bb0002"),
        claimed,
    )
    # Another precision, since a run keeps one record of a cell: the protocol is no part of
    # what makes a cell.
    trivial = about_data(baselines(protocol_hash="bb0002"), precision="fp64")
    return [trivial, *(record(payload, model="motionbert") for payload in kinds)]


def failing() -> list[Record]:
    """A model that needs what the backend cannot do, fails parity and crashes."""
    return [
        record(feasibility(via="gap"), model="poseformer"),
        record(
            parity(worst=0.02),
            model="poseformer",
            status="failed",
            reason="gradient head.weight is 100 times its bound",
        ),
        record(None, task="train", model="poseformer", status="crashed", reason=NASTY),
    ]


def write(folder: Path, records: list[Record], **change: object) -> Path:
    """A run folder that holds these records."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(info(**change).model_dump_json())
    for item in records:
        append(folder, item)
    return folder
