"""`backends build NAME`: how a framework sits on this machine."""

from __future__ import annotations

import json
from typing import Any

from bench.commands._progress import waiting
from bench.commands._tables import table
from bench.feasibility import build as asking
from bench.feasibility import wheels


def build(name: str, *, as_json: bool) -> int:
    """Import, measure and print; 1 where an import or an order of imports ends badly."""
    with waiting(f"importing {name}", quiet=as_json):
        found = asking.evidence(name)
    bad = found["import_ended"] or any(
        said != "ok" for said in found["orders"].values()
    )
    if as_json:
        print(json.dumps(found))
    else:
        table(("what", "value"), _rows(found))
    return 1 if bad else 0


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    seconds, unmet = found["import_seconds"], found["conflicts"]
    timed = (
        f"{seconds:.2f} s, median of {asking.TIMES}"
        if seconds is not None
        else found["import_ended"]
    )
    rows = [("version", found.get("version", "not said")), ("import", timed)]
    for name in found["bytes"]:
        built = wheels.told(found["wheels"].get(name, {}))
        rows.append(
            (f"wheel of {name}", built if name in found["wheels"] else "not said")
        )
    for name, size in found["bytes"].items():
        rows.append(
            (f"size of {name}", "–" if size is None else f"{size / 1e6:,.1f} MB")
        )
    said = "not looked for: no `packaging` here" if unmet is None else "; ".join(unmet)
    rows.append(("conflicts", said or "none"))
    return rows + [(f"import {order}", how) for order, how in found["orders"].items()]
