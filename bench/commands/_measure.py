"""What the measuring commands share: options to configuration, cells to a run folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands._chosen import chosen
from bench.commands._interrupted import Interrupted
from bench.commands._progress import progress, waiting
from bench.commands._summary import about_data, finding
from bench.commands._tables import table
from bench.config import Config
from bench.coordinator.run import Outcome

if TYPE_CHECKING:
    from reports.verdict import Verdict


def configure(
    *,
    tasks: Sequence[str] | None,
    backend: list[str] | None,
    model: list[str] | None,
    profile: str = "smoke",
    file: Path | None = None,
    overrides: list[str] | None = None,
    **options: Any,
) -> Config:
    """The validated configuration of a command.

    Options left out (None) keep what profile and file say.
    """
    from bench import config

    given = {key: value for key, value in options.items() if value is not None}
    if tasks is not None:
        given["tasks"] = list(tasks)
    if backend:
        given["backend"] = chosen(backend)
    # `models` apart: they choose among what profile and file say, and replace nothing
    return config.load(
        profile=profile,
        file=file,
        overrides=overrides or [],
        options=given,
        models=model or [],
    )


def measure(config: Config, *, out: Path, resume: Path | None, as_json: bool) -> int:
    """Run the cells, write the report, print what was found; the exit code."""
    import reports
    from bench import data
    from bench.coordinator import checking, dataset, run

    if resume is not None:
        # whatever else was typed: half a run is no comparison
        config = run.resumed(resume)
    with waiting("checking names and reading data", quiet=as_json):
        clips = checking.check(config, resume=resume)
    # by name from here on: the default may hang on files that a resumed run no longer needs
    protocol = data.protocol_for(config.data, config.protocol).name
    config = config.model_copy(update={"protocol": protocol})
    # kept in the run folder, to be typed again as it stands
    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    folder = resume or run.start(config, out=out, command=command)
    if clips is not None:
        dataset.keep(folder, clips, config)
    del clips  # the workers map them from the run folder
    try:
        to_do = run.unfinished(folder, config)
        with progress(to_do, quiet=as_json) as (listen, finished):
            outcome = run.execute(folder, config, listen, finished)
    except KeyboardInterrupt:
        going_on = f"python -m bench run --resume {folder}"
        raise Interrupted(f"interrupted; go on with: {going_on}") from None
    show(outcome, reports.build(folder), as_json=as_json)
    return exit_code(outcome, config)


def exit_code(outcome: Outcome, config: Config) -> int:
    """1 where a measured check failed, 3 where the device asked for is nowhere, else 0."""
    if outcome.failed:
        return 1
    # cells about the data alone need no device, so they say nothing of it
    asked = [record for record in outcome.records if record.backend]
    unusable = all(record.status == "unsupported" for record in asked)
    # under `auto` nobody has asked for one: an op that is missing is a finding, no error
    return 3 if asked and unusable and config.device != "auto" else 0


def show(outcome: Outcome, report: Path, *, as_json: bool) -> None:
    """The findings as a table with the verdicts beneath, or as one JSON document."""
    from bench import records

    found = judged(outcome)
    read = records.load(outcome.folder).info.data
    if as_json:
        document = {
            "ok": not outcome.failed,
            "run": str(outcome.folder),
            "report": str(report),
            "data": read,
            "verdicts": [{"model": one.model, **answers(one)} for one in found],
            "records": [record.model_dump(mode="json") for record in outcome.records],
        }
        print(json.dumps(document))
        return
    for line in about_data(read):
        print(line)
    # what went wrong stands where the figure would
    rows = [
        (one.task, one.backend, one.model, one.status, finding(one))
        for one in outcome.records
    ]
    table(("task", "backend", "model", "status", "finding"), rows)
    if found:
        told = [answers(one) for one in found]
        lines = [
            (one.model, *said.values()) for one, said in zip(found, told, strict=True)
        ]
        table(("model", *told[0]), lines)
    print(f"report: {report}")


def judged(outcome: Outcome) -> list[Verdict]:
    """The verdicts on models, of a run that asked more than one question about them."""
    from bench import records
    from reports import verdict

    # a ladder alone, or timings, are read for what they are: every verdict would be open
    asked = {record.task for record in outcome.records}
    if not {"feasibility", "parity"} <= asked:
        return []
    found = verdict.verdicts(records.load(outcome.folder))
    return [one for one in found if one.model]


def answers(one: Verdict) -> dict[str, str]:
    """The verdict on a model, and the answers that it is made of, in words."""
    said = {"backend": one.backend, "verdict": one.answer}
    for question in one.answers:
        said[question] = one.said(question)
    return said | {"size": one.size}
