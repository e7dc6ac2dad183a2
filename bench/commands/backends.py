"""List the backends; begin, check, probe or weigh one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json
from bench.commands._said import say
from models.errors import BadInput, UnknownName

EXAMPLES = (
    "backends",
    "backends new mine --to poseport-mine",
    "backends check mine",
    "backends probe torch --to torch.yaml",
    "backends probe torch --manifest mine.yaml",
    "backends build torch",
)
ACTIONS = ("list", "new", "check", "probe", "build")
LIMIT = 60.0  # seconds of a call: a framework that compiles may need many

Action = Annotated[
    str,
    typer.Argument(help="list, new NAME, check NAME, probe NAME, or build NAME."),
]
Name = Annotated[str | None, typer.Argument(help="The backend.")]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="PATH",
        help="Folder that `new` makes, or manifest that `probe` writes.",
        show_default="poseport-NAME",
    ),
]
Held = Annotated[
    Path | None,
    typer.Option(
        "--manifest", metavar="FILE", help="Manifest that `probe` holds against it."
    ),
]
Limit = Annotated[
    float | None,
    typer.Option(
        "--limit",
        metavar="SECONDS",
        help="What a call of `check` may take.",
        show_default=f"{LIMIT:g}",
    ),
]


def command(
    action: Action = "list",
    name: Name = None,
    to: To = None,
    manifest: Held = None,
    limit: Limit = None,
    json: Json = False,
) -> int:
    """List the backends; begin, check, probe or weigh one.

    `new` writes a package that runs at once, on NumPy, to be replaced piece by piece. `check`
    makes every call that the contract has on tiny graphs, and prints each breach in a line.
    `probe` says which variant of GELU, eps, padding, decay and such it computes; it writes the
    manifest of one as it was measured, and holds another against it.
    `build` tells how it is installed: import time, size, wheels, conflicts, orders of imports.
    """
    _refuse(action, name, to, limit)
    if manifest is not None and action != "probe":
        raise BadInput(f"backends {action}: --manifest goes with probe; leave it out")
    if action == "new" and name:
        return _new(name, to or Path(f"poseport-{name}"), as_json=json)
    if action == "check" and name:
        return _check(name, limit or LIMIT, as_json=json)
    if action == "probe" and name:
        from bench.commands import _probe

        return _probe.probe(name, to, manifest, as_json=json)
    if action == "build" and name:
        from bench.commands import _build

        return _build.build(name, as_json=json)
    return _list(as_json=json)


def _refuse(
    action: str, name: str | None, to: Path | None, limit: float | None
) -> None:
    """What does not go together."""
    if action not in ACTIONS:
        raise UnknownName("backends action", action, ACTIONS)
    if (name is None) != (action == "list"):
        raise BadInput(
            f"backends {action}: a NAME goes with every action but list, which need it"
        )
    if action == "new" and name in ACTIONS:
        raise BadInput(
            f"backends new {name}: {name} is what `backends` itself is told; choose another name"
        )
    if to is not None and action not in ("new", "probe"):
        raise BadInput(f"backends {action}: --to goes with new and probe; leave it out")
    if limit is not None and (action != "check" or not limit > 0):
        raise BadInput(
            f"backends {action}: --limit {limit:g} came; it goes with check, and seconds"
            " above 0 were due"
        )


def _list(*, as_json: bool) -> int:
    import json

    from bench.commands._tables import table

    rows = _rows()
    if as_json:
        print(json.dumps(rows))
        return 0
    shown = [
        (str(row["backend"]), "yes" if row["installed"] else "no", str(row["note"]))
        for row in rows
    ]
    table(("backend", "installed", "note"), shown)
    return 0


def _new(name: str, folder: Path, *, as_json: bool) -> int:
    import json
    from shlex import quote

    from bench.kit import new

    files = [str(file) for file in new.write(name, folder)]
    if as_json:
        print(json.dumps({"backend": name, "files": files}))
        return 0
    say(*files)
    say(
        f"next: pip install -e {quote(str(folder))} && python -m bench backends check {name}"
    )
    return 0


def _check(name: str, limit: float, *, as_json: bool) -> int:
    import json

    import backends
    from bench.kit.check import check

    backends.require(name)
    told = check(name, limit=limit)
    code = 1 if told.breaches else 0
    if as_json:
        found = {"calls": told.calls, "breaches": told.breaches}
        print(json.dumps({"backend": name, **found, "left_out": told.left_out}))
        return code
    for line in told.breaches:
        say(line)
    for line in told.left_out:
        say(f"not asked, {line}")
    say(f"{name}: {told.calls} calls, {len(told.breaches)} breaches")
    return code


def _rows() -> list[dict[str, object]]:
    """A row for each backend; the note of one that is missing says what to install."""
    import backends
    from models.errors import BadInput, Missing

    rows: list[dict[str, object]] = []
    for name in backends.names():
        try:
            # Looks for the packages and imports none: frameworks never share a process.
            backends.require(name)
        except (Missing, BadInput) as error:
            rows.append({"backend": name, "installed": False, "note": str(error)})
        else:
            note = backends.passed_over(name)
            rows.append({"backend": name, "installed": True, "note": note})
    return rows
