"""Speed: medians with their intervals, what they rest on, and numbers that do not count."""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, Run, Throughput, Timing
from bench.records.speed import ONE_PROCESS
from reports import cells, plot, verdict
from reports.blocks import Block, Code, Figure, Row, Strong, bullets, table, text
from reports.numbers import (
    count,
    interval,
    mebibytes,
    milliseconds,
    number,
    percent,
    scaled,
)
from reports.sections import _pace

AFTER = ("training",)
TITLE = "Throughput and latency"

TITLES = {
    "forward": "Forward pass",
    "train_step": "Training step (forward, backward, update)",
}
# What a timing that lied has no right to.
SPEEDS = ("Median (ms)", "95 % interval (ms)", "p95 (ms)", "Frames/s", "Poses/s")

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
    page += [*_pace.fastest(pairs), *voided(pairs), *_pace.limits(found, pairs)]
    return [*page, _pace.effort(pairs), *missing(found), settings(found)]


def marked(payload: Throughput, timing: Timing) -> Timing:
    """A timing; one of a noisy host is void like one that lied, as in the verdict."""
    why = verdict.void(payload)
    # Where each timing has its own fault, that is told already.
    if not why or timing.fault:
        return timing
    return timing.model_copy(update={"lies": (why,)})


def legend() -> Block:
    """How the numbers of the tables are meant."""
    return text(
        "Times are medians; the interval is a 95 % bootstrap interval. One frame is one"
        " pose out; every hypothesis of it is a pose. p50, p90 and p99 are of single calls,"
        " each waited for, beside their number; p99 wants a hundred. A ratio is of times taken"
        " in turns, ",
        "round by round, while the workers of all backends were alive; above 1 is slower. One"
        " within its interval or below the A/A floor shows no difference, nor does one below"
        f" {ONE_PROCESS:.0%} where each was timed in a single process. ",
        Strong("void"),
        " marks a number that a lie detector refused.",
    )


def row(record: Record, timing: Timing) -> Row:
    """One timing; a void number is not shown as if it were one."""
    about = cells.columns(record)
    # The timing's own precision, which a record over several of them cannot give.
    about["On"] = Code(f"{cells.device(record)} {timing.precision}")
    about |= _pace.size(timing)
    rests = {
        "Samples": samples(timing),
        "A/A floor": percent(timing.noise_floor),
    }
    if timing.lies:
        return about | dict.fromkeys(SPEEDS, "void") | rests
    # what slowed the host slowed all backends alike, round by round
    if timing.fault and timing.seconds is not None:
        return about | dict.fromkeys(SPEEDS, "void") | _pace.relative(timing) | rests
    told = speed(timing) | _pace.calls(timing.latency) | _pace.relative(timing)
    return about | told | rests


def samples(timing: Timing) -> str:
    """How many, and of how many processes where there were several."""
    processes = len(timing.parts)
    said = count(timing.samples)
    return f"{said} of {count(processes)} processes" if processes > 1 else said


def speed(timing: Timing) -> Row:
    """The speed of a timing that counts."""
    times = (
        milliseconds(timing.seconds),
        interval(timing.low, timing.high, factor=1e3),  # s to ms
        milliseconds(timing.p95),
        number(timing.frames_per_second),
        number(timing.poses_per_second),
    )
    return dict(zip(SPEEDS, times, strict=True))


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
    if timing.fault or not rate or not seconds or not low or not high:
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
        fault = timing.fault
        if fault:
            said = f" {timing.title}: {fault}{claim(timing)}"
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


def missing(found: list[tuple[Record, Throughput]]) -> list[Block]:
    """What was asked for and not timed, and detectors that could not be asked, with why."""
    items = []
    for record, payload in found:
        untold = dict(payload.left_out)
        for timing in payload.timings:
            for name, why in timing.unchecked.items():
                untold[f"{name} of {timing.what} at batch {timing.batch}"] = why
        items += [
            (Code(cells.label(record)), f" {name}: {why}")
            for name, why in untold.items()
        ]
    return [text("Not timed, or not held:"), bullets(items)] if items else []


def settings(found: list[tuple[Record, Throughput]]) -> Block:
    """The noise floor of the host and the pinned settings."""
    rows = []
    for record, payload in found:
        row = cells.columns(record)
        row["Noise floor (A/A)"] = percent(payload.noise_floor)
        row["Harness (µs a call)"] = scaled(payload.harness_seconds, 1e6)
        row["Busy while idle (processors)"] = number(payload.idle_cores)
        if payload.export_bytes:
            row["Exported (MiB)"] = ", ".join(
                f"{name} {mebibytes(size)}"
                for name, size in payload.export_bytes.items()
            )
        rows.append(
            row | {name: str(value) for name, value in payload.settings.items()}
        )
    caption = (
        "Noise floor and settings: a difference below the noise floor says nothing; the"
        " harness's own cost is of a program that does nothing, and is in every number"
    )
    return table(rows, caption=caption)
