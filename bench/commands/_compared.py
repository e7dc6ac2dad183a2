"""What runs and checkpoints came to, a row each, ready to be held against each other.

Scores are of one protocol or they are not shown: the one that most rows have. Speeds are held
against those of the first run, whatever the protocol.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import records
from bench.history import ratios
from bench.history.ratios import Speed
from bench.records import (
    Evaluation,
    Feasibility,
    Record,
    Run,
    Scored,
    Throughput,
    Training,
)
from bench.training import checkpoint
from models.errors import BadInput
from reports import batches, cells, glance

STATE = ("running_mean", "running_var", "num_batches_tracked")
DUE = "give run folders, folders of them, or checkpoints (.safetensors)"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained or timed model; None is not measured."""

    source: str
    model: str
    backend: str
    protocol: str
    protocol_hash: str
    mpjpe: float | None = None  # mm, by the protocol's own mean
    pa_mpjpe: float | None = None
    parameters: int | None = None
    steps: int | None = None
    frames_per_second: float | None = None  # forward, the best batch
    training: Training | None = None
    note: str = ""
    label: str = ""  # the end of `source` that tells it from the others
    speeds: tuple[
        Speed, ...
    ] = ()  # beside others, whose runs are called by their labels

    @property
    def name(self) -> str:
        """Short, for a figure."""
        return f"{self.model} on {self.backend} ({self.label})"


def rows(places: Sequence[Path]) -> list[Row]:
    """A row for each trained or timed model, scores of one protocol alone.

    Raises BadInput for what is no run and no checkpoint, for fewer than two rows, and for rows that
    have neither a protocol in common nor a speed to compare.
    """
    runs = {place: _runs(place) for place in places if place.is_dir()}
    found = _labelled([row for place in places for row in _of(place, runs)])
    if len(found) < 2:
        raise BadInput(
            f"{', '.join(map(str, places))}: {len(found)} trained model there, and two were due"
            f" to be compared; {DUE}"
        )
    # each once, where places were given twice
    each = [run for inside in runs.values() for run in inside]
    once: dict[Path, Run] = {}
    for run in each:
        once.setdefault(run.folder.resolve(), run)
    speeds = ratios.compared(list(once.values()))
    hashes = Counter(row.protocol_hash for row in found if row.protocol_hash)
    (chosen, times), *_ = hashes.most_common(1) or [("", 0)]
    if times < 2 and not speeds:
        # of one that has only been timed, or has failed, there are none
        listed = ", ".join(
            f"{row.protocol} {row.protocol_hash}" if row.protocol_hash else "none"
            for row in found
        )
        raise BadInput(
            f"nothing in common: {len(found)} models, no timing of the same work, and protocols"
            f" {listed}; evaluate them under one, numbers of others mean another thing"
        )
    found = _with_speeds([_comparable(row, chosen) for row in found], speeds)
    trained = [row.training for row in found if row.training]
    return [_marked(row) for row in found] if batches.unequal(trained) else found


def _with_speeds(found: Sequence[Row], speeds: Sequence[Speed]) -> list[Row]:
    """Rows with their speeds, which call a run as the rows do."""
    labels = {row.source: row.label for row in found}
    rows = []
    for row in found:
        about = row.source, row.model, row.backend
        mine = tuple(
            replace(one, run=row.label, base=labels.get(one.base, one.base))
            for one in speeds
            if (one.run, one.model, one.backend) == about
        )
        rows.append(replace(row, speeds=mine))
    return rows


def _marked(row: Row) -> Row:
    """A row beside others whose training had batches of another size."""
    said = batches.halved(row.training) if row.training else ""
    return replace(row, note="; ".join(filter(None, (row.note, said))))


def _labelled(found: Sequence[Row]) -> list[Row]:
    """Each row once, where places were given twice, by the end of its path."""
    keys = [(_whole(row), row.backend, row.model) for row in found]
    given = Counter(keys)
    labels = _ends({_whole(row) for row in found})
    rows = []
    for key, row in dict(zip(keys, found, strict=True)).items():
        often = f"given {given[key]} times" if given[key] > 1 else ""
        note = "; ".join(filter(None, (row.note, often)))
        rows.append(replace(row, note=note, label=labels[key[0]]))
    return rows


