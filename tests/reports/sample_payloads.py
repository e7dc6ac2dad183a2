"""Made-up payloads of every kind; the numbers are invented and no measurement of anything."""

from __future__ import annotations

import math
from typing import Literal

from bench.records import (
    Again,
    Baseline,
    Baselines,
    Check,
    Evaluation,
    Exam,
    ExamRow,
    Feasibility,
    Metric,
    OpNeed,
    Parity,
    Throughput,
    Timing,
    Training,
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


def feasibility(
    *,
    via: Literal["kernel", "body", "gap"] = "kernel",
    features: dict[str, str] | None = None,
    grade: Literal["measured", "declared"] = "measured",
) -> Feasibility:
    """Two ops; the second is met as told."""
    needs = (
        OpNeed(op="matmul", count=6, via="kernel", dtypes=("float32",)),
        OpNeed(
            op="batch_norm",
            count=5,
            via=via,
            reason="made of mean | var" if via != "kernel" else "",
            dtypes=("float32", "int64"),
        ),
    )
    return Feasibility(
        grade=grade,
        graph_ops={"train": needs, "infer": needs[:1]},
        parameters=4_292_659,
        published=42_466_317,
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


def parity(
    *,
    worst: float = 2.1e-7,
    curve: float = 0.031,
    precision: str = "fp32",
    more: tuple[Check, ...] = (),
) -> Parity:
    """A ladder of five rungs; the worst gradient (bound 2e-4) and the curve (1) are as told."""
    ok = worst <= 2e-4
    node = {"op": "linear", "where": "models/zoo/sample.py:12"}
    checks = [
        check("forward", "pose3d", 3.25e-7, 2e-5, graph="infer", millimetres=0.00041),
        # Exactly equal: an error of 0 is one that was measured.
        check("loss", "mpjpe", 0.0, 2e-5),
        check("gradient", "embed.weight", 1e-7, 2e-4),
        check("gradient", "head.weight", worst, 2e-4, ok=ok, **node),
        # Passed without a number: a check that could not be made.
        check("step", "adam step 1: head.weight", None, 2e-4, note="no optimizer"),
        # In millimetres: has no place on the axis of relative errors.
        check(
            "trajectory",
            "10 steps",
            curve,
            1.0,
            ok=curve <= 1,
            unit="mm",
            millimetres=curve,
        ),
    ]
    told = {"precision": precision}
    asked = (*(one.model_copy(update=told) for one in checks), *more)
    if ok:
        return Parity(checks=asked, optimizer="adam")
    return Parity(
        checks=asked,
        optimizer="adam",
        first_failure="gradient: head.weight",
        culprit="linear head at models/zoo/sample.py:12",
    )


def exam(
    *,
    result: str = "passed",
    gaps: dict[str, str] | None = None,
    dtype: str = "float32",
    mode: str = "eager",
) -> Exam:
    """Eight questions on two ops; the last, on batch_norm's values, is as told.

    Models run eager, and are asked second.
    """
    rows = [
        ExamRow(
            op=op,
            case="(2, 5, 8) eps=1e-5",
            question=question,
            mode=usual,
            dtype="float32",
            result="passed",
            error=1e-7,
            bound=1e-5,
        )
        for usual in ("compiled", "eager")
        for op in ("matmul", "batch_norm")
        for question in ("shape", "value")
    ]
    told = {"result": result, "error": 0.5, "dtype": dtype, "mode": mode}
    told |= {"note": "running variance | biased"}
    last = rows[-1].model_copy(update=told)
    return Exam(rows=(*rows[:-1], last), gaps=gaps or {}, customary="eager")


def training(
    *,
    last: float | None = 0.061,
    score: float | None = 71.25,
    protocol_hash: str = "9f3a01",
) -> Training:
    """A training of 200 steps: its loss falls to `last` metres, its error to `score` mm."""
    steps = tuple(range(0, 200, 20))
    # Without a last value the others still need somewhere to fall to.
    falling = [0.3 * math.exp(-step / 60) + (last or 0.06) for step in steps]
    return Training(
        data="synthetic",
        protocol="subjects",
        protocol_hash=protocol_hash,
        optimizer={"rule": "adam", "lr": 0.001},
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
        validation_mpjpe=(140.0, 90.0, score),
        checkpoint="checkpoints/sample.safetensors",
    )


def again(
    *scores: float | None,
    protocol_hash: str = "9f3a01",
    own: tuple[float | None, ...] = (),
) -> Again:
    """That training with other draws; a tenth of a millimetre away where no score is told.

    `own` are scores of seeds that draw their start, too, and then no others unless told.
    """
    told = scores or (() if own else (71.35, 71.15))
    return Again(
        protocol="subjects",
        protocol_hash=protocol_hash,
        steps=200,
        batch=64,
        seeds=tuple(range(8, 8 + len(told))),
        scores=told,
        own_seeds=tuple(range(8, 8 + len(own))),
        own_scores=own,
        seconds=24.5,
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
