"""Plant faults into a backend, and see which are caught."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.commands import Backends, Json, Out, Resume, Seed
from models.errors import UnknownName

EXAMPLES = (
    "audit --backend torch",
    "audit --backend jax --kind gradient --kind noise",
)

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Kind of fault (kernel, gradient, noise, ...), repeatable.",
        show_default="all",
    ),
]
TIMEOUT = 7200  # seconds: the whole catalogue is one cell


def command(
    backend: Backends = None,
    kind: Kinds = None,
    seed: Seed = None,
    out: Out = None,
    resume: Resume = None,
    json: Json = False,
) -> int:
    """Plant faults into a backend, and see which are caught.

    Several hundred of them: each is put to what `run --profile smoke` asks, and to standard where
    that misses it. Exit code 1 where one is missed, or the backend without a fault is accused.
    """
    from bench.audit import catalogue
    from bench.commands._measure import configure, locked, measure

    known = sorted(set(catalogue.kinds().values()))
    for name in kind or ():
        if name not in known:
            raise UnknownName("kind of fault", name, known)
    with locked(resume):
        settings = configure(
            tasks=["audit"],
            backend=backend,
            model=None,
            faults=kind,
            seed=seed,
            timeout=None if resume else TIMEOUT,
            resume=resume,
        )
        if not resume:
            # it is about a backend alone, on models of its own
            settings = settings.model_copy(update={"model": {}})
        return measure(settings, out=out, resume=resume, as_json=json)
