"""What the measuring commands share: options to configuration, cells to a run folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands import _profile, _scores
from bench.commands._beginning import CHECKS, debugging
from bench.commands._beginning import experiment as named_so
from bench.commands._chosen import chosen, refuse_beside
from bench.commands._interrupted import Interrupted
from bench.commands._pace import duration
from bench.commands._progress import progress, waiting
from bench.commands._said import say
from bench.commands._summary import about_data, finding
from bench.commands._tables import table
from bench.config import Config
from bench.coordinator.job import Job
from bench.coordinator.run import Outcome
from bench.coordinator.taking import starts
from bench.records import Record
from models.errors import BadInput

if TYPE_CHECKING:
    from bench.coordinator.earlier import Typed
    from bench.data import Split
    from reports.verdict import Verdict

LONG = 60.0  # seconds of training, from which somebody may want to know before
SLOWEST = 3  # models that are named then
Done = Callable[[Sequence[Record]], None]
RUNS = Path("runs")  # where run folders are made if nobody says


def measured(
    tasks: Sequence[str] | None,
    *,
    trains: bool,
    set: list[str] | None,
    config: Path | None,
    out: Path | None,
    json: bool,
    experiment: str | None,
    init: Path | None = None,
    debug: bool = False,
    procrustes: bool = False,
    per_joint: bool = False,
    manifest: list[Path] | None = None,
    **options: Any,
) -> int:
    """Answer a command that measures models; options are called as they are typed."""
    asked = {_scores.procrustes: procrustes, _scores.per_joint: per_joint}
    model, recipe = options["model"], options["recipe"]
    resume, run = options["resume"], options["run"]
    if resume:
        refuse_beside(f"--resume {resume}", experiment=experiment)
    if resume or run:
        earlier = f"--resume {resume}" if resume else f"--run {run}"
        refuse_beside(earlier, recipe=recipe, init=init, debug=debug)
    elif trains:
        named(model, recipe)
        options["profile"] = options["profile"] or _profile.TRAINS
    options |= _on_paper(manifest or [], tasks, options)
    if debug:
        tasks, options["beside"] = CHECKS, debugging(model or of_recipe(recipe))
    with locked(resume):
        settings = configure(tasks=tasks, file=config, overrides=set, **options)
        if init:
            settings = starts(init, settings)
        more = [table for table, wanted in asked.items() if wanted]
        named_as = named_so(experiment)
        places: dict[str, Any] = {"out": out, "resume": resume, "run": run}
        return measure(settings, experiment=named_as, as_json=json, more=more, **places)


def _on_paper(
    manifests: list[Path], tasks: Sequence[str] | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Options with frameworks on paper among the backends; alone they judge the whole zoo."""
    import models
    from bench.feasibility import declared

    if not manifests:
        return {}
    found = declared.named(manifests)
    backends = [*chosen(options["backend"]), *found]
    places = {name: str(path) for name, path in found.items()}
    given = {"backend": backends, "beside": {"declared": places}}
    # nothing is run: there is no reason to ask about a few
    if tasks and not (options["model"] or options["recipe"] or options["profile"]):
        given["model"] = models.networks()
    return given


def of_recipe(recipe: str | None) -> list[str]:
    """The models of a recipe; none where there is no recipe."""
    from bench import recipes

    return recipes.models_of(recipe) if recipe else []


@contextmanager
def locked(resume: Path | None) -> Iterator[None]:
    """Hold a run folder, before what is there is read: another process may be changing it."""
    from bench.coordinator import lock

    # of a folder that is no run, `configure` says so, and nothing is left there
    if resume is None or not (resume / "run.json").exists():
        yield
        return
    with lock.held(resume):
        yield


def configure(
    *,
    tasks: Sequence[str] | None,
    backend: list[str] | None,
    model: list[str] | None,
    profile: str | None = None,
    recipe: str | None = None,
    file: Path | None = None,
    overrides: list[str] | None = None,
    resume: Path | None = None,
    run: Path | None = None,
    beside: Mapping[str, Any] | None = None,
    **options: Any,
) -> Config:
    """The validated configuration of a command.

    Options left out (None) keep what profile and file say, or the earlier run; `beside` are
    settings that go with them.
    """
    from bench import config
    from bench.coordinator.earlier import Typed

    given = dict(beside or {})
    given |= {key: value for key, value in options.items() if value is not None}
    if backend:
        given["backend"] = chosen(backend)
    # `models` apart: they choose among what profile and file say, and replace nothing
    said: dict[str, Any] = {"file": file, "overrides": overrides or []}
    said |= {"options": given, "models": model or []}
    if resume is not None or run is not None:
        return _beside(Typed(tasks=tasks or (), profile=profile, **said), resume, run)
    if tasks is not None:
        given["tasks"] = list(tasks)
    return config.load(profile=profile or _profile.USUAL, recipe=recipe, **said)


def named(model: list[str] | None, recipe: str | None = None) -> None:
    """Raise BadInput where nothing names a model, with the names that there are."""
    import models

    if not model and not of_recipe(recipe):
        raise BadInput(
            f"--model is missing: name one, or several: {', '.join(models.names())}"
        )


def _beside(typed: Typed, resume: Path | None, run: Path | None) -> Config:
    """The configuration of an earlier run, with what was typed beside it."""
    from bench.coordinator import earlier

    if resume is None:
        assert run is not None  # as `configure` has made sure
        return earlier.based(run, typed)
    if run:
        raise BadInput(
            f"--run {run} with --resume {resume}: one begins another run, one goes on with"
            " its own; leave one out"
        )
    return earlier.continued(resume, typed)


