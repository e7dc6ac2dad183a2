"""Made-up records of every kind, for tests of what reads records.

Two models that work or nearly, one that does not. The numbers are invented and no
measurement of anything.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from bench.records import (
    Baseline,
    Baselines,
    Check,
    Comparison,
    Evaluation,
    Exam,
    ExamRow,
    Feasibility,
    Metric,
    OpNeed,
    Parity,
    Payload,
    Ratio,
    Record,
    RunInfo,
    Status,
    Throughput,
    Timing,
    Training,
    append,
)

JOINTS = ("pelvis", "hip", "knee", "spine", "head", "elbow")
BONES = ((0, 1), (1, 2), (0, 3), (3, 4), (3, 5))
# Millimetres in the camera's frame, y down, the pelvis at 0: half a person, standing.
POSE = (
    (0.0, 0.0, 0.0),
    (-110.0, 10.0, 5.0),
    (-120.0, 450.0, 40.0),
    (0.0, -250.0, 10.0),
    (10.0, -600.0, 0.0),
    (210.0, -280.0, -160.0),
)
# Everything that Markdown or HTML would take for markup, on two lines.
NASTY = "no | pipe, no `tick`,\nno <b>tag</b>, no *star*, no [link](x)"


def info(**change: object) -> RunInfo:
    """What was asked, with a machine of two levels."""
    given = {
        "id": "sample",
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:05Z",
        "command": "python -m bench run --backend torch",
        "config": {
            "profile": "smoke",
            "models": ["simple_baseline", "motionbert"],
            "train": {"steps": 200},
        },
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


def feasibility(
    *,
    via: Literal["kernel", "body", "gap"] = "kernel",
    features: dict[str, str] | None = None,
    grade: Literal["measured", "declared"] = "measured",
) -> Feasibility:
    """Two ops; the second is met as told."""
    needs = (
        OpNeed(op="matmul", count=6, via="kernel"),
        OpNeed(
            op="batch_norm",
            count=5,
            via=via,
            reason="made of mean | var" if via != "kernel" else "",
        ),
    )
    return Feasibility(
        grade=grade,
        graph_ops={"train": needs, "infer": needs[:1]},
        parameters=4_292_659,
        flops={"train": 8_560_000, "infer": 8_540_000},
        features={"autograd": "yes", "compile": "yes"}
        if features is None
        else features,
    )


def check(
    kind: str,
    name: str,
    error: float | None,
    bound: float,
    *,
    ok: bool = True,
    graph: str = "train",
    **rest: object,
) -> Check:
    """One comparison of the ladder, in the training graph unless told."""
    given = {"kind": kind, "name": name, "error": error, "bound": bound, "ok": ok}
    return Check.model_validate(given | {"graph": graph} | rest)


def parity(*, worst: float = 2.1e-7) -> Parity:
    """A ladder of five rungs; the gradient's worst error is as told, its bound 2e-4."""
    ok = worst <= 2e-4
    node = {"op": "linear", "where": "models/zoo/sample.py:12"}
    checks = (
        check("forward", "pose3d", 3.25e-7, 2e-5, graph="infer", millimetres=0.00041),
        # Exactly equal: an error of 0 is one that was measured.
        check("loss", "mpjpe", 0.0, 2e-5),
        check("gradient", "embed.weight", 1e-7, 2e-4),
        check("gradient", "head.weight", worst, 2e-4, ok=ok, **node),
        # Passed without a number: a check that could not be made.
        check("step", "head.weight", None, 2e-4, note="no optimizer"),
        # In millimetres: has no place on the axis of relative errors.
        check("trajectory", "10 steps", 0.031, 1.0, unit="mm", millimetres=0.031),
    )
    if ok:
        return Parity(checks=checks)
    return Parity(
        checks=checks,
        first_failure="gradient head.weight",
        culprit="linear head at models/zoo/sample.py:12",
    )


def exam(*, result: str = "passed", gaps: dict[str, str] | None = None) -> Exam:
    """Eight questions on two ops; one value question of batch_norm ends as told."""
    rows = [
        ExamRow(
            op=op,
            case="(2, 5, 8) eps=1e-5",
            question=question,
            mode=mode,
            dtype="float32",
            result="passed",
            error=1e-7,
            bound=1e-5,
        )
        for op in ("matmul", "batch_norm")
        for question in ("shape", "value")
        for mode in ("eager", "compiled")
    ]
    last = rows[-1].model_copy(
        update={"result": result, "error": 0.5, "note": "running variance | biased"}
    )
    return Exam(rows=(*rows[:-1], last), gaps=gaps or {})


