"""Ground: what the model costs there, as far as it could be measured; it decides no port."""

from __future__ import annotations

from bench.records import Record, Throughput, Timing, Training
from bench.records.speed import NOISY
from reports import cells
from reports.numbers import count, mebibytes, number, percent
from reports.verdict.evidence import Evidence, blame
from reports.verdict.evidence import grade as graded
from reports.verdict.reason import Grade, Reason, Threshold, fact, gap, works

QUESTION = "costs"
AFTER = ("accuracy",)
TASKS = ("throughput",)
LIMITS = (
    Threshold(
        "noise floor of the host",
        NOISY,
        "when the same program differs from itself by a tenth, smaller differences say"
        " nothing",
    ),
)
KINDS = {"forward": "forward", "train_step": "training step"}


def reasons(evidence: Evidence) -> list[Reason]:
    """Speed and memory where timings can be believed, and why not where they cannot."""
    counted: list[Reason] = []
    without: list[tuple[str, str, Record]] = []
    for record in evidence.of("throughput"):
        payload = record.payload
        if not isinstance(payload, Throughput) or record.status == "invalid":
            without.append((blame(record), "timings that can be believed", record))
        elif why := void(payload):
            without.append((why, "a quieter machine or longer timings", record))
        else:
            counted += of_timings(record, payload)
    # What one device has shown is not lost by another's silence.
    weigh = gap if counted else silent
    out = counted
    for why, change, record in without:
        text = f"not measurable here on {cells.spot(record)}, because {why}"
        out.append(weigh(text, change, grade=graded(record)))
    if not evidence.of("throughput"):
        out.append(silent("speed was not measured", "run throughput", grade="not run"))
    return out + training(evidence)


def silent(text: str, change: str, *, grade: Grade = "measured") -> Reason:
    """A cost of which nothing is known."""
    return Reason("undecided", grade, text, change)


def void(payload: Throughput) -> str:
    """Why no number of a record counts; empty where some do."""
    if payload.noisy:
        said = "the host is noisy: the same program differs from itself by"
        return f"{said} {percent(payload.noise_floor)}"
    if not payload.timings:
        return "no timing was taken"
    if all(timing.fault for timing in payload.timings):
        return f"no timing counts: {'; '.join(faults(payload))}"
    return ""


def of_timings(record: Record, payload: Throughput) -> list[Reason]:
    """The numbers of a record, and those of them that do not count."""
    where = cells.spot(record)
    out = [works(f"on {where}: {', '.join(numbers(record, payload))}")]
    if bad := faults(payload):
        text = f"timings on {where} that do not count: {'; '.join(bad)}"
        out.append(gap(text, "timings that pass the lie detectors"))
    return out


def numbers(record: Record, payload: Throughput) -> list[str]:
    """The best rate of each kind, beside another backend's time, and memory."""
    out = []
    for what, title in KINDS.items():
        good = [one for one in payload.timings if one.what == what and not one.fault]
        best = max(good, key=lambda one: one.frames_per_second or 0.0, default=None)
        if best is not None:
            out.append(
                f"{title} {number(best.frames_per_second)} frames/s{beside(best)}"
            )
    peaks = [one.peak_memory_bytes for one in payload.timings]
    peak = max((one for one in peaks if one is not None), default=record.peak_rss_bytes)
    if peak is not None:
        out.append(f"at most {mebibytes(peak)} MiB of memory")
    return out


def beside(timing: Timing) -> str:
    """How long it takes beside another backend, timed in the same rounds."""
    ratio = timing.ratio
    if ratio is None or not ratio.value:
        return ""
    size = f" at batch {count(timing.batch)}"
    if not ratio.shown:
        return f"{size} (no difference shown from {ratio.against})"
    ends = f"{number(ratio.low)} to {number(ratio.high)}"
    times = f"{number(ratio.value)} times that of {ratio.against}, {ends}"
    return f"{size} (its time {times})"


def faults(payload: Throughput) -> list[str]:
    """The timings that do not count, each with why."""
    found = [(one, one.fault) for one in payload.timings]
    return [f"{one.title} ({why})" for one, why in found if why]


def training(evidence: Evidence) -> list[Reason]:
    """What the training took: one number of one run, with no interval."""
    return [
        fact(
            f"the training on {cells.spot(record)} took {number(payload.train_seconds)} s"
            f" for {count(payload.steps)} steps"
        )
        for record, payload in cells.payloads(evidence.records, Training)
    ]
