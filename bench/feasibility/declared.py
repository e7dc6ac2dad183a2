"""The verdict on a framework that is known on paper: what its manifest says, and nothing is run."""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import cache
from pathlib import Path

from bench.coordinator.job import Job
from bench.data.formats import yaml_file
from bench.feasibility import TASK, task
from bench.feasibility.abilities import TAKEN, Abilities, undefined
from bench.feasibility.manifest import UNKNOWN, Manifest, read
from bench.records import Feasibility, Record

# what of a manifest an obstacle comes of, where `lacks` does not name it
FIELDS = {
    "op": ("others",),
    "optimizer": ("others",),
    "rank": ("rank",),
    "dtype": ("dtypes",),
    "graphs": ("inference_graph",),
}


def record(job: Job) -> Record:
    """The cell of one model, as a worker would make it of a backend that is here."""
    started = time.perf_counter()
    path = job.config.declared[job.backend]
    manifest = read(path)
    found = task.finding(job, of_manifest(manifest, job.config.without))
    payload = found.payload
    if isinstance(payload, Feasibility):
        payload = _sourced(payload, path, manifest)
    return Record(
        task=TASK,
        backend=job.backend,
        model=job.model,
        device=job.config.device,
        precision=job.config.precision,
        status=found.status,
        reason=found.reason,
        seconds=time.perf_counter() - started,
        config=job.settings.sizes | {"preset": job.settings.preset},
        payload=payload,
        versions={manifest.name: manifest.version},
    )


def _sourced(payload: Feasibility, path: Path, manifest: Manifest) -> Feasibility:
    """With its wheels, and each obstacle with the line of the manifest that makes it one.

    Where the manifest is silent there is none.
    """
    found = []
    for one in payload.obstacles:
        keys = ("lacks", one.what) if one.what in manifest.lacks else FIELDS[one.kind]
        said = keys[0] in manifest.model_fields_set
        source = f"{path}:{_line(path, keys)}" if said else str(path)
        found.append(one.model_copy(update={"source": source}))
    built = manifest.built()
    return payload.model_copy(
        update={
            "obstacles": tuple(found),
            "wheels": None if built is None else {manifest.name: built},
        }
    )


@cache
def _line(path: Path, keys: tuple[str, ...]) -> int:
    # the same for every model, and the whole file is parsed for it
    return yaml_file.line(path, keys)


def of_manifest(manifest: Manifest, without: Collection[str] = ()) -> Abilities:
    """What a manifest says, less what is taken away, in the terms of a backend."""
    kernels = set(manifest.kernels()) - set(without)
    lacks = manifest.lacks | dict.fromkeys(without, TAKEN)
    open_ = manifest.others == UNKNOWN
    bounded = isinstance(manifest.rank, int)
    return Abilities(
        name=manifest.name,
        kernels=kernels,
        gaps=lacks,
        unknown=undefined(kernels, lacks) if open_ else (),
        declared=True,
        rank=manifest.rank if isinstance(manifest.rank, int) else None,
        knows_rank=bounded or manifest.rank == "any",
        dtypes=None if manifest.dtypes == UNKNOWN else manifest.dtypes,
        optimizers=None if manifest.optimizers == UNKNOWN else manifest.optimizers,
        autograd=manifest.autograd,
        second_graph=manifest.inference_graph,
        dynamic=manifest.dynamic_shapes,
        features=_features(manifest),
        semantics=manifest.semantics,
    )


def named(paths: list[Path]) -> dict[str, Path]:
    """Manifests by the framework's name, each read once. Raises BadInput."""
    import backends
    from models.errors import BadInput

    found: dict[str, Path] = {}
    for path in paths:
        name = read(path).name
        if name in backends.names():
            raise BadInput(
                f"{path}: name: {name} is that of a backend that is here; choose another"
            )
        if name in found:
            raise BadInput(
                f"{path}: name: {name} is that of {found[name]}, too; rename one"
            )
        found[name] = path
    return found


def _features(manifest: Manifest) -> dict[str, str]:
    """What it offers beside ops, in the words of the manifest."""
    return {
        "autograd": manifest.autograd,
        "separate inference graph": manifest.inference_graph,
        "loops in a graph": manifest.graph_loops,
        "open axes": manifest.dynamic_shapes,
        "largest rank": str(manifest.rank),
        "optimizers": _listed(manifest.optimizers),
        "devices": _listed(manifest.devices),
        "platforms": _told(manifest.platforms),
        "notes": "; ".join(manifest.notes) or "none",
    }


def _listed(names: tuple[str, ...] | str) -> str:
    return names if isinstance(names, str) else ", ".join(names) or "none"


def _told(said: dict[str, str] | str) -> str:
    if isinstance(said, str):
        return said
    return "; ".join(f"{name}: {text}" for name, text in said.items())
