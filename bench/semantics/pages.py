"""`python -m bench.semantics.pages` writes `docs/semantics.md`: every probe with its variants.

Made of the probes' files; a test holds the page to them.
"""

from __future__ import annotations

from pathlib import Path

from bench.semantics import catalogue
from bench.semantics.variants import Probe, declared

PAGE = Path(__file__).parents[2] / "docs" / "semantics.md"
HEAD = """<!-- Written by `python -m bench.semantics.pages`; do not edit. -->

# Semantics

What `python -m bench backends probe NAME` asks, a probe a file of `bench/semantics/probes`.
Declared is the variant of the language itself; *open* means that it allows any. A manifest says
`semantics: {probe: variant}` in these names ([feasibility](feasibility.md)); how one is added
stands [here](adding/probe.md).

| probe | what | ops or rules | declared | other variants |
|---|---|---|---|---|
"""


def page() -> str:
    """The page, in Markdown."""
    rows = (_row(name, probe) for name, probe in catalogue.table().items())
    formulas = [
        line for name, probe in catalogue.table().items() for line in _told(name, probe)
    ]
    return "\n".join([HEAD + "\n".join(rows), "", *formulas])


def _row(name: str, probe: Probe) -> str:
    own = declared(probe)
    whose = ", ".join(f"`{each}`" for each in (*probe.ops, *probe.rules))
    others = ", ".join(each.name for each in probe.variants if each.name != own)
    return f"| `{name}` | {probe.about} | {whose} | {own or 'open'} | {others} |"


def _told(name: str, probe: Probe) -> list[str]:
    """Formula and source of each variant."""
    lines = [f"## {name}", ""]
    for each in probe.variants:
        lines.append(f"- {each.name}: {_plain(each.formula)} ({_plain(each.source)})")
    return [*lines, ""]


def _plain(text: str) -> str:
    """A formula as text: no star or bracket of it is markup."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text


def write() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
