"""Speed: medians with their intervals, what they were measured under, and the numbers that
do not count.
"""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, Run, Throughput, Timing
from reports import cells, plot, verdict
from reports.blocks import Block, Code, Figure, Inline, Strong, bullets, table, text
from reports.numbers import (
    count,
    gigaflops,
    interval,
    mebibytes,
    milliseconds,
    number,
    percent,
)

ORDER = 70
TITLE = "Throughput and latency"

TITLES = {
    "forward": "Forward pass",
    "train_step": "Training step (forward, backward, update)",
}


def render(run: Run, figures: Path) -> list[Block]:
    """A figure, a table for each kind of timing, void numbers, settings."""
    found = [
        (record, payload)
        for record, payload in cells.payloads(run.records, Throughput)
        if payload.timings
    ]
    if not found:
        return [
            text("Speed was not measured: the run holds no throughput record with timings.")
        ]
    pairs = [(record, timing) for record, payload in found for timing in payload.timings]
    page: list[Block] = [
        text(
            "Times are medians; the interval is a 95 % bootstrap interval. One frame is one"
            " pose out. A ratio is of times taken in turns, ",
            "round by round, while the workers of all backends were alive; above 1 is"
            " slower. ",
            Strong("void"),
            " marks a number that a lie detector refused.",
        )
    ]
    page += drawing(pairs, figures)
    for what, title in TITLES.items():
        rows = [row(record, timing) for record, timing in pairs if timing.what == what]
        page.append(table(rows, caption=title) if rows else text(f"{title}: not measured."))
    return [*page, *voided(pairs), settings(found)]


def row(record: Record, timing: Timing) -> dict[str, Inline]:
    """One timing; a void number is not shown as if it were one."""
    size: dict[str, Inline] = {
        "Batch": count(timing.batch),
        "Frames": count(timing.frames),
        "Threads": count(timing.threads),
    }
    about = cells.columns(record) | {
        "On": Code(f"{cells.device(record)} {timing.precision}")
    }
    return (
        about
        | size
        | (void() if timing.lies else speed(timing) | relative(timing))
        | effort(timing)
    )


def void() -> dict[str, Inline]:
    """The speed of a timing that lied."""
    return dict.fromkeys(
        ("Median (ms)", "95 % interval (ms)", "p95 (ms)", "Frames/s"), "void"
    )


def speed(timing: Timing) -> dict[str, Inline]:
    """The speed of a timing that counts."""
    return {
        "Median (ms)": milliseconds(timing.seconds),
        "95 % interval (ms)": interval(timing.low, timing.high, factor=1e3),
        "p95 (ms)": milliseconds(timing.p95),
        "Frames/s": number(timing.frames_per_second),
    }


def relative(timing: Timing) -> dict[str, Inline]:
    """Time beside that of another backend in the same rounds, where there was one."""
    beside = timing.ratio
    return (
        {
            "Time ÷ other": (
                f"{number(beside.value)} of {beside.against}"
                f" ({interval(beside.low, beside.high, factor=1)})"
            )
        }
        if beside
        else {}
    )


def effort(timing: Timing) -> dict[str, Inline]:
    """What the timing rests on, and what it cost beside time."""
    return {
        "Samples": count(timing.samples),
        "Warm-up": (
            f"{count(timing.warm_up_steps)}{'' if timing.steady else ' (not steady)'}"
        ),
        "First call (s)": number(timing.compile_seconds),
        "Peak memory (MiB)": mebibytes(timing.peak_memory_bytes),
        "GFLOP": gigaflops(timing.flops),
    }


def drawing(pairs: list[tuple[Record, Timing]], figures: Path) -> list[Block]:
    """Frames per second of all timings that count."""
    groups = {
        title: [
            bar
            for record, timing in pairs
            if timing.what == what and (bar := draw(record, timing))
        ]
        for what, title in TITLES.items()
    }
    shown = {title: rows for title, rows in groups.items() if rows}
    if not shown:
        return [text("No timing counts, so nothing is drawn.")]
    plot.bars(
        figures / "throughput.png",
        shown,
        "frames per second, higher is better; black: 95 % interval",
    )
    return [
        Figure(
            "figures/throughput.png",
            "Frames per second with 95 % intervals; void numbers are left out",
        )
    ]


def draw(record: Record, timing: Timing) -> plot.Bar | None:
    """A timing as a bar of frames per second; the slow end of the time is the low end of
    the rate.
    """
    rate, seconds, low, high = (
        timing.frames_per_second,
        timing.seconds,
        timing.low,
        timing.high,
    )
    if timing.lies or not rate or not seconds or not low or not high:
        return None
    threads = f"{timing.threads} thread{'s' if timing.threads != 1 else ''}"
    frames = f"{timing.frames} frame{'s' if timing.frames != 1 else ''}"
    who = " · ".join((record.model, record.backend, cells.device(record), timing.precision))
    return plot.Bar(
        f"{who}\nbatch {timing.batch} of {frames}, {threads}",
        rate,
        rate * seconds / high,
        rate * seconds / low,
    )


def voided(pairs: list[tuple[Record, Timing]]) -> list[Block]:
    """Every timing that does not count, with why and with the number it claimed."""
    items = [
        (
            Code(cells.label(record)),
            (
                f" {timing.what} at batch {timing.batch}:"
                f" {verdict.fault(timing)}{claim(timing)}"
            ),
        )
        for record, timing in pairs
        if verdict.fault(timing)
    ]
    return (
        [text(Strong("Numbers that do not count:")), bullets(items)]
        if items
        else [text("Every timing passed the lie detectors.")]
    )


def claim(timing: Timing) -> str:
    """The number that a timing which does not count had, if it had one."""
    return "" if timing.seconds is None else f" (claimed {milliseconds(timing.seconds)} ms)"


def settings(found: list[tuple[Record, Throughput]]) -> Block:
    """The noise floor of the host and the pinned settings."""
    rows = []
    for record, payload in found:
        row = cells.columns(record) | {"Noise floor (A/A)": percent(payload.noise_floor)}
        rows.append(row | {name: str(value) for name, value in payload.settings.items()})
    return table(
        rows,
        caption="Noise floor and settings: a difference below the noise floor says nothing",
    )
