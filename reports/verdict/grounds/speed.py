"""Ground: are there timings that can be believed; how fast they are decides nothing."""

from __future__ import annotations

from bench.records import Record, Throughput, Timing
from reports import cells
from reports.numbers import percent
from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Reason, Threshold, gap, works

AFTER = ("accuracy",)
LIMIT = Threshold(
    "noise floor of the host",
    0.1,
    "when the same program differs from itself by a tenth, smaller differences say nothing",
)


def reasons(evidence: Evidence) -> list[Reason]:
    """A timing that does not count, or one from a noisy host, is a gap."""
    out = []
    for record, payload in cells.payloads(evidence.records, Throughput):
        out += of_timings(record, payload)
    return out + unmeasured(evidence, "throughput", "speed")


def of_timings(record: Record, payload: Throughput) -> list[Reason]:
    """Reasons from the timings of one record."""
    faults = [(timing, fault(timing)) for timing in payload.timings]
    bad = [f"{one.what} at batch {one.batch} ({why})" for one, why in faults if why]
    where = cells.spot(record)
    out = []
    # A record without timings passes no detector, whatever its status says.
    if bad or not faults:
        text = f"timings on {where} that do not count: {'; '.join(bad) or 'none was taken'}"
        out.append(gap(text, "timings that pass the lie detectors"))
    noise = payload.noise_floor
    if noise is not None and noise > LIMIT.limit:
        text = "the host is noisy: the same program differs from itself by"
        out.append(gap(f"{text} {percent(noise)}", "a quieter machine"))
    passed = f"all {len(faults)} timings on {where} passed the lie detectors"
    return out or [works(passed)]


def fault(timing: Timing) -> str:
    """Why a timing does not count; empty when it does."""
    # Lies first: a number that was made up may well be steady.
    if timing.lies:
        return ", ".join(timing.lies)
    if timing.seconds is None:
        return "not measured"
    return "" if timing.steady else "never got steady"
