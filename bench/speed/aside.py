"""What would disturb the clock, or others' numbers, asked in a process of its own.

`python -m bench.speed.aside BACKEND JOB SUBJECT`: the peak memory of one subject, which a process
that has done others before cannot tell; without a subject, the sizes of what can be exported.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import backends
from backends.base import Backend, Portable, Settings, peak_resident_bytes
from bench.coordinator.job import Job
from bench.coordinator.spec import spec_of
from bench.processes import calls, contract, placing, question
from bench.processes.blame import RAISED, said
from bench.processes.contract import Watch, bare
from bench.speed.subjects import plan
from bench.takeaway import checking
from models import params as initial
from models.errors import PosePortError

CALLS = 5  # of which the later ones find what the first have left
EXPORTED = ""  # in the place of a subject


def memory(job: Job, subject: str) -> dict[str, int | None]:
    """Peak bytes: `resident` of the process, `device` as the framework says.

    Raises as `question.ask` does.
    """
    found: dict[str, int | None] = _ask(job, subject)
    return found


def exported(job: Job) -> tuple[dict[str, int], dict[str, str]]:
    """Bytes of the inference graph with its weights, by format; formats -> why there are none.

    Raises as `question.ask` does.
    """
    found, why = _ask(job, EXPORTED) if backends.formats(job.backend) else ({}, {})
    return found, why


def _ask(job: Job, subject: str) -> Any:
    asked = job.model_dump_json(exclude={"deaths", "asked"})
    return question.ask("bench.speed.aside", [job.backend, asked, subject])


def answered(arguments: Sequence[str]) -> Any:
    """The child's answer."""
    name, text, subject = arguments
    job = Job.model_validate_json(text)
    backend = contract.loaded(name, Watch())
    backend.pin(threads=job.config.threads)
    if subject == EXPORTED:
        return _exports(job, backend)
    device = placing.kind_of(backend, job.config.device)
    made = plan(job, backend, device, spec_of(job)).subjects[subject]()
    with calls.at(made.contender.call):
        for _ in range(CALLS):
            made.contender.work()
        made.contender.wait()
    return {"resident": peak_resident_bytes(), "device": backend.peak_memory(device)}


def _exports(job: Job, backend: Backend) -> tuple[dict[str, int], dict[str, str]]:
    spec = spec_of(job)
    drawn = initial.draw(spec.parameters, seed=job.config.seed)
    sizes: dict[str, int] = {}
    why: dict[str, str] = {}
    for format, about in backends.formats(job.backend).items():
        program = bare(backend.program(spec.infer, Settings()))
        if not isinstance(program, Portable):
            why[format] = "its programs cannot leave as files"
            continue
        program.load({name: drawn[name] for name in spec.infer.params})
        sample = checking.sample(spec.infer, spec.frames)
        with tempfile.TemporaryDirectory() as folder:
            try:
                out = Path(folder) / f"model{about.suffix}"
                with calls.at(calls.of(program, "export")):
                    program.export(out, format, sample=sample, about="{}")
            except RAISED as error:
                why[format] = said(error)
            else:
                sizes[format] = _bytes(Path(folder))
    return sizes, why


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def told(
    job: Job, subjects: Sequence[str]
) -> tuple[dict[str, dict[str, int | None]], dict[str, int], Mapping[str, str]]:
    """Memory by subject, bytes by format, and what could not be asked -> why."""
    peaks: dict[str, dict[str, int | None]] = {}
    missed: dict[str, str] = {}
    for name in subjects:
        try:
            peaks[name] = memory(job, name)
        except PosePortError as error:
            missed[f"memory of {name}"] = str(error)
    sizes: dict[str, int] = {}
    try:
        sizes, why = exported(job)
        missed |= {f"export as {format}": reason for format, reason in why.items()}
    except PosePortError as error:
        missed["export"] = str(error)
    return peaks, sizes, missed


if __name__ == "__main__":
    sys.exit(question.answer(answered))
