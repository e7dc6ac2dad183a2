"""What the sections say: nothing measured is lost, nothing unmeasured is made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.records import Exam
from reports.sections import parity as ladder
from tests.reports import sample_run as sample
from tests.reports.pages import report_of, row_with, section, tables

# Words of each section that stand nowhere else, most of them numbers of the sample run.
VALUES = {
    "Verdict": (
        "torch: yes with gaps",
        "`poseformer` on torch: **no**",
        "(profile smoke, preset tiny: 10.11 % of the published 42.47 M parameters)",
        "Does it train the same?",
        "(measured)",
        "(not run)",
        "What would change it",
    ),
    "Environment": (
        "Sample CPU",
        "abc1234",
        "2.13.0",
        "cpu.cores",
        "python -m bench run --backend torch",
        "`not measured`",
    ),
    "Op coverage": (
        "4.293",
        "0.008560",
        "2 / 11",
        "1 / 5",
        "width=1024",
        "`batch_norm` for poseformer · torch",
    ),
    "Shape-op and op exam": (
        "1 of 8 questions failed",
        "0.5000",
        "`conv_transpose`",
        "3 / 4, 1 failed",
    ),
    "Backends side by side": (
        "parity: largest shift (mm)",
        "15,530",
        "12,430",
        "4,238",
    ),
    "Parity ladder": (
        "Backends against each other",
        "`gradient: head.weight`",
        "3.000e-06",
        "3.250e-07",
        "0.02000",
        "100.0",
        "4.100e-04",
        "0.03100 mm",
        "models/zoo/sample.py:12",
        "Culprit",
    ),
    "Training and accuracy": (
        "71.25",
        "160.5",
        "9f3a01",
        "103,500",
        "12.35",
        "91.50",
        "action-wise",
        "mean pose",
        "lr 0.001000",
    ),
    "Trained alike": ("71.35", "71.15", "71.50", "0.3509 %", "5.000 %"),
    "Throughput and latency": (
        "1.250 of torch (1.200 to 1.310)",
        "4.120",
        "3.996 to 4.285",
        "15,530",
        "2.100 %",
        "time does not grow with work",
        "tf32",
    ),
    "What was not measured, and why": (
        "crashed",
        "cuda, ran on cpu",
        "`evaluate` of `poseformer`",
        "precision `bf16`",
        "device `mps`",
    ),
}


@pytest.mark.parametrize("title", VALUES)
def test_a_section_shows_its_values(report: str, title: str) -> None:
    shown = section(report, title)
    assert [word for word in VALUES[title] if word not in shown] == []


# Protocols and baselines


def test_protocols_of_different_hashes_share_no_table(report: str) -> None:
    found = tables(section(report, "Training and accuracy"))
    assert any("71.25" in table for table in found)
    assert any("170.0" in table for table in found)
    assert not any(
        "simple_baseline" in table and "motionbert" in table for table in found
    )
    # Nor in the table at the head of the page, which is before the first reason.
    glance = section(report, "Verdict").split("yes with gaps** (")[0]
    assert "MPJPE (mm)" not in glance


def test_backends_are_compared_in_accuracy_under_one_protocol_only(
    report: str, tmp_path: Path
) -> None:
    assert "MPJPE" not in section(report, "Backends side by side")
    text = report_of(tmp_path, [*sample.good(), *sample.compared()])
    row = row_with(section(text, "Backends side by side"), "MPJPE")
    assert "71.25" in row and "71.50" in row


def test_models_of_one_protocol_share_a_table_and_its_baselines(tmp_path: Path) -> None:
    second = sample.record(sample.evaluation(score=65.5), model="motionbert")
    first = sample.record(sample.evaluation())
    text = report_of(tmp_path, [sample.about_data(sample.baselines()), first, second])
    table = next(table for table in tables(text) if "Predictor" in table)
    assert "71.25" in table and "65.50" in table and table.count("mean pose") == 1
    assert "MPJPE (mm)" in section(text, "Verdict")


def test_baselines_of_another_protocol_stand_beside_no_model(tmp_path: Path) -> None:
    strange = sample.about_data(sample.baselines(protocol_hash="bb0002"))
    text = report_of(tmp_path, [strange, sample.record(sample.evaluation())])
    accuracy = section(text, "Training and accuracy")
    assert "71.25" in accuracy and "mean pose" not in accuracy and "160.5" not in text


def test_a_training_is_drawn_beside_its_baselines_though_nothing_was_evaluated(
    tmp_path: Path,
) -> None:
    # The only trace of them is a dashed line: the figure with it is another one.
    trained = sample.record(sample.training())
    figures = []
    for name, more in (
        ("without", []),
        ("with", [sample.about_data(sample.baselines())]),
    ):
        report_of(tmp_path / name, [trained, *more])
        figures.append((tmp_path / name / "figures/training-9f3a01.png").read_bytes())
    assert figures[0] != figures[1]


def test_a_cell_about_the_data_names_no_backend_and_no_model(tmp_path: Path) -> None:
    lost = sample.record(
        None, task="baselines", backend="", model="", status="crashed", reason="no disk"
    )
    text = report_of(tmp_path, [lost, sample.record(sample.parity())])
    row = row_with(section(text, "What was not measured, and why"), "no disk")
    assert row.count(" none ") == 2
    # An empty name would show as a title without words, or as a column of that name.
    judged = re.findall(r"^### (.*):", section(text, "Verdict"), re.MULTILINE)
    assert judged == ["torch"]
    assert "about one backend" in section(text, "Backends side by side")
    versions = section(text, "Environment").split("Versions installed")[1]
    assert len(tables(versions)[0].splitlines()) == 3  # head, rule and torch


def test_a_cell_about_the_data_says_nothing_of_a_device(tmp_path: Path) -> None:
    text = report_of(tmp_path, [sample.about_data(sample.baselines())])
    missing = section(text, "What was not measured, and why")
    assert "device `cpu`" in missing and "precision `fp32`" in missing


# Numbers that do not count


def test_a_void_number_is_shown_only_as_a_claim(report: str) -> None:
    speed = section(report, "Throughput and latency")
    row = row_with(speed, "motionbert", "|      64 |")
    assert row.count("void") == 5 and "4.120" not in row
    assert "time does not grow with work (claimed 4.120 ms)" in speed


def test_an_invalid_record_gives_no_number(report: str) -> None:
    assert "cuda" not in section(report, "Throughput and latency")
    assert "asked for cuda, ran on cpu" in section(
        report, "What was not measured, and why"
    )


def test_training_that_broke_off_shows_its_status(tmp_path: Path) -> None:
    broken = sample.record(
        sample.training(last=None),
        status="failed",
        reason="NaN loss at step 180, step 160 kept",
    )
    text = report_of(tmp_path, [broken])
    assert "not measured" in row_with(section(text, "Training and accuracy"), "failed")
    assert "NaN loss at step 180" in section(text, "What was not measured, and why")


# The worst first


def test_exam_failures_come_first_and_are_capped(tmp_path: Path) -> None:
    row = sample.exam(result="failed").rows[-1]
    failures = [
        row.model_copy(update={"error": float(place), "case": f"case {place}"})
        for place in range(1, 61)
    ]
    many = Exam(rows=(*sample.exam().rows, *failures))
    report = report_of(tmp_path, [sample.record(many, model="")])
    text = section(report, "Shape-op and op exam")
    assert "60 of 68 questions failed. The first 40 are listed" in text
    # 60 down to 21 are the worst forty.
    assert text.index("case 60") < text.index("case 21") < text.index("Totals")
    assert "case 20`" not in text
    by_op = text.split("Each op by question")[1]
    assert by_op.index("`batch_norm`") < by_op.index("`matmul`")


def test_the_worst_check_is_a_failed_one_before_a_larger_ratio() -> None:
    check = sample.parity().checks[3]
    passed = check.model_copy(update={"error": 1.9e-4})
    failed = check.model_copy(update={"error": None, "ok": False})
    assert ladder.worst([passed, failed]) is failed
    assert ladder.worst([passed, sample.parity().checks[2]]) is passed
