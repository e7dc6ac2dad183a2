"""List the backends: installed or what to install."""

from __future__ import annotations

from bench.commands import Json

EXAMPLES = ("backends",)


def command(json: Json = False) -> int:
    """List the backends: installed or what to install."""
    # Under another name: the option is called `json`, and typer shows parameters by theirs.
    import json as encoder

    from bench.commands._tables import table

    rows = _rows()
    if json:
        print(encoder.dumps(rows))
        return 0
    shown = [
        (str(row["backend"]), "yes" if row["installed"] else "no", str(row["note"]))
        for row in rows
    ]
    table(("backend", "installed", "note"), shown)
    return 0


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
            rows.append({"backend": name, "installed": True, "note": ""})
    return rows