def measure(
    config: Config,
    *,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
    more: Sequence[_scores.More] = (),
    run: Path | None = None,
    experiment: str | None = None,
    done: Done = lambda records: None,
) -> int:
    """Run the cells, write the report, print what was found; the exit code.

    Into a new folder in `out` unless `resume` is one, which the caller has `locked`; with the
    weights of `run`, where given. `done` hears of the records when all is shown.
    """
    from bench.coordinator import checking, lock, spec, taking
    from bench.coordinator import run as runs

    out = _place(out, resume)
    with ExitStack() as held, spec.remembering(wanted=bool(config.declared)):
        with waiting("checking names and reading data", quiet=as_json):
            clips = checking.check(config, resume=resume or run)
            weights = taking.weights(run, config) if run else {}
        config = _protocol_named(config)
        if resume:
            folder = resume
            _mended(runs.go_on(folder, config))
        else:

            def fill(made: Path) -> None:
                held.enter_context(lock.held(made))
                if run:
                    taking.take(run, made, weights)

            begin = partial(runs.start, out=out, command=_command(), fill=fill)
            folder = begin(config, experiment=experiment)
        _keep(folder, config, clips, run)
        del clips  # the workers map them from the run folder
        return _run(folder, config, as_json=as_json, more=more, done=done)


def _keep(folder: Path, config: Config, clips: Split | None, run: Path | None) -> None:
    """Give a run folder what its cells read: the weights that trainings start from, clips."""
    from bench.coordinator import dataset
    from bench.training import brought

    brought.keep(folder, config, run=run)
    if clips is not None:
        dataset.keep(folder, clips, config)


def _protocol_named(config: Config) -> Config:
    """By name: the default may hang on files that a resumed run no longer needs."""
    from bench import data

    protocol = data.protocol_for(config.data, config.protocol).name
    return config.model_copy(update={"protocol": protocol})


def _place(out: Path | None, resume: Path | None) -> Path:
    """The folder that run folders are made in. Raises BadInput where nothing can be written."""
    from bench.data.formats import places

    if resume and out:
        raise BadInput(
            f"--out {out}: --resume writes into its own folder; leave it out"
        )
    out = out or RUNS
    places.folder(resume or out)
    return out


def _command() -> str:
    """What was typed, to be typed again as it stands: it is kept in the run folder."""
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def _mended(lines: Sequence[int]) -> None:
    """Tell which lines of the records were put aside."""
    from bench.records import ASIDE, FILE

    for number in lines:
        said = f"{FILE}: line {number} cannot be read, and lies in {ASIDE} now"
        say(f"{said}; its cell is measured again, the others count", file=sys.stderr)


def _run(
    folder: Path,
    config: Config,
    *,
    as_json: bool,
    more: Sequence[_scores.More],
    done: Done,
) -> int:
    """The cells of a run folder that are not done yet, and its report."""
    import reports
    from bench.coordinator import run

    try:
        # once: it sums every checkpoint that is there
        todo = run.unfinished(folder, config)
        if not as_json:
            _foretold(todo)
        with progress(todo, quiet=as_json) as (listen, finished):
            outcome = run.execute(folder, config, listen, finished, todo=todo)
    except KeyboardInterrupt:
        going_on = f"python -m bench run --resume {folder}"
        raise Interrupted(f"interrupted; go on with: {going_on}") from None
    show(outcome, reports.build(folder), as_json=as_json, more=more)
    done(outcome.records)
    return exit_code(outcome, config)


def _foretold(todo: Sequence[Job]) -> None:
    """Say how long the trainings will take, where that is long enough to be asked."""
    from bench.coordinator import forecast

    found = forecast.trainings(todo)
    seconds = sum(found.values())
    if seconds < LONG:
        return
    slow = sorted(found, key=lambda name: -found[name])[:SLOWEST]
    told = ", ".join(f"{name} {duration(found[name])}" for name in slow)
    said = f"trainings: about {duration(seconds)} on this processor ({told})"
    say(f"{said}; ladders, exam and timings come on top", file=sys.stderr)


def exit_code(outcome: Outcome, config: Config) -> int:
    """1 where a measured check failed, 3 where the device asked for is nowhere, else 0.

    2 where a file found no room: that is nobody's number.
    """
    if any(record.status == "not_written" for record in outcome.records):
        return 2
    if outcome.failed:
        return 1
    # cells about the data alone need no device, so they say nothing of it
    asked = [record for record in outcome.records if record.backend]
    unusable = all(record.status == "unsupported" for record in asked)
    # under `auto` nobody has asked for one: an op that is missing is a finding, no error
    return 3 if asked and unusable and config.device != "auto" else 0


def show(
    outcome: Outcome,
    report: Path,
    *,
    as_json: bool,
    more: Sequence[_scores.More] = (),
) -> None:
    """The findings as a table, `more` tables and verdicts beneath, or as one JSON document."""
    from bench import records
    from bench.commands import _proposed, _seeds

    found, run = judged(outcome), records.load(outcome.folder)
    read = run.info.data
    if as_json:
        equal = _seeds.told(run)
        said = _document(outcome, report, found, data=read, equivalence=equal)
        print(json.dumps(said))
        return
    for line in about_data(read):
        say(line)
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
    if run.info.config.get("debug"):
        say("debug run: no verdict, for a few steps are no evidence")
    _seeds.show(run)
    _proposed.show(run)
    for tell in more:
        tell(outcome.records)
    say(f"report: {report}")


def _document(
    outcome: Outcome, report: Path, verdicts: Sequence[Verdict], **said: Any
) -> dict[str, Any]:
    """All of it as JSON holds it."""
    return {
        "ok": not outcome.failed,
        "run": str(outcome.folder),
        "report": str(report),
        "verdicts": [{"model": one.model, **answers(one)} for one in verdicts],
        "records": [record.model_dump(mode="json") for record in outcome.records],
        **said,
    }


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