def training(*, last: float | None = 0.061, protocol_hash: str = "9f3a01") -> Training:
    """A training of 200 steps whose loss falls to `last` metres."""
    steps = tuple(range(0, 200, 20))
    # Without a last value the others still need somewhere to fall to.
    falling = [0.3 * math.exp(-step / 60) + (last or 0.06) for step in steps]
    return Training(
        data="synthetic",
        protocol="subjects",
        protocol_hash=protocol_hash,
        optimizer={"name": "adam", "rate": 0.001},
        precision="fp32",
        steps=200,
        epochs=1.5,
        batch=64,
        parameters=4_292_659,
        train_windows=8_500,
        train_seconds=12.345,
        frames_per_second=103_456.0,
        loss_steps=steps,
        loss=(*falling[:-1], last),
        validation_steps=(50, 100, 200),
        validation_mpjpe=(140.0, 90.0, 71.25),
        checkpoint="checkpoints/sample.safetensors",
    )


def mpjpe(value: float) -> Metric:
    """An MPJPE whose parts spread around `value` millimetres."""
    # Wide apart, so that a part that lands in the wrong row or column shows.
    per_joint = {
        joint: value * (0.25 + 0.3 * place) for place, joint in enumerate(JOINTS)
    }
    return Metric(
        name="MPJPE",
        unit="mm",
        better="lower",
        frame_wise=value,
        action_wise=value + 1,
        per_action={"walk": value - 5, "sit": value + 7},
        per_joint=per_joint,
    )


def evaluation(*, score: float = 71.25, protocol_hash: str = "9f3a01") -> Evaluation:
    """A model at `score` millimetres, with two example poses: one wrong, one exact."""
    pck = Metric(
        name="PCK@150", unit="%", better="higher", frame_wise=91.5, action_wise=None
    )
    # Sheared and pushed back, so that the figure shows an error from every side.
    moved = tuple((x + 0.1 * y, y, z + 0.15 * x - 20) for x, y, z in POSE)
    return Evaluation(
        data="synthetic",
        protocol="subjects",
        protocol_hash=protocol_hash,
        protocol_text="17 joints, root-relative, subjects S6 and S7 held out.",
        test_poses=2_400,
        metrics=(mpjpe(score), pck),
        skeleton_bones=BONES,
        example_true=(POSE, POSE),
        example_pred=(moved, POSE),
    )


def baselines(*, best: float = 160.5, protocol_hash: str = "9f3a01") -> Baselines:
    """A linear map at `best` millimetres and a worse mean pose, under one protocol."""
    scores = {"mean pose": best + 70, "least-squares linear map": best}
    return Baselines(
        data="synthetic",
        protocol="subjects",
        protocol_hash=protocol_hash,
        baselines=tuple(
            Baseline(name=name, metrics=(mpjpe(value),))
            for name, value in scores.items()
        ),
    )


def timing(
    *,
    what: str = "forward",
    seconds: float | None = 0.00412,
    lies: tuple[str, ...] = (),
    batch: int = 64,
    **rest: object,
) -> Timing:
    """A timing with an interval of a few per cent; without seconds, one that has none."""
    parts = {"low": 0.97, "high": 1.04, "p95": 1.2}
    ends = {name: seconds * part if seconds else None for name, part in parts.items()}
    given = {
        "what": what,
        "batch": batch,
        "frames": 1,
        "precision": "fp32",
        "threads": 2,
        "seconds": seconds,
        "samples": 30,
        "frames_per_second": batch / seconds if seconds else None,
        "lies": lies,
        "flops": 8_540_000 * batch,
        "compile_seconds": 1.25,
        "warm_up_steps": 5,
    }
    return Timing.model_validate(given | ends | rest)


def throughput(*timings: Timing, noise_floor: float | None = 0.021) -> Throughput:
    """Timings, by default of a forward pass and of a training step."""
    return Throughput(
        timings=timings or (timing(), timing(what="train_step", seconds=0.0151)),
        noise_floor=noise_floor,
        settings={"tf32": False, "threads": 2},
    )


def good() -> list[Record]:
    """One model on one backend with everything measured and everything well."""
    kinds = (feasibility(), parity(), training(), evaluation(), throughput())
    sizes = {"width": 1024, "blocks": 2}
    return [
        about_data(baselines()),
        *(record(payload, config=sizes) for payload in kinds),
        record(exam(), model=""),
    ]


def compared() -> list[Record]:
    """The good model on a second backend, held against the first and timed beside it."""
    apart = check("gradient", "head.weight", 3e-6, 2e-4)
    beside = Ratio(against="torch", value=1.25, low=1.2, high=1.31)
    timed = throughput(
        timing(seconds=0.00515, ratio=beside), timing(what="train_step", seconds=0.0151)
    )
    kinds = (
        parity(),
        Comparison(against="torch", checks=(apart,)),
        evaluation(score=71.5),
        timed,
    )
    return [record(payload, backend="jax") for payload in kinds]


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
