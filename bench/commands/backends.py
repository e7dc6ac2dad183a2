"""List the backends: installed or what to install."""

from __future__ import annotations

from bench.commands import Json


def command(json: Json = False) -> int:
    """List the backends: installed or what to install."""
    import json as encoder

    import backends
    from bench.commands._tables import table
    from models.errors import Missing

    rows = []
    for name in backends.names():
        try:
            backends.require(name)
            rows.append({"backend": name, "installed": True, "note": ""})
        except Missing as error:
            rows.append({"backend": name, "installed": False, "note": str(error)})
    if json:
        print(encoder.dumps(rows))
    else:
        table(
            ("backend", "installed", "note"),
            [
                (str(row["backend"]), "yes" if row["installed"] else "no", str(row["note"]))
                for row in rows
            ],
        )
    return 0
