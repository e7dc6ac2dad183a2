"""The verdict, first: one row for each model and backend, then the reasons."""

from __future__ import annotations

from pathlib import Path

from bench.records import Evaluation, Feasibility, Parity, Record, Run, Throughput
from reports import cells, verdict
from reports.blocks import (
    NOT_MEASURED,
    Block,
    Bullets,
    Code,
    Heading,
    Inline,
    Strong,
    bullets,
    table,
    text,
)
from reports.numbers import count, millions, number
from reports.verdict import Reason, Verdict

ORDER = 10
TITLE = "Verdict"


def render(run: Run, figures: Path) -> list[Block]:
    """The verdicts, what they rest on, and what would change them."""
    if not run.records:
        return [
            text(
                Strong("Undecided."),
                " This run is empty: it holds no record, so nothing below was measured.",
            )
        ]
    judged = verdict.verdicts(run)
    ended = (
        ""
        if run.info.finished
        else " The run did not finish: what follows is what it had until then."
    )
    page: list[Block] = [
        text(f"{count(len(run.records))} cells, {ok(run)} of them ok.{ended}")
    ]
    for backend in cells.backends(run):
        page += about(run, [item for item in judged if item.backend == backend])
    return [*page, rules()]


def ok(run: Run) -> str:
    """How many records ended well."""
    return count(sum(record.status == "ok" for record in run.records))


def about(run: Run, judged: list[Verdict]) -> list[Block]:
    """One backend: its answer, its models at a glance, the reasons of each."""
    whole, models = judged[0], judged[1:]
    page: list[Block] = [Heading(f"{whole.backend}: {whole.answer}")]
    if models:
        page += glance(run, models)
    for item in (*models, whole):
        name = f" on {item.backend}" if item.model else ", the backend as a whole"
        page += [
            text(Code(item.model or item.backend), name, ": ", Strong(item.answer)),
            reasons(item.reasons),
        ]
        if item.changes:
            page.append(text("What would change it: ", "; ".join(item.changes), "."))
    return page


def reasons(found: tuple[Reason, ...]) -> Bullets:
    """Each reason with the answer it pulls to and its evidence grade."""
    return bullets(
        (Strong(reason.answer), f" ({reason.grade}): {reason.text}") for reason in found
    )


def glance(run: Run, models: list[Verdict]) -> list[Block]:
    """One row for each model. MPJPE appears only where all of it is of one protocol."""
    hashes = {
        payload.protocol_hash for _, payload in cells.payloads(run.records, Evaluation)
    }
    rows = []
    for item in models:
        here = [
            record
            for record in run.records
            if (record.backend, record.model) == (item.backend, item.model)
        ]
        row: dict[str, Inline] = {"Model": Code(item.model), "Verdict": Strong(item.answer)}
        rows.append(
            row
            | sizes(here)
            | parity(here)
            | (accuracy(here) if len(hashes) == 1 else {})
            | speed(here)
        )
    apart = (
        "Accuracy is not in this table: the models were judged under different protocols,"
        " see below."
    )
    return [table(rows), text(apart)] if len(hashes) > 1 else [table(rows)]


def sizes(records: list[Record]) -> dict[str, Inline]:
    """Parameters of the model."""
    return {
        "Params (M)": next(
            (
                millions(payload.parameters)
                for _, payload in cells.payloads(records, Feasibility)
            ),
            NOT_MEASURED,
        )
    }


def parity(records: list[Record]) -> dict[str, Inline]:
    """The worst check, as a part of its bound and in millimetres."""
    checks = [
        check for _, payload in cells.payloads(records, Parity) for check in payload.checks
    ]
    ratios = [
        check.error / check.bound
        for check in checks
        if check.error is not None and check.bound > 0
    ]
    shifts = [check.millimetres for check in checks if check.millimetres is not None]
    return {
        "Parity: worst error ÷ bound": number(max(ratios, default=None)),
        "Parity (mm)": number(max(shifts, default=None)),
    }


def accuracy(records: list[Record]) -> dict[str, Inline]:
    """Trained MPJPE beside the best trivial baseline."""
    found = next((payload for _, payload in cells.payloads(records, Evaluation)), None)
    best = cells.best_baseline(found) if found else None
    score = cells.frame_wise(found.metrics, "MPJPE") if found else None
    return {
        "MPJPE (mm)": number(score),
        "Best baseline (mm)": number(best[1] if best else None),
    }


def speed(records: list[Record]) -> dict[str, Inline]:
    """The fastest forward timing that counts."""
    timings = [
        timing
        for _, payload in cells.payloads(records, Throughput)
        for timing in payload.timings
        if not verdict.fault(timing)
    ]
    rates = [
        timing.frames_per_second
        for timing in timings
        if timing.what == "forward" and timing.frames_per_second is not None
    ]
    return {"Forward (frames/s, best)": number(max(rates, default=None))}


def rules() -> Block:
    """The thresholds behind the answers."""
    rows = [
        {"Measured": name, "Limit": number(item.limit), "Why": item.why}
        for name, item in verdict.THRESHOLDS.items()
    ]
    return table(
        rows,
        caption=(
            "How the verdict is made: the worst reason decides; these are its thresholds"
        ),
        folded=True,
    )
