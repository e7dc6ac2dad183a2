"""The page as a whole: every section, every figure, and what becomes of a broken run.

`POSEPORT_REGENERATE=1 python -m pytest tests/reports/test_page.py` writes the golden report
anew; read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import folder as registry
from models.errors import BadInput, UnknownName
from reports import build, found, sections
from reports.sections import detours, profile, semantics
from tests.paths import GOLDEN
from tests.reports import sample_run as sample
from tests.reports.pages import report_of, section, tables

GOLDEN_REPORT = GOLDEN / "report.md"

# A section as a newcomer would write it, in the place that is asked for.
NEW_SECTION = '''
"""How much power it took."""

from reports.blocks import text

AFTER = {after}
TITLE = "Power"


def render(run, figures):
    return [text("Not measured: nobody asked the meter.")]
'''


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of sections, empty at first."""
    path = tmp_path / "more_sections"
    path.mkdir()
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(path)])
    yield path
    # Else a later test, which has another folder, would be given the module of this one.
    for name in registry.files(path):
        sys.modules.pop(f"{sections.__name__}.{name}", None)


def titles(report: str) -> list[str]:
    """Titles of the sections, from the top."""
    return re.findall(r"^## (.+)$", report, re.MULTILINE)


# How sections are found


def test_sections_are_found_by_listing_and_stand_in_order(report: str) -> None:
    shown = titles(report)
    # of what the sample's run has not looked for, nothing is said
    silent = (sections.build, detours, profile, semantics)
    due = [module.TITLE for module in found() if module not in silent]
    assert shown == due
    assert shown[0] == "Verdict"
    assert shown[-1] == "What was not measured, and why"
    # A module beside the list, which the list does not know, would be a lost section.
    held = [registry.files(Path(path)) for path in sections.__path__]
    assert {module.__name__.split(".")[-1] for module in found()} == set().union(*held)


def test_every_section_comes_after_its_neighbours() -> None:
    names = [module.__name__.split(".")[-1] for module in found()]
    for place, module in enumerate(found()):
        assert set(module.AFTER) <= set(names[:place]), module.__name__


def test_a_new_file_is_a_new_section(extra: Path, tmp_path: Path) -> None:
    (extra / "power.py").write_text(NEW_SECTION.format(after='("parity",)'))
    report = report_of(tmp_path / "run", sample.good())
    assert "nobody asked the meter" in section(report, "Power")
    # Behind the neighbour it names, and before what comes at the end of another chain.
    shown = titles(report)
    assert shown.index("Parity ladder") < shown.index("Power")
    assert shown.index("Power") < shown.index("What was not measured, and why")


def test_a_new_section_may_be_among_the_first(extra: Path, tmp_path: Path) -> None:
    (extra / "power.py").write_text(NEW_SECTION.format(after="()"))
    assert titles(report_of(tmp_path / "run", sample.good()))[:2] == [
        "Power",
        "Verdict",
    ]


def test_a_file_with_an_underscore_is_no_section(extra: Path) -> None:
    before = found()
    (extra / "_power.py").write_text(NEW_SECTION.format(after="()"))
    assert found() == before


def test_a_neighbour_that_is_not_there_is_named(extra: Path) -> None:
    (extra / "power.py").write_text(NEW_SECTION.format(after='("partiy",)'))
    with pytest.raises(UnknownName, match="of power 'partiy': did you mean parity"):
        found()


# What the page holds


def test_report_is_the_golden_one(report: str) -> None:
    if os.environ.get("POSEPORT_REGENERATE"):
        GOLDEN_REPORT.parent.mkdir(exist_ok=True)
        GOLDEN_REPORT.write_text(report, encoding="utf-8")
    assert report == GOLDEN_REPORT.read_text(encoding="utf-8")


def test_every_figure_is_drawn_and_none_is_left_over(folder: Path, report: str) -> None:
    shown = set(re.findall(r"\]\((figures/[^)]+)\)", report))
    assert shown == {f"figures/{path.name}" for path in (folder / "figures").iterdir()}
    assert len(shown) == 10
    for path in shown:
        content = (folder / path).read_bytes()
        # A PNG, and more than an empty canvas would take.
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) > 5_000


def test_every_table_row_has_as_many_cells_as_its_head(report: str) -> None:
    found_tables = tables(report)
    assert len(found_tables) > 20
    for table in found_tables:
        # A pipe that is escaped is text, and begins no cell.
        pipes = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        assert len(set(pipes)) == 1, table


def test_no_empty_cell_and_no_nan(report: str) -> None:
    rows = [line for line in report.splitlines() if line.startswith("|")]
    assert not [row for row in rows if re.search(r"\|\s*\|", row)]
    assert not re.search(r"\b(nan|None|inf)\b", report)


def test_nasty_text_is_escaped_everywhere(report: str) -> None:
    assert "<b>" not in report and "](x)" not in report.replace("\\](x)", "")
    assert (
        "no \\| pipe, no \\`tick\\`, no &lt;b&gt;tag&lt;/b&gt;, no \\*star\\*, no"
        " \\[link\\](x)" in report
    )


def test_build_twice_gives_the_same_and_leaves_no_draft(tmp_path: Path) -> None:
    first = report_of(tmp_path, [sample.record(sample.parity())])
    assert build(tmp_path).read_text(encoding="utf-8") == first
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "figures",
        "parity-torch.png",
        "records.jsonl",
        "report.md",
        "run.json",
    ]


# Runs that are hardly any


def test_an_empty_run_says_so_in_every_section(tmp_path: Path) -> None:
    text = report_of(tmp_path, [], finished=None)
    assert "This run is empty" in section(text, "Verdict")
    assert "not finished" in section(text, "Environment")
    for title in (
        "Op coverage",
        "Shape-op and op exam",
        "Parity ladder",
        "Training and accuracy",
        "Throughput and latency",
    ):
        assert "not measured" in section(text, title), title
    assert "Nothing was measured" in section(text, "What was not measured, and why")


def test_a_run_of_crashes_still_gives_a_report(tmp_path: Path) -> None:
    tasks = ("feasibility", "parity", "train", "evaluate", "throughput", "shape_ops")
    crashes = [
        sample.record(None, task=task, status="crashed", reason=f"signal {task}")
        for task in tasks
    ]
    text = report_of(tmp_path, crashes)
    for task in tasks:
        assert f"signal {task}" in section(text, "What was not measured, and why")
    assert "torch: undecided" in text


def test_a_line_of_records_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    sample.write(tmp_path, sample.good())
    records = tmp_path / "records.jsonl"
    first, *rest = records.read_text().splitlines()
    records.write_text("\n".join([first, '{"surprise": 1}', *rest]) + "\n")
    said = build(tmp_path).read_text()
    assert "records.jsonl that cannot be read, and are left out: 2." in said


def test_an_unreadable_run_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    sample.write(tmp_path, sample.good())
    (tmp_path / "run.json").write_text('{"surprise": 1}\n')
    with pytest.raises(BadInput, match="cannot read") as caught:
        build(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.md").exists() and not (tmp_path / "figures").exists()


def test_a_folder_that_is_no_run_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no run\.json"):
        build(tmp_path)


def test_a_debug_run_has_no_verdict(tmp_path: Path) -> None:
    few = {"config": {"profile": "standard", "debug": True}}
    sample.write(tmp_path, sample.good(), **few)
    said = build(tmp_path).read_text()
    assert "**No verdict.** A debug run looks for mistakes" in said
    for answer in ("Does it train the same?", "yes with gaps"):
        assert answer not in said
