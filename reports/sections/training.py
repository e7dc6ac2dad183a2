"""Models really trained, and judged beside predictors that know nothing.

One protocol hash, one table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.records import Baseline, Evaluation, Metric, Record, Run, Training
from reports import cells, plot
from reports.blocks import (
    NOT_MEASURED,
    Block,
    Code,
    Figure,
    Heading,
    Inline,
    Table,
    table,
    text,
)
from reports.numbers import count, millions, number

ORDER = 60
TITLE = "Training and accuracy"

POSES = 4  # examples drawn for each model


def render(run: Run, figures: Path) -> list[Block]:
    """For each protocol hash: what the trainings cost, their curves, and the accuracy they
    reached.
    """
    trainings, evaluations = (
        cells.payloads(run.records, Training),
        cells.payloads(run.records, Evaluation),
    )
    if not trainings and not evaluations:
        return [text("Nothing was trained or evaluated: not measured.")]
    page: list[Block] = []
    hashes = [payload.protocol_hash for _, payload in trainings] + [
        payload.protocol_hash for _, payload in evaluations
    ]
    for key in dict.fromkeys(hashes):
        runs = [
            (record, payload)
            for record, payload in trainings
            if payload.protocol_hash == key
        ]
        scores = [
            (record, payload)
            for record, payload in evaluations
            if payload.protocol_hash == key
        ]
        page += [
            *protocol(key, runs, scores),
            *cost(runs, scores, figures, key),
            *accuracy(scores, figures, key),
        ]
    return page


def protocol(
    key: str, runs: list[tuple[Record, Training]], scores: list[tuple[Record, Evaluation]]
) -> list[Block]:
    """What the numbers below have in common."""
    payload = (scores or runs)[0][1]
    said = scores[0][1].protocol_text if scores else ""
    head = text(
        "Protocol hash ",
        Code(key),
        f" on {payload.data}. {said} Numbers of another hash are in another table: they"
        " must not be compared.",
    )
    return [Heading(f"Protocol {payload.protocol} ({key[:12]})"), head]


def cost(
    runs: list[tuple[Record, Training]],
    scores: list[tuple[Record, Evaluation]],
    figures: Path,
    key: str,
) -> list[Block]:
    """Curves, and what each training took."""
    if not runs:
        return [text("Training under this protocol was not measured.")]
    name = f"{cells.slug('training', key[:12])}.png"
    known = {
        base.name: score
        for _, item in scores
        for base in item.baselines
        if (score := cells.frame_wise(base.metrics, "MPJPE")) is not None
    }
    plot.curves(figures / name, [curve(record, payload) for record, payload in runs], known)
    return [
        Figure(
            f"figures/{name}",
            "Training loss and validation MPJPE; the dashed lines are trivial predictors"
            " under the same protocol",
        ),
        table(
            (training_row(record, payload) for record, payload in runs), caption="Training"
        ),
        table(
            (recipe(record, payload) for record, payload in runs),
            caption="Recipes",
            folded=True,
        ),
    ]


def curve(record: Record, payload: Training) -> plot.Curve:
    """A training for the figure."""
    return plot.Curve(
        cells.label(record),
        payload.loss_steps,
        payload.loss,
        payload.validation_steps,
        payload.validation_mpjpe,
    )


def training_row(record: Record, payload: Training) -> dict[str, Inline]:
    """What one training took and how far it came."""
    return cells.columns(record) | {
        "Status": record.status,
        "Params (M)": millions(payload.parameters),
        "Steps": count(payload.steps),
        "Epochs": number(payload.epochs),
        "Time (s)": number(payload.train_seconds),
        "Frames/s": number(payload.frames_per_second),
        "First loss": number(end(payload.loss, 0)),
        "Last loss": number(end(payload.loss, -1)),
        "Last validation MPJPE (mm)": number(end(payload.validation_mpjpe, -1)),
    }


def end(values: tuple[float | None, ...], place: int) -> float | None:
    """The value at one end, if there is any."""
    return values[place] if values else None


def recipe(record: Record, payload: Training) -> dict[str, Inline]:
    """How one training was done, so that it can be done again."""
    settings = ", ".join(
        f"{name} {number(value) if isinstance(value, float) else value}"
        for name, value in payload.optimizer.items()
    )
    return cells.columns(record) | {
        "Optimizer": settings,
        "Batch": count(payload.batch),
        "Training windows": count(payload.train_windows),
        "Augmentation": payload.augmentation or "none",
        "Computed in": payload.precision,
        "Checkpoint": Code(payload.checkpoint or "none"),
        "Note": payload.note or "none",
    }


def accuracy(
    scores: list[tuple[Record, Evaluation]], figures: Path, key: str
) -> list[Block]:
    """The metrics beside the baselines, by action, by joint, and as skeletons."""
    if not scores:
        return [text("Accuracy under this protocol was not measured.")]
    notes = [
        text(Code(cells.label(record)), f": {payload.note}")
        for record, payload in scores
        if payload.note
    ]
    return [
        metrics_table(scores),
        *notes,
        *actions(scores),
        *joints(scores, figures, key),
        *skeletons(scores, figures),
    ]


def metrics_table(scores: list[tuple[Record, Evaluation]]) -> Table:
    """Models first, then the trivial predictors."""
    about = {
        cells.label(record): (payload.test_poses, payload.metrics)
        for record, payload in scores
    }
    trivial = {
        title: (payload.test_poses, base.metrics)
        for title, payload, base in baselines(scores)
    }
    known = {
        found.name: found
        for _, metrics in (*about.values(), *trivial.values())
        for found in metrics
    }
    rows = [
        metric_row(Code(title), "trained", *values, known)
        for title, values in about.items()
    ]
    rows += [
        metric_row(title, "trivial baseline", *values, known)
        for title, values in trivial.items()
    ]
    return table(
        rows,
        caption=(
            "Accuracy on the test split; frame-wise means over all frames, action-wise the"
            " mean of the actions' means"
        ),
    )


def baselines(
    scores: list[tuple[Record, Evaluation]],
) -> list[tuple[str, Evaluation, Baseline]]:
    """The trivial predictors, each once; one that gave other numbers beside another model
    (other test windows) says whose it is.
    """
    out: list[tuple[str, Evaluation, Baseline]] = []
    for record, payload in scores:
        for base in payload.baselines:
            if all(base != known for _, _, known in out):
                again = any(base.name == known.name for _, _, known in out)
                out.append(
                    (
                        (
                            f"{base.name} (beside {cells.label(record)})"
                            if again
                            else base.name
                        ),
                        payload,
                        base,
                    )
                )
    return out


def metric_row(
    title: Inline,
    kind: str,
    poses: int,
    metrics: tuple[Metric, ...],
    known: dict[str, Metric],
) -> dict[str, Inline]:
    """All metrics of one predictor, in columns that all predictors share; the arrow says
    which way is better.
    """
    row: dict[str, Inline] = {"Predictor": title, "Kind": kind, "Test poses": count(poses)}
    for name, like in known.items():
        found = cells.metric(metrics, name)
        unit = f"({like.unit}) {'↓' if like.better == 'lower' else '↑'}"
        row[f"{name} {unit}"] = number(found.frame_wise if found else None)
        if name == "MPJPE":
            row[f"{name}, action-wise {unit}"] = number(
                found.action_wise if found else None
            )
    return row


def actions(scores: list[tuple[Record, Evaluation]]) -> list[Block]:
    """MPJPE of each action."""
    columns = {
        label: found.per_action
        for label, found in mpjpe(scores).items()
        if found.per_action
    }
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    rows = [
        {"Action": name}
        | {label: number(values.get(name)) for label, values in columns.items()}
        for name in names
    ]
    return [table(rows, caption="MPJPE of each action (mm)", folded=True)] if rows else []


def joints(scores: list[tuple[Record, Evaluation]], figures: Path, key: str) -> list[Block]:
    """MPJPE of each joint, drawn and as a table."""
    columns = {
        label: found.per_joint for label, found in mpjpe(scores).items() if found.per_joint
    }
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    if not names:
        return [text("The error of each joint was not measured.")]
    name = f"{cells.slug('joints', key[:12])}.png"
    plot.joints(figures / name, columns, reference(scores))
    rows = [
        {"Joint": joint}
        | {label: number(values.get(joint)) for label, values in columns.items()}
        for joint in names
    ]
    return [
        Figure(f"figures/{name}", "MPJPE of each joint"),
        table(rows, caption="MPJPE of each joint (mm)", folded=True),
    ]


def mpjpe(scores: list[tuple[Record, Evaluation]]) -> dict[str, Metric]:
    """The MPJPE of each model, where it was taken."""
    return {
        cells.label(record): found
        for record, payload in scores
        if (found := cells.metric(payload.metrics, "MPJPE"))
    }


def reference(
    scores: list[tuple[Record, Evaluation]],
) -> tuple[str, dict[str, float]] | None:
    """The joint errors of the best trivial predictor, for the figure."""
    known = [
        (found.frame_wise, base.name, found.per_joint)
        for _, _, base in baselines(scores)
        if (found := cells.metric(base.metrics, "MPJPE"))
        and found.per_joint
        and found.frame_wise is not None
    ]
    return min(known, key=lambda item: item[0])[1:] if known else None


def skeletons(scores: list[tuple[Record, Evaluation]], figures: Path) -> list[Block]:
    """Predicted over true poses, a figure for each model that kept examples."""
    page: list[Block] = []
    for record, payload in scores:
        true, predicted = np.array(payload.example_true), np.array(payload.example_pred)
        if payload.example_true and true.shape == predicted.shape:
            name = cells.figure_name("skeletons", record)
            plot.skeletons(
                figures / name, payload.skeleton_bones, true[:POSES], predicted[:POSES]
            )
            page.append(
                Figure(
                    f"figures/{name}",
                    f"Predicted and true 3D skeletons of {cells.label(record)}; the number"
                    " is the pose's MPJPE",
                )
            )
        else:
            page.append(
                text(
                    "Skeletons of ",
                    Code(cells.label(record)),
                    f": {NOT_MEASURED}, no example poses were kept.",
                )
            )
    return page
