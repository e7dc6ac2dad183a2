"""Whether evaluation and the end of training speak of the same model.

The last point of the validation curve is measured once more: the same frames, which must be of
clips that are validated on, cut by the oracle, predicted by the evaluated weights, scored by plain
arithmetic. No flip averaging and no overlap, which that curve does not have either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backends.base import Backend, Program, Settings
from bench.coordinator.job import Job
from bench.data import Split
from bench.evaluation.oracle import cutting, sight
from bench.evaluation.oracle.checks import check
from bench.evaluation.oracle.cutting import Strip
from bench.evaluation.oracle.sight import Sight
from bench.records import Check
from bench.training import stopping
from bench.training.feed import Feed
from bench.training.fingerprint import fingerprint
from bench.training.optimizer import optimizer_of
from bench.training.restored import Restored
from bench.training.validation import validation_of

# Relative: a mean of thousands of distances in float32, summed in other parts and predicted in
# batches of another size.
AGREES = 1e-4


def whole(job: Job, split: Split, model: Restored) -> list[Check]:
    """Whether the weights are those that this job's training was to give; nothing of any file."""
    if job.of_any_training:
        return []
    steps, came = _due(job, model), model.progress["step"]
    optimizer = optimizer_of(job, model.feed.spec)
    asked = fingerprint(job, split.protocol, optimizer)
    other = asked != model.progress["fingerprint"]
    return [
        check(
            "checkpoint",
            f"weights after {came} of {steps} steps",
            abs(steps - came),
            0,
            unit="steps",
        ),
        check(
            "checkpoint",
            "training of this configuration",
            float(other),
            0,
            unit="fingerprints",
        ),
    ]


def _due(job: Job, model: Restored) -> int:
    """After how many steps: all of them, those made when it was ended, or the best so far."""
    train, progress = job.settings.train, model.progress
    curve = progress["curve"]
    errors: list[float] = curve["validation"]
    steps: list[int] = curve["validation_steps"]
    if job.config.checkpoint == "best":
        return steps[int(np.argmin(errors))] if errors else 0
    if stopping.stops(errors, train.patience):
        return steps[-1]
    last: int = train.steps if train.epochs is None else progress["steps"]
    return last


def agreement(
    job: Job,
    split: Split,
    model: Restored,
    backend: Backend,
    device: str,
    *,
    batch: int,
) -> Check | str:
    """The check, or why the last point cannot be measured again.

    `batch` windows are predicted at once: another number than before would be compiled anew.
    """
    curve, step = model.progress["curve"], model.progress["step"]
    if not curve["validation"] or curve["validation_steps"][-1] != step:
        return f"the weights of step {step} were not validated"
    due = curve["validation"][-1]
    program = _full(job, model, backend, device)
    validation = validation_of(job, model.feed, split, program)
    seen = sight.of(model.feed.spec, split.protocol, job)
    numbers, places = validation.drawn(), validation.places()
    strips = _strips(split, places)
    if strays := [place for place in places if place[:2] not in strips]:
        return _untested(strays)
    errors = []
    for begin in range(0, len(places), batch):
        part = slice(begin, begin + batch)
        errors += _errors(
            program, model.feed, seen, strips, places[part], numbers[part], batch
        )
    total, shares = np.array(errors).T
    came = float(total.mean() / shares.mean())
    unit = model.feed.unit
    note = f"{came:.4f} {unit}, the training had {due:.4f} {unit} at step {step}"
    name = f"{len(places):,} windows of the last validation"
    return check("validation", name, abs(came - due) / due, AGREES, note=note)


def _full(job: Job, model: Restored, backend: Backend, device: str) -> Program:
    """The model in full precision, whatever the run's: validation is of the weights."""
    if job.config.precision == "fp32":
        return model.program
    program = backend.program(model.feed.spec.infer, Settings(device=device))
    program.load(model.params)
    return program


def _untested(strays: list[tuple[str, str, int]]) -> Check:
    """The check that fails: a training was validated on other clips than it was to be."""
    name, note = "windows of clips that are not validated on", f"the first {strays[0]}"
    return check("validation", name, len(strays), 0, unit="windows", note=note)


def _strips(
    split: Split, places: list[tuple[str, str, int]]
) -> dict[tuple[str, str], Strip]:
    """The clips that were looked at: a training clip may be called alike."""
    wanted = {(take, camera) for take, camera, _ in places}
    found = {}
    for strip in cutting.strips(split.validated):
        name = (strip.clip.name, strip.clip.camera_name)
        if name in wanted:
            found[name] = strip
    return found


def _errors(
    program: Program,
    feed: Feed,
    seen: Sight,
    strips: dict[tuple[str, str], Strip],
    places: list[tuple[str, str, int]],
    numbers: NDArray[np.int64],
    batch: int,
) -> list[tuple[float, float]]:
    """The distances of the joints of each window over all its joints, and which share counts.

    In thousandths of what the model makes. The first is their mean, where the truth lacks none and
    all are hidden of a model that is scored so.
    """
    windows = [
        cutting.shown(strips[take, camera], start, seen)
        for take, camera, start in places
    ]
    # filled up with the first, whose further poses nobody looks at
    windows += windows[:1] * (batch - len(places))
    inputs = feed.inputs(
        np.stack(windows).astype(np.float32), np.resize(numbers, batch)
    )
    made = program(inputs)
    poses = feed.poses(made["pose"]).astype(np.float64)
    found = []
    for row, (take, camera, start) in enumerate(places):
        strip, frames = strips[take, camera], range(start, start + seen.outputs)
        true = cutting.due(strip, start, seen)
        apart = 1000 * (poses[row] - true)
        if seen.makes == "poses":
            came = cutting.lengths(strip, frames, poses[row], seen)
            apart = came - cutting.lengths(strip, frames, true, seen)
        distance = np.sqrt((apart**2).sum(axis=-1))
        there = ~np.isnan(true).any(axis=-1)
        if feed.spec.masked:
            there &= made["hidden"][row].reshape(there.shape) > 0.5
        distance[~there] = 0
        found.append((float(distance.mean()), float(there.mean())))
    return found
