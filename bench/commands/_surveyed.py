"""The survey read and joined with what is here: the zoo's own counts, what carries its blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import models
from bench import records
from bench.commands._carried import Carrier
from bench.data.formats import yaml_file
from bench.records import Evaluation, Training
from models import ops
from models.errors import BadInput, UnknownName
from models.spec import Spec
from reports import cells
from reports.survey import FOLDER
from reports.survey.entries import Method, Survey
from reports.survey.page import Known, Own

MESHES = ("pose2mesh", "pose2mesh:meshnet")  # whose surface the study has scored


@dataclass(frozen=True)
class Needs:
    """What a method needs: ops by name, and its blocks of which nobody can say."""

    ops: tuple[str, ...]
    open: tuple[str, ...]


def read(folder: Path = FOLDER) -> Survey:
    """The survey's files. Raises BadInput naming file and field, UnknownName for an op or model."""
    content = {
        path.stem: yaml_file.read(path) for path in sorted(folder.glob("*.yaml"))
    }
    try:
        # as JSON, which has no tuples: lists are taken, and still no text for a number
        found = Survey.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        came = f" (got {first['input']!r:.60})" if place else ""
        raise BadInput(f"{folder}: {place}: {first['msg']}{came}") from None
    _refuse_strange(found)
    return found


def _refuse_strange(survey: Survey) -> None:
    """Raise UnknownName for an op or a model that is none of the language's or the zoo's."""
    for key, block in survey.blocks.items():
        for op in block.ops:
            if op not in ops.table():
                raise UnknownName(f"op of blocks.{key}", op, ops.table())
    for key, method in survey.methods.items():
        if method.model and method.model not in models.networks():
            known = models.networks()
            raise UnknownName(f"model of methods.{key}", method.model, known)


def joined(
    survey: Survey, methods: Mapping[str, Method], carriers: Mapping[str, Carrier]
) -> dict[str, Known]:
    """What is known here of each method: counts by preset, ops, and what carries them."""
    found = {}
    for key, method in methods.items():
        specs = _specs(method)
        needs = _needs(survey, method, specs)
        carried = {
            name: carrier.verdict(needs.ops, needs.open)
            for name, carrier in carriers.items()
        }
        counts = {preset: spec.parameter_count() for preset, spec in specs.items()}
        found[key] = Known(counts, needs.ops, needs.open, carried)
    return found


def _specs(method: Method) -> dict[str, Spec]:
    """The zoo's model at each preset that a result is of; none where the zoo has none."""
    if not method.model:
        return {}
    presets = ["paper", *(one.preset for one in method.results if one.preset)]
    return {preset: _spec(method.model, preset) for preset in presets}


@cache
def _spec(name: str, preset: str) -> Spec:
    # half a second each, and several results are of one preset
    return models.build(name, preset=preset)


def _needs(survey: Survey, method: Method, specs: Mapping[str, Spec]) -> Needs:
    """By the graphs of the zoo where it has the method, else by its blocks."""
    if specs:
        spec = specs["paper"]
        both = {*spec.train.census(), *spec.infer.census()}
        return Needs(tuple(sorted(both)), ())
    blocks = {name: survey.blocks[name] for name in method.blocks}
    needed = {op for block in blocks.values() for op in block.ops}
    unsaid = tuple(name for name, block in blocks.items() if block.open)
    return Needs(tuple(sorted(needed)), unsaid)


def own(folder: Path) -> list[Own]:
    """Scores of the study's network in a finished run. Raises BadInput where there are none."""
    run = records.read(folder)
    found = list(_own(run))
    if not found:
        raise BadInput(
            f"{folder}: no evaluation of {' or '.join(MESHES)} in it; give a run that has"
            " trained one of them, as by `train --recipe r3-meshnet-adam`"
        )
    return found


def _own(run: records.Run) -> Iterator[Own]:
    for record, scored in cells.payloads(run.records, Evaluation):
        if record.model not in MESHES:
            continue
        mine = cells.of_model(run, record.backend, record.model)
        trained = [each for _, each in cells.payloads(mine, Training)]
        rule: Any = trained[0].optimizer.get("rule", "") if trained else ""
        yield Own(
            optimizer=str(rule),
            backend=record.backend,
            mpjpe=scored.headlined(scored.metrics, "MPJPE of the mesh"),
            pa_mpjpe=scored.headlined(scored.metrics, "PA-MPJPE of the mesh"),
            protocol=f"{scored.protocol} {scored.protocol_hash}",
            data=scored.data,
            run=run.info.id,
        )
