"""Speed: medians with their intervals, what they rest on, and numbers that do not count."""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, Run, Throughput, Timing
from reports import cells, plot, verdict
from reports.blocks import Block, Code, Figure, Row, Strong, bullets, table, text
from reports.numbers import (
    count,
    gigaflops,
    interval,
    mebibytes,
    milliseconds,
    number,
    percent,
)

AFTER = ("training",)
TITLE = "Throughput and latency"

TITLES = {
    "forward": "Forward pass",
    "train_step": "Training step (forward, backward, update)",
}
# What a timing that lied has no right to.
SPEEDS = ("Median (ms)", "95 % interval (ms)", "p95 (ms)", "Frames/s")

Timed = tuple[Record, Timing]


def render(run: Run, figures: Path) -> list[Block]:
    """A figure, a table for each kind of timing, void numbers, settings."""
    measured = cells.payloads(run.records, Throughput)
    found = [(record, payload) for record, payload in measured if payload.timings]
    if not found:
        said = (
            "Speed was not measured: the run holds no throughput record with timings."
        )
        return [text(said)]
    pairs = [
        (record, marked(payload, timing))
        for record, payload in found
        for timing in payload.timings
    ]
    page: list[Block] = [legend(), drawing(pairs, figures)]
    for what, title in TITLES.items():
        rows = [row(record, timing) for record, timing in pairs if timing.what == what]
        page.append(
            table(rows, caption=title) if rows else text(f"{title}: not measured.")
        )
    return [*page, *voided(pairs), settings(found)]


def marked(payload: Throughput, timing: Timing) -> Timing:
    """A timing; one of a noisy host is void like one that lied, as in the verdict."""
    why = verdict.void(payload)
    # Where each timing has its own fault, that is told already.
    if not why or verdict.fault(timing):
        return timing
    return timing.model_copy(update={"lies": (why,)})


def legend() -> Block:
    """How the numbers of the tables are meant."""
    return text(
        "Times are medians; the interval is a 95 % bootstrap interval. One frame is one"
        " pose out. A ratio is of times taken in turns, ",
        "round by round, while the workers of all backends were alive; above 1 is slower. ",
        Strong("void"),
        " marks a number that a lie detector refused.",
    )


def row(record: Record, timing: Timing) -> Row:
    """One timing; a void number is not shown as if it were one."""
    about = cells.columns(record)
    # The timing's own precision, which a record over several of them cannot give.
    about["On"] = Code(f"{cells.device(record)} {timing.precision}")
    size: Row = {
        "Batch": count(timing.batch),
        "Frames": count(timing.frames),
        "Threads": count(timing.threads),
    }
    if timing.lies:
        return about | size | dict.fromkeys(SPEEDS, "void") | effort(timing)
    return about | size | speed(timing) | relative(timing) | effort(timing)


def speed(timing: Timing) -> Row:
    """The speed of a timing that counts."""
    times = (
        milliseconds(timing.seconds),
        interval(timing.low, timing.high, factor=1e3),  # s to ms
        milliseconds(timing.p95),
        number(timing.frames_per_second),
    )
    return dict(zip(SPEEDS, times, strict=True))


def relative(timing: Timing) -> Row:
    """Time beside that of another backend in the same rounds, where there was one."""
    beside = timing.ratio
    if beside is None:
        return {}
    ends = interval(beside.low, beside.high)
    return {"Time ÷ other": f"{number(beside.value)} of {beside.against} ({ends})"}


def effort(timing: Timing) -> Row:
    """What the timing rests on, and what it cost beside time."""
    warm_up = count(timing.warm_up_steps)
    if not timing.steady:
        warm_up += " (not steady)"
    return {
        "Samples": count(timing.samples),
        "Warm-up": warm_up,
        # Holds the compilation, where there is one.
        "First call (s)": number(timing.compile_seconds),
        "Peak memory (MiB)": mebibytes(timing.peak_memory_bytes),
        "GFLOP": gigaflops(timing.flops),
    }


def drawing(pairs: list[Timed], figures: Path) -> Block:
    """Frames per second of all timings that count."""
    groups: dict[str, list[plot.Bar]] = {}
    for what, title in TITLES.items():
        drawn = [
            draw(record, timing) for record, timing in pairs if timing.what == what
        ]
        bars = [bar for bar in drawn if bar]
        # A panel without a bar has no scale.
        if bars:
            groups[title] = bars
    if not groups:
        return text("No timing counts, so nothing is drawn.")
    unit = "frames per second, higher is better; black: 95 % interval"
    plot.bars(figures / "throughput.png", groups, unit)
    caption = "Frames per second with 95 % intervals; void numbers are left out"
    return Figure("figures/throughput.png", caption)


def draw(record: Record, timing: Timing) -> plot.Bar | None:
    """A timing as a bar of frames per second; None where it has no such number."""
    rate, seconds = timing.frames_per_second, timing.seconds
    low, high = timing.low, timing.high
    if timing.lies or not rate or not seconds or not low or not high:
        return None
    cell = (record.model, record.backend, cells.device(record), timing.precision)
    threads = f"{timing.threads} thread{plural(timing.threads)}"
    frames = f"{timing.frames} frame{plural(timing.frames)}"
    # On two lines: on one, the names would leave no room for the bars.
    name = f"{' · '.join(cell)}\nbatch {timing.batch} of {frames}, {threads}"
    return plot.Bar(
        name,
        rate,
        # The slow end of the time is the low end of the rate.
        rate * seconds / high,
        rate * seconds / low,
    )


def plural(amount: int) -> str:
    """The ending of a noun."""
    return "" if amount == 1 else "s"


def voided(pairs: list[Timed]) -> list[Block]:
    """Every timing that does not count, with why and with the number it claimed."""
    items = []
    for record, timing in pairs:
        fault = verdict.fault(timing)
        if fault:
            said = f" {timing.what} at batch {timing.batch}: {fault}{claim(timing)}"
            items.append((Code(cells.label(record)), said))
    if not items:
        return [text("Every timing passed the lie detectors.")]
    return [text(Strong("Numbers that do not count:")), bullets(items)]


def claim(timing: Timing) -> str:
    """The number that a timing which does not count had, if it had one."""
    return (
        ""
        if timing.seconds is None
        else f" (claimed {milliseconds(timing.seconds)} ms)"
    )


def settings(found: list[tuple[Record, Throughput]]) -> Block:
    """The noise floor of the host and the pinned settings."""
    rows = []
    for record, payload in found:
        row = cells.columns(record)
        row["Noise floor (A/A)"] = percent(payload.noise_floor)
        rows.append(
            row | {name: str(value) for name, value in payload.settings.items()}
        )
    caption = (
        "Noise floor and settings: a difference below the noise floor says nothing"
    )
    return table(rows, caption=caption)
