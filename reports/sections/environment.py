"""Where the numbers come from: what was asked, on which machine, with which versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.records import Run
from reports.blocks import NOT_MEASURED, Block, Code, Inline, Table, table, text

ORDER = 20
TITLE = "Environment"


def render(run: Run, figures: Path) -> list[Block]:
    """The run, the machine, the versions of each worker, and the full configuration folded."""
    page: list[Block] = [pairs(about(run), "")]
    if run.info.environment:
        page.append(pairs(flat(run.info.environment), "Machine"))
    else:
        page.append(text("The machine was not recorded."))
    page += versions(run)
    if run.info.config:
        page.append(
            pairs(
                flat(run.info.config, absent="not set"),
                "Configuration of the run",
                folded=True,
            )
        )
    return page


def about(run: Run) -> dict[str, str]:
    """The run in a few lines."""
    info = run.info
    return {
        "run": info.id,
        "command": info.command,
        "started (UTC)": info.started,
        "finished (UTC)": info.finished or "not finished",
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
        if isinstance(value, Mapping) and value:
            out |= flat(value, f"{prefix}{key}.", absent=absent)
        else:
            out[f"{prefix}{key}"] = plain(value, absent)
    return out


def plain(value: object, absent: str) -> str:
    """A setting as words."""
    if value is None or value == "":
        return absent
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def pairs(values: Mapping[str, str], caption: str, *, folded: bool = False) -> Table:
    """Names and values as a table of two columns."""
    return table(
        [{"What": name, "Value": Code(value)} for name, value in values.items()],
        caption=caption,
        folded=folded,
    )


def versions(run: Run) -> list[Block]:
    """Versions that the workers of each backend reported, one row for each different set."""
    seen: dict[tuple[str, str], dict[str, Inline]] = {}
    for record in run.records:
        if record.versions:
            seen.setdefault(
                (record.backend, str(sorted(record.versions.items()))),
                {"Backend": Code(record.backend), **record.versions},
            )
    return (
        [table(seen.values(), caption="Versions in the worker processes")]
        if seen
        else [text("No worker reported its versions.")]
    )