def _whole(row: Row) -> Path:
    return Path(row.source).resolve()


def _ends(paths: Collection[Path]) -> dict[Path, str]:
    """Of each path as many of its last parts as no other ends in."""
    found = {}
    for path in paths:
        others = [other.parts for other in paths if other != path]
        count = 1
        while any(other[-count:] == path.parts[-count:] for other in others):
            count += 1
        found[path] = str(Path(*path.parts[-count:]))
    return found


def _comparable(row: Row, chosen: str) -> Row:
    """A row as it may stand beside those of the chosen protocol."""
    if row.protocol_hash in (chosen, ""):
        return row
    note = f"not comparable: another protocol than {chosen}"
    return replace(
        row,
        mpjpe=None,
        pa_mpjpe=None,
        training=None,
        note="; ".join(filter(None, (row.note, note))),
    )


def _of(place: Path, runs: Mapping[Path, Sequence[Run]]) -> list[Row]:
    """What a run, each run of a folder, or a checkpoint has."""
    if place not in runs:
        return [_of_checkpoint(place)]
    return [row for run in runs[place] for row in _of_run(run)]


def _runs(place: Path) -> list[Run]:
    """A run, or each run of a folder. Raises BadInput where it is neither."""
    inside = sorted(each.parent for each in place.glob("*/run.json"))
    if (place / "run.json").exists() or not inside:
        inside = [place]
    return [records.read(folder) for folder in inside]


def _of_run(run: Run) -> Iterator[Row]:
    """Each model that was trained, scored or timed there."""
    pairs = dict.fromkeys(
        (record.backend, record.model)
        for record in run.records
        if isinstance(record.payload, Training | Evaluation | Throughput)
    )
    for backend, model in pairs:
        mine = cells.of_model(run, backend, model)
        yield _row(str(run.folder), backend, model, mine)


def _row(source: str, backend: str, model: str, mine: list[Record]) -> Row:
    scored = glance.evaluation(mine)
    trained = next((each for _, each in cells.payloads(mine, Training)), None)
    known = next((each for _, each in cells.payloads(mine, Feasibility)), None)
    said: Scored | Training | None = scored or trained
    sized = trained or known
    return Row(
        source=source,
        model=model,
        backend=backend,
        # of one that was timed alone there is none
        protocol=said.protocol if said else "",
        protocol_hash=said.protocol_hash if said else "",
        mpjpe=_score(scored, "MPJPE"),
        pa_mpjpe=_score(scored, "PA-MPJPE"),
        parameters=sized.parameters if sized else None,
        steps=trained.steps if trained else None,
        frames_per_second=glance.fastest(mine, "forward"),
        training=trained,
        note="" if scored else "not evaluated",
    )


def _score(scored: Evaluation | None, name: str) -> float | None:
    """A metric by the mean that the protocol looks at."""
    if scored is None:
        return None
    return scored.model_copy(update={"headline": name}).headlined(scored.metrics)


def _of_checkpoint(place: Path) -> Row:
    """What its header says, and the run that it lies in, where that has scored it."""
    found = checkpoint.load(place)
    origin = found.origin
    model, backend = origin.get("model", ""), origin.get("backend", "")
    if not origin.get("protocol_hash"):
        raise BadInput(
            f"{place}: does not say which protocol it was trained under; {DUE} of this version"
        )
    home = place.absolute().parent.parent
    # by its name: others that are kept beside the last are of other steps
    last = place.name.startswith(backend) and place.name.count(".") == 1
    if last and (home / "run.json").exists():
        mine = cells.of_model(records.read(home), backend, model)
        if any(isinstance(each.payload, Training | Evaluation) for each in mine):
            return _row(str(place), backend, model, mine)
    count = sum(
        array.size for name, array in found.trained.items() if not name.endswith(STATE)
    )
    return Row(
        source=str(place),
        model=model,
        backend=backend,
        protocol=origin.get("protocol", ""),
        protocol_hash=origin["protocol_hash"],
        parameters=count,
        steps=found.progress.get("step"),
        note="not evaluated",
    )
