"""Where the numbers come from: what was asked, on which machine, with which versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.records import Run
from reports.blocks import NOT_MEASURED, Block, Code, Row, Table, table, text

AFTER = ("side_by_side",)
TITLE = "Environment"


def render(run: Run, figures: Path) -> list[Block]:
    """The run, the machine, the versions of each worker, and the configuration folded."""
    info = run.info
    page: list[Block] = [pairs(about(run), "")]
    if info.environment:
        page.append(pairs(flat(info.environment), "Machine"))
    else:
        page.append(text("The machine was not recorded."))
    page.append(versions(run))
    if info.config:
        # A setting that is empty was left to its default; nobody failed to measure it.
        settings = flat(info.config, absent="not set")
        page.append(pairs(settings, "Configuration of the run", folded=True))
    return page


def about(run: Run) -> dict[str, str]:
    """The run in a few lines."""
    info = run.info
    return {
        "run": info.id,
        "command": info.command,
        "started (UTC)": info.started,
        "finished (UTC)": info.finished or "not finished",
        # A copy of the code without its history has no commit to name.
        "commit": info.commit or NOT_MEASURED,
        "seed": str(info.seed),
        "record schema": str(info.schema_version),
    }


def flat(
    tree: Mapping[str, object], prefix: str = "", *, absent: str = NOT_MEASURED
) -> dict[str, str]:
    """Nested settings as dotted names; a list is one value, and nothing is `absent`."""
    out: dict[str, str] = {}
    for key, value in tree.items():
        # An empty level has no dotted names, and would vanish: it is shown as a value.
        if isinstance(value, Mapping) and value:
            out |= flat(value, f"{prefix}{key}.", absent=absent)
        else:
            out[f"{prefix}{key}"] = plain(value, absent)
    return out


def plain(value: object, absent: str) -> str:
    """A setting as words."""
    # Not `not value`: 0 and False are settings.
    if value is None or value == "":
        return absent
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def pairs(values: Mapping[str, str], caption: str, *, folded: bool = False) -> Table:
    """Names and values as a table of two columns."""
    rows: list[Row] = [
        {"What": name, "Value": Code(value)} for name, value in values.items()
    ]
    return table(rows, caption=caption, folded=folded)


def versions(run: Run) -> Block:
    """Versions that the workers of each backend reported, a row for each different set."""
    # Workers of one backend should all agree; where a resumed run found another framework,
    # it shows here as a second row.
    seen: dict[tuple[str, str], Row] = {}
    for record in run.records:
        if record.versions and record.backend:
            key = (record.backend, str(sorted(record.versions.items())))
            seen.setdefault(key, {"Backend": Code(record.backend), **record.versions})
    if not seen:
        return text("No worker reported its versions.")
    return table(
        seen.values(), caption="Versions installed where each backend's workers ran"
    )
