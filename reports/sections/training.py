"""Models really trained, and judged beside predictors that know nothing.

One protocol hash, one table.
"""

from __future__ import annotations

from pathlib import Path

from bench.records import Baseline, Evaluation, Record, Run, Training
from reports import cells, plot
from reports.blocks import Block, Code, Figure, Heading, Row, table, text
from reports.numbers import count, millions, number
from reports.sections import _accuracy, _held
from reports.sections._accuracy import Judged

AFTER = ("data",)
TITLE = "Training and accuracy"

Trained = tuple[Record, Training]


def render(run: Run, figures: Path) -> list[Block]:
    """For each protocol hash: what the trainings cost, and the accuracy they reached."""
    trainings = cells.payloads(run.records, Training)
    evaluations = cells.payloads(run.records, Evaluation)
    if not trainings and not evaluations:
        return [text("Nothing was trained or evaluated: not measured.")]
    page: list[Block] = []
    hashes = [payload.protocol_hash for _, payload in trainings]
    # A checkpoint that was brought along is evaluated without having been trained here.
    hashes += [payload.protocol_hash for _, payload in evaluations]
    for key in dict.fromkeys(hashes):
        runs = [pair for pair in trainings if pair[1].protocol_hash == key]
        scores = [pair for pair in evaluations if pair[1].protocol_hash == key]
        baselines = cells.baselines_of(run, key)
        # 12 digits of the hash: enough to keep two protocols' titles and figures apart.
        short = key[:12]
        page += protocol(key, short, runs, scores)
        page += cost(runs, baselines, figures, short)
        page += _accuracy.render(scores, baselines, figures, short)
        page += _held.render(runs, scores)
    return page


def protocol(
    key: str, short: str, runs: list[Trained], scores: list[Judged]
) -> list[Block]:
    """What the numbers below have in common."""
    payload = (scores or runs)[0][1]
    # Only an evaluation spells its protocol out; a training names it.
    said = scores[0][1].protocol_text if scores else ""
    head = text(
        "Protocol hash ",
        Code(key),
        f" on {payload.data}. {said} Numbers of another hash are in another table: they"
        " must not be compared.",
    )
    part = f", {payload.fraction:g} of each clip" if payload.fraction < 1 else ""
    return [Heading(f"Protocol {payload.protocol} ({short}{part})"), head]


def cost(
    runs: list[Trained], baselines: tuple[Baseline, ...], figures: Path, short: str
) -> list[Block]:
    """Curves, and what each training took."""
    if not runs:
        return [text("Training under this protocol was not measured.")]
    name = f"{cells.slug('training', short)}.png"
    curves = [curve(record, payload) for record, payload in runs]
    errors = {base.name: cells.frame_wise(base.metrics, "MPJPE") for base in baselines}
    known = {name: error for name, error in errors.items() if error is not None}
    plot.curves(figures / name, curves, known)
    caption = (
        "Training loss and validation MPJPE; the dashed lines are trivial predictors under"
        " the same protocol"
    )
    rows = [training_row(record, payload) for record, payload in runs]
    recipes = [recipe(record, payload) for record, payload in runs]
    return [
        Figure(f"figures/{name}", caption),
        table(rows, caption="Training"),
        table(recipes, caption="Recipes", folded=True),
    ]


def curve(record: Record, payload: Training) -> plot.Curve:
    """A training for the figure; errors of hidden entries are no MPJPE, and are not drawn."""
    drawn = payload.validation_of == "MPJPE"
    return plot.Curve(
        cells.label(record),
        payload.loss_steps,
        payload.loss,
        payload.validation_steps if drawn else (),
        payload.validation_mpjpe if drawn else (),
    )


def training_row(record: Record, payload: Training) -> Row:
    """What one training took and how far it came."""
    return cells.columns(record) | {
        # One that broke off has numbers too, up to where it did.
        "Status": record.status,
        "Params (M)": millions(payload.parameters),
        "Steps": count(payload.steps),
        "Epochs": number(payload.epochs),
        "Time (s)": number(payload.train_seconds),
        "Frames/s": number(payload.frames_per_second),
        "First loss": number(end(payload.loss, 0)),
        "Last loss": number(end(payload.loss, -1)),
        "Last validation MPJPE (mm)": validated(payload),
    }


def validated(payload: Training) -> str:
    """The last point of its curve; what it is of, where that is not the MPJPE in mm."""
    last = number(end(payload.validation_mpjpe, -1))
    if payload.validation_of == "MPJPE":
        return last
    return f"{last} {payload.validation_unit} ({payload.validation_of})"


def end(values: tuple[float | None, ...], place: int) -> float | None:
    """The value at one end, if there is any."""
    return values[place] if values else None


def _batch(payload: Training) -> str:
    """Windows of a batch, and how many batches make a step where it takes several."""
    more = f" x {payload.accumulate}" if payload.accumulate > 1 else ""
    whole = f", for {payload.asked_batch}" if payload.asked_batch else ""
    return f"{count(payload.batch)}{more}{whole}"


def recipe(record: Record, payload: Training) -> Row:
    """How one training was done, so that it can be done again."""
    settings = [
        f"{name} {number(value) if isinstance(value, float) else value}"
        for name, value in payload.optimizer.items()
    ]
    return cells.columns(record) | {
        "Optimizer": ", ".join(settings),
        "Batch": _batch(payload),
        "Training windows": count(payload.train_windows),
        "Augmentation": payload.augmentation or "none",
        # May be less than the precision that was asked for, which is in the column "On".
        "Computed in": payload.precision,
        "Checkpoint": Code(payload.checkpoint or "none"),
        "Note": payload.note or "none",
    }
