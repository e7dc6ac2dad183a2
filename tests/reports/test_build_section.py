"""The report tells which wheels are declared, and which one is installed, each marked."""

from __future__ import annotations

from pathlib import Path

from bench.records import Feasibility
from reports.sections import build
from tests.reports import sample_payloads, sample_run
from tests.reports.pages import report_of, row_with, section


def with_wheels(grade: str, **wheels: dict[str, tuple[str, ...]]) -> Feasibility:
    change = {"wheels": wheels or None, "grade": grade}
    return sample_payloads.feasibility().model_copy(update=change)


def test_declared_and_installed_wheels_stand_side_by_side(tmp_path: Path) -> None:
    here = with_wheels("measured", torch={"3.11": ("linux-x86_64",)})
    paper = with_wheels("declared", paper={"3.10": (), "3.11": ("macos-arm64", "any")})
    records = [
        sample_run.record(here),
        sample_run.record(paper, backend="paper"),
    ]
    told = section(report_of(tmp_path, records), build.TITLE)
    assert row_with(told, "`torch`", "3.11", "linux-x86_64", "installed")
    assert row_with(told, "`paper`", "3.10", "none", "declared")
    assert row_with(told, "`paper`", "3.11", "macos-arm64, any", "declared")


def test_where_no_wheel_is_known_there_is_no_section(tmp_path: Path) -> None:
    told = report_of(tmp_path, [sample_run.record(with_wheels("measured"))])
    assert f"## {build.TITLE}" not in told
