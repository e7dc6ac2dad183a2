"""What a timing cost beside time, and how far it is from what the machine could do."""

from __future__ import annotations

from collections import defaultdict

from bench.records import Latency, Limits, Ratio, Record, Throughput, Timing
from reports import cells
from reports.blocks import Block, Code, Row, Strong, bullets, table, text
from reports.numbers import (
    count,
    gigaflops,
    interval,
    mebibytes,
    milliseconds,
    number,
    percent,
    scaled,
)

Timed = tuple[Record, Timing]


def size(timing: Timing) -> Row:
    """What a call is given, and in which mode."""
    window = timing.frames if timing.window is None else timing.window
    row: Row = {
        "Batch": count(timing.batch),
        "Frames": count(window),
        "Threads": count(timing.threads),
    }
    return row | ({"Mode": timing.mode} if timing.mode else {})


def calls(latency: Latency | None) -> Row:
    """Single calls."""
    if latency is None:
        return {}
    tail = "-" if latency.p99 is None else milliseconds(latency.p99)
    told = (milliseconds(latency.p50), milliseconds(latency.p90), tail)
    return {"p50 / p90 / p99 (ms)": f"{' / '.join(told)} of {count(latency.calls)}"}


def relative(timing: Timing) -> Row:
    """Time beside that of another backend in the same rounds, where there was one."""
    beside = timing.ratio
    if beside is None:
        return {}
    return {"Time ÷ other": told(beside)}


def told(ratio: Ratio) -> str:
    """A ratio with its interval; one that shows no difference says so, and from what on."""
    ends = interval(ratio.low, ratio.high)
    said = f"{number(ratio.value)} of {ratio.against} ({ends})"
    if ratio.shown:
        return said
    floor = "" if ratio.floor is None else f"; floor {percent(ratio.floor)}"
    return f"no difference shown: {said[:-1]}{floor})"


def effort(pairs: list[Timed]) -> Block:
    """What the timings rest on, and what they cost beside time."""
    rows = []
    for record, timing in pairs:
        warm_up = count(timing.warm_up_steps)
        if timing.steady_from is not None:
            warm_up += f" (steady from call {timing.steady_from})"
        elif not timing.steady:
            warm_up += " (never steady)"
        rows.append(
            cells.columns(record)
            | {"What": timing.what}
            | size(timing)
            | {
                "Warm-up calls": warm_up,
                "Made (s)": number(timing.make_seconds),
                "Weights loaded (s)": number(timing.load_seconds),
                # holds the compilation, where there is one
                "First call (s)": number(timing.compile_seconds),
                "First result after (s)": number(timing.first_result_seconds),
                "Peak memory (MiB)": _peak(timing),
            }
        )
    caption = "What it took: memory is the peak of the process so far, unless it says of its own"
    return table(rows, caption=caption)


def _peak(timing: Timing) -> str:
    told = mebibytes(timing.peak_memory_bytes)
    # on a GPU the process holds other memory than the device
    if timing.peak_rss_bytes not in (None, timing.peak_memory_bytes):
        told += f", resident {mebibytes(timing.peak_rss_bytes)}"
    return f"{told} of its own" if timing.peak_of == "own process" else told


def limits(found: list[tuple[Record, Throughput]], pairs: list[Timed]) -> list[Block]:
    """Each timing that counts, as a share of what the same framework reached here."""
    known = {id(record): payload.limits for record, payload in found}
    rows = []
    for record, timing in pairs:
        limit = known.get(id(record))
        if limit and timing.seconds and not timing.fault:
            about = cells.columns(record) | {"What": timing.what} | size(timing)
            rows.append(about | _share(timing, timing.seconds, limit))
    if not rows:
        return [text("Distance to the limit: no timing counts, or no limit was taken.")]
    caption = (
        "Distance to the limit, of matrix products, an addition of large arrays and a launch"
        " in the same framework and run"
    )
    rule = (
        "A multiply-add counts as two operations, a training step as three forward passes."
        " Bytes are inputs, weights and outputs of every node as the graph is written: fused"
        " nodes and caches move fewer, so that a share may be above 100 %. The roofline is the"
        " longer of operations at the peak and bytes at the bandwidth."
    )
    reached = bullets(
        [
            (Strong(record.backend), f", {record.model}: {_reached(limit)}")
            for record, payload in found
            if (limit := payload.limits)
        ]
    )
    return [table(rows, caption=caption), text(rule), reached]


def _reached(limit: Limits) -> str:
    """What the plainest work came to, against which the shares are."""
    peak, flow = (
        scaled(limit.flops_per_second, 1e-9),
        scaled(limit.bytes_per_second, 1e-9),
    )
    launch = scaled(limit.launch_seconds, 1e6)
    return f"{peak} GFLOP/s, {flow} GB/s, {launch} µs a launch"


def _share(timing: Timing, seconds: float, limit: Limits) -> Row:
    flops, moved = timing.flops or 0, timing.bytes or 0
    rate, flow = flops / seconds, moved / seconds
    return {
        "GFLOP": gigaflops(flops),
        "GFLOP/s": scaled(rate, 1e-9),
        "of the peak": percent(rate / limit.flops_per_second),
        "GB/s": scaled(flow, 1e-9),
        "of the bandwidth": percent(flow / limit.bytes_per_second),
        "of the roofline": percent(limit.least_seconds(flops, moved) / seconds),
        "Launches in that time": count(round(seconds / limit.launch_seconds)),
    }


def fastest(pairs: list[Timed]) -> list[Block]:
    """The fastest backend of each model and size, where several were timed in turns."""
    groups: dict[tuple[str, ...], list[Timed]] = defaultdict(list)
    for record, timing in pairs:
        if timing.seconds and not timing.lies:
            called = f"{timing.what} at batch {timing.batch}"
            if timing.window is not None:
                called += f" of {timing.window} frames"
            mode = "" if timing.customary else timing.mode
            groups[record.model, called, mode].append((record, timing))
    items = []
    for (model, called, mode), some in groups.items():
        slower = [(r, t.behind) for r, t in some if t.behind]
        first = [record.backend for record, timing in some if not timing.behind]
        if not slower or len(first) != 1:
            continue
        shown = [(r.backend, one) for r, one in slower if one.shown]
        equal = [r.backend for r, one in slower if not one.shown]
        size = f"{called}, {mode}" if mode else called
        items.append((Code(model), f" {size}: {_named(first[0], shown, equal)}"))
    about = (
        "The fastest backend of each (",
        Code("python -m bench profile"),
        " tells by which ops another is slower):",
    )
    return [text(*about), bullets(items)] if items else []


def _named(first: str, shown: list[tuple[str, Ratio]], equal: list[str]) -> str:
    said = [f"{first} is the fastest"]
    if equal:
        said = [f"no difference shown between {first}, {', '.join(equal)}"]
    for name, one in shown:
        ends = interval(one.low, one.high)
        said.append(f"{name} takes {number(one.value)} times as long ({ends})")
    return "; ".join(said)
