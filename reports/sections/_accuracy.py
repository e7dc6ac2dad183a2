"""The accuracy of trained models under one protocol: metrics, actions, joints, skeletons.

Part of the section `training`, which decides what is of one protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bench.records import Baseline, Evaluation, Metric, Record
from reports import cells, plot
from reports.blocks import (
    NOT_MEASURED,
    Block,
    Code,
    Figure,
    Inline,
    Row,
    Table,
    table,
    text,
)
from reports.numbers import count, number

POSES = 4  # examples drawn for each model: more would shrink to matchstick men

Judged = tuple[Record, Evaluation]


def render(
    scores: list[Judged], baselines: tuple[Baseline, ...], figures: Path, short: str
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
        metrics_table(scores, baselines),
        *hypotheses(scores),
        *notes,
        *actions(scores),
        *joints(scores, baselines, figures, short),
        *(skeletons(record, payload, figures) for record, payload in scores),
    ]


def metrics_table(scores: list[Judged], baselines: tuple[Baseline, ...]) -> Table:
    """Models first, then the trivial predictors."""
    taken = [metric for _, payload in scores for metric in payload.metrics]
    for base in baselines:
        taken += base.metrics
    # A metric that one predictor alone has is a column for all.
    known = {metric.name: metric for metric in taken}
    rows = []
    for record, payload in scores:
        head = predictor(Code(cells.label(record)), "trained", payload.test_poses)
        rows.append(head | metric_cells(payload.metrics, known))
    # The protocol draws the test poses: they are the same for whatever is judged under it.
    poses = scores[0][1].test_poses
    for base in baselines:
        head = predictor(base.name, "trivial baseline", poses)
        rows.append(head | metric_cells(base.metrics, known))
    caption = (
        "Accuracy on the test split; frame-wise means over all frames, action-wise the mean"
        " of the actions' means"
    )
    return table(rows, caption=caption)


def hypotheses(scores: list[Judged]) -> list[Block]:
    """What is made of several poses for each frame, and what of the truth that takes."""
    rows: list[Row] = []
    for record, payload in scores:
        taken = [metric for one in payload.aggregates for metric in one.metrics]
        known = {metric.name: metric for metric in taken}
        for one in payload.aggregates:
            head: Row = {
                "Predictor": Code(cells.label(record)),
                "Hypotheses": count(payload.hypotheses),
                "One pose by": one.name,
                "Needs": one.needs or "nothing more",
            }
            rows.append(head | metric_cells(one.metrics, known))
    caption = (
        "One pose made of several hypotheses. Where that needs the truth, no user can do it, and"
        " the number is none of a single prediction"
    )
    return [table(rows, caption=caption)] if rows else []


def predictor(title: Inline, kind: str, poses: int) -> Row:
    """The columns that say what a row of metrics is of."""
    return {"Predictor": title, "Kind": kind, "Test poses": count(poses)}


def metric_cells(metrics: Iterable[Metric], known: Mapping[str, Metric]) -> Row:
    """All metrics of one predictor, in columns that all predictors share."""
    row: Row = {}
    taken = {metric.name: metric for metric in metrics}
    for name, like in known.items():
        found = taken.get(name)
        # The arrow says which way is better.
        unit = f"({like.unit}) {'↓' if like.better == 'lower' else '↑'}"
        row[f"{name} {unit}"] = number(found.frame_wise if found else None)
        # Papers report MPJPE in either way; of the other metrics the first is enough.
        if name == "MPJPE":
            action_wise = found.action_wise if found else None
            row[f"{name}, action-wise {unit}"] = number(action_wise)
    return row


def actions(scores: list[Judged]) -> list[Block]:
    """MPJPE of each action."""
    errors = {label: found.per_action for label, found in mpjpe(scores).items()}
    rows = parts("Action", errors)
    return (
        [table(rows, caption="MPJPE of each action (mm)", folded=True)] if rows else []
    )


def joints(
    scores: list[Judged], baselines: tuple[Baseline, ...], figures: Path, short: str
) -> list[Block]:
    """MPJPE of each joint, drawn and as a table."""
    found = mpjpe(scores).items()
    errors = {label: metric.per_joint for label, metric in found if metric.per_joint}
    if not errors:
        return [text("The error of each joint was not measured.")]
    name = f"{cells.slug('joints', short)}.png"
    plot.joints(figures / name, errors, reference(baselines))
    rows = parts("Joint", errors)
    return [
        Figure(f"figures/{name}", "MPJPE of each joint"),
        table(rows, caption="MPJPE of each joint (mm)", folded=True),
    ]


def parts(title: str, errors: dict[str, dict[str, float]]) -> list[Row]:
    """A row for each action or joint, a column for each model that has any."""
    measured = {label: values for label, values in errors.items() if values}
    # Models may have different joints: each that any of them has gets a row.
    names = dict.fromkeys(name for values in measured.values() for name in values)
    rows: list[Row] = []
    for name in names:
        rows.append({title: name})
        for label, values in measured.items():
            rows[-1][label] = number(values.get(name))
    return rows


def mpjpe(scores: list[Judged]) -> dict[str, Metric]:
    """The MPJPE of each model, where it was taken."""
    out = {}
    for record, payload in scores:
        found = cells.metric(payload.metrics, "MPJPE")
        if found:
            out[cells.label(record)] = found
    return out


def reference(baselines: Iterable[Baseline]) -> tuple[str, dict[str, float]] | None:
    """Name and joint errors (mm) of the best trivial predictor, for the figure."""
    known = []
    for base in baselines:
        found = cells.metric(base.metrics, "MPJPE")
        if found and found.per_joint and found.frame_wise is not None:
            known.append((found.frame_wise, base.name, found.per_joint))
    # By the error alone: two that are equal would go on to compare names, then joints.
    return min(known, key=lambda item: item[0])[1:] if known else None


def skeletons(record: Record, payload: Evaluation, figures: Path) -> Block:
    """Predicted over true poses of one model, or a line that it kept no examples."""
    label = cells.label(record)
    # (poses, joints, 3), mm
    true, predicted = np.array(payload.example_true), np.array(payload.example_pred)
    # Of different shapes they are no pairs, and no line leads from one to the other.
    if not payload.example_true or true.shape != predicted.shape:
        lost = f": {NOT_MEASURED}, no example poses were kept."
        return text("Skeletons of ", Code(label), lost)
    name = cells.figure_name("skeletons", record)
    plot.skeletons(
        figures / name, payload.skeleton_bones, true[:POSES], predicted[:POSES]
    )
    caption = (
        f"Predicted and true 3D skeletons of {label}; the number is the pose's MPJPE"
    )
    return Figure(f"figures/{name}", caption)
