"""The report of a run: nothing measured is lost, nothing unmeasured is made up, and the
verdict follows its rules.

`POSEPORT_REGENERATE=1 python -m pytest tests/reports/test_reports.py` writes the golden
report anew; read the difference before it is kept.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bench import records
from bench.records import Exam, Parity, Record, Run
from models.errors import BadInput
from reports import blocks, build, cells, found, markdown, numbers, verdict
from reports.sections import parity as ladder
from tests.paths import GOLDEN

GOLDEN_REPORT = GOLDEN / "report.md"


def load_sample() -> ModuleType:
    """The factory beside this file, however pytest imports tests."""
    spec = importlib.util.spec_from_file_location(
        "sample_run", Path(__file__).with_name("sample_run.py")
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sample = load_sample()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three models, reported once for all tests that only read."""
    path = sample.write(tmp_path_factory.mktemp("run"), sample.mixed())
    assert build(path) == path / "report.md"
    return path


@pytest.fixture(scope="module")
def report(folder: Path) -> str:
    """The text of that report."""
    return (folder / "report.md").read_text(encoding="utf-8")


def report_of(path: Path, cells_of_run: list[Record], **change: object) -> str:
    """The report of other records."""
    return build(sample.write(path, cells_of_run, **change)).read_text(encoding="utf-8")


def section(report: str, title: str) -> str:
    """The part of a report under a title of level 2."""
    return report.split(f"\n## {title}\n")[1].split("\n## ")[0]


# The page


def test_sections_are_found_by_listing_and_stand_in_order(report: str) -> None:
    titles = re.findall(r"^## (.+)$", report, re.MULTILINE)
    assert titles == [module.TITLE for module in found()]
    assert (
        len(titles) == 10
        and titles[0] == "Verdict"
        and titles[-1] == "What was not measured, and why"
    )
    orders = [module.ORDER for module in found()]
    assert orders == sorted(set(orders))


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
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) > 5_000


def test_every_table_row_has_as_many_cells_as_its_head(report: str) -> None:
    widths = [
        [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE)
    ]
    assert len(widths) > 20
    assert all(len(set(width)) == 1 for width in widths)


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
    text = report_of(
        tmp_path,
        [
            sample.record(None, task=task, status="crashed", reason=f"signal {task}")
            for task in tasks
        ],
    )
    for task in tasks:
        assert f"signal {task}" in section(text, "What was not measured, and why")
    assert "torch: undecided" in text


@pytest.mark.parametrize("broken", ["run.json", "records.jsonl"])
def test_an_unreadable_run_is_one_line_and_writes_nothing(
    tmp_path: Path, broken: str
) -> None:
    sample.write(tmp_path, sample.good())
    (tmp_path / broken).write_text('{"surprise": 1}\n')
    with pytest.raises(BadInput, match="cannot read") as caught:
        build(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.md").exists() and not (tmp_path / "figures").exists()


def test_a_folder_that_is_no_run_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no run\.json"):
        build(tmp_path)


# What the sections say


@pytest.mark.parametrize(
    ("title", "words"),
    [
        (
            "Verdict",
            (
                "torch: yes with gaps",
                "`poseformer` on torch: **no**",
                "(measured)",
                "(not run)",
                "What would change it",
            ),
        ),
        (
            "Environment",
            (
                "Sample CPU",
                "abc1234",
                "2.13.0",
                "cpu.cores",
                "python -m bench run --backend torch",
                "`not measured`",
            ),
        ),
        (
            "Op coverage",
            (
                "4.293",
                "0.008560",
                "2 / 11",
                "1 / 5",
                "width=1024",
                "`batch_norm` for poseformer · torch",
            ),
        ),
        (
            "Shape-op and op exam",
            ("1 of 8 questions failed", "0.5000", "`conv_transpose`", "3 / 4, 1 failed"),
        ),
        (
            "Backends side by side",
            ("parity: largest shift (mm)", "15,530", "12,430", "4,238"),
        ),
        (
            "Parity ladder",
            (
                "Backends against each other",
                "`gradient head.weight`",
                "3.000e-06",
                "3.250e-07",
                "0.02000",
                "100.0",
                "4.100e-04",
                "0.03100 mm",
                "models/zoo/sample.py:12",
                "Culprit",
            ),
        ),
        (
            "Training and accuracy",
            (
                "71.25",
                "160.5",
                "9f3a01",
                "103,500",
                "12.35",
                "91.50",
                "action-wise",
                "mean pose",
                "rate 0.001000",
            ),
        ),
        (
            "Throughput and latency",
            (
                "1.250 of torch (1.200 to 1.310)",
                "4.120",
                "3.996 to 4.285",
                "15,530",
                "2.100 %",
                "time does not grow with work",
                "tf32",
            ),
        ),
        (
            "What was not measured, and why",
            (
                "crashed",
                "cuda, ran on cpu",
                "`evaluate` of `poseformer`",
                "precision `bf16`",
                "device `mps`",
            ),
        ),
    ],
)
def test_a_section_shows_its_values(
    report: str, title: str, words: tuple[str, ...]
) -> None:
    assert [word for word in words if word not in section(report, title)] == []


def test_protocols_of_different_hashes_share_no_table(report: str) -> None:
    tables = re.findall(
        r"(?:^\|.*\n)+", section(report, "Training and accuracy"), re.MULTILINE
    )
    assert any("71.25" in table for table in tables) and any(
        "170.0" in table for table in tables
    )
    assert not any("simple_baseline" in table and "motionbert" in table for table in tables)
    assert "MPJPE (mm)" not in section(report, "Verdict").split("yes with gaps** (")[0]


def test_backends_are_compared_in_accuracy_under_one_protocol_only(
    report: str, tmp_path: Path
) -> None:
    assert "MPJPE" not in section(report, "Backends side by side")
    text = report_of(tmp_path, [*sample.good(), *sample.compared()])
    row = next(
        line
        for line in section(text, "Backends side by side").splitlines()
        if "MPJPE" in line
    )
    assert "71.25" in row and "71.50" in row


def test_models_of_one_protocol_share_a_table_and_its_baselines(tmp_path: Path) -> None:
    second = sample.record(sample.evaluation(score=65.5), model="motionbert")
    text = report_of(tmp_path, [sample.record(sample.evaluation()), second])
    table = next(
        table
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        if "Predictor" in table
    )
    assert "71.25" in table and "65.50" in table and table.count("mean pose") == 1
    assert "MPJPE (mm)" in section(text, "Verdict")


def test_baselines_that_differ_say_beside_which_model(tmp_path: Path) -> None:
    second = sample.record(sample.evaluation(baseline=150.25), model="motionbert")
    text = report_of(tmp_path, [sample.record(sample.evaluation()), second])
    assert (
        "least-squares linear map (beside motionbert · torch)" in text and "150.2" in text
    )


def test_a_void_number_is_shown_only_as_a_claim(report: str) -> None:
    speed = section(report, "Throughput and latency")
    row = next(
        line
        for line in speed.splitlines()
        if "motionbert" in line and "|      64 |" in line
    )
    assert row.count("void") == 4 and "4.120" not in row
    assert "time does not grow with work (claimed 4.120 ms)" in speed


def test_an_invalid_record_gives_no_number(report: str) -> None:
    assert "cuda" not in section(report, "Throughput and latency")
    assert "asked for cuda, ran on cpu" in section(report, "What was not measured, and why")


def test_no_empty_cell_and_no_nan(report: str) -> None:
    rows = [line for line in report.splitlines() if line.startswith("|")]
    assert not [row for row in rows if re.search(r"\|\s*\|", row)]
    assert not re.search(r"\b(nan|None|inf)\b", report)


def test_training_that_broke_off_shows_its_status(tmp_path: Path) -> None:
    text = report_of(
        tmp_path,
        [
            sample.record(
                sample.training(last=None),
                status="failed",
                reason="NaN loss at step 180, step 160 kept",
            )
        ],
    )
    row = next(
        line
        for line in section(text, "Training and accuracy").splitlines()
        if "failed" in line
    )
    assert "not measured" in row
    assert "NaN loss at step 180" in section(text, "What was not measured, and why")


def test_exam_failures_come_first_and_are_capped(tmp_path: Path) -> None:
    row = sample.exam(result="failed").rows[-1]
    many = Exam(
        rows=(
            *sample.exam().rows,
            *(
                row.model_copy(update={"error": float(place), "case": f"case {place}"})
                for place in range(1, 61)
            ),
        )
    )
    text = section(
        report_of(tmp_path, [sample.record(many, model="")]), "Shape-op and op exam"
    )
    assert "60 of 68 questions failed. The first 40 are listed" in text
    assert text.index("case 60") < text.index("case 21") < text.index("Totals")
    assert "case 20`" not in text
    by_op = text.split("Each op by question")[1]
    assert by_op.index("`batch_norm`") < by_op.index("`matmul`")


def test_the_worst_check_is_a_failed_one_before_a_larger_ratio() -> None:
    passed, failed = (
        sample.parity().checks[3].model_copy(update=change)
        for change in ({"error": 1.9e-4}, {"error": None, "ok": False})
    )
    assert ladder.worst([passed, failed]) is failed
    assert ladder.worst([passed, sample.parity().checks[2]]) is passed


# Numbers and escaping


SHOWN = {
    None: "not measured", 0.0: "0", 12.3: "12.30", 12345.6: "12,350", 0.0012345: "0.001234", 9.99996: "10.00", -71.254: "-71.25",
    2.1e-7: "2.100e-07", float("nan"): "not finite", float("inf"): "not finite", 0.00099994: "9.999e-04", 3e12: "3.000e+12",
}  # fmt: skip


@pytest.mark.parametrize(("value", "shown"), SHOWN.items())
def test_four_digits(value: float | None, shown: str) -> None:
    assert numbers.number(value) == shown


def test_units() -> None:
    assert (
        numbers.milliseconds(0.00412) == "4.120"
        and numbers.millions(4_292_659) == "4.293"
        and numbers.gigaflops(8_560_000) == "0.008560"
    )
    assert (
        numbers.mebibytes(1 << 30) == "1,024"
        and numbers.percent(0.021) == "2.100 %"
        and numbers.count(1234) == "1,234"
    )
    assert {
        numbers.milliseconds(None),
        numbers.count(None),
        numbers.interval(1.0, None),
        numbers.percent(None),
    } == {"not measured"}


def test_nasty_text_is_escaped_everywhere(report: str) -> None:
    assert "<b>" not in report and "](x)" not in report.replace("\\](x)", "")
    assert (
        "no \\| pipe, no \\`tick\\`, no &lt;b&gt;tag&lt;/b&gt;, no \\*star\\*, no"
        " \\[link\\](x)" in report
    )


ESCAPED = {
    "a|b": "a\\|b", "two\n\nlines": "two lines", "x_y _z_": "x_y \\_z\\_", "<script>": "&lt;script&gt;", "a & b": "a &amp; b",
    "bidi \u202e x": "bidi x",
}  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items())
def test_escape(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# no title", "\\# no title"),
        ("- no item", "\\- no item"),
        ("1. no list", "1\\. no list"),
        ("1.5 mm", "1.5 mm"),
    ],
)
def test_a_line_is_never_a_title_or_a_list(text: str, shown: str) -> None:
    assert markdown.block(blocks.text(text)) == shown


def test_code_survives_backticks_and_pipes() -> None:
    assert markdown.code("a`b``c") == "``` a`b``c ```"
    assert "`a\\|b`" in markdown.block(blocks.table([{"x": blocks.Code("a|b")}]))


def test_a_cell_no_row_fills_was_not_measured() -> None:
    assert "not measured" in markdown.block(
        blocks.table([{"a": "1", "b": "2"}, {"a": "3"}])
    )


def test_file_names_come_from_no_ones_name() -> None:
    assert cells.slug("../../etc", "a b/c") == "etc-a-b-c" and cells.slug("..") == "unnamed"


# The verdict


def run_of(items: list[Record]) -> Run:
    """Records as a run, without a folder."""
    return Run(info=sample.info(), records=tuple(items), folder=Path("nowhere"))


def without(task: str) -> list[Record]:
    """The good run less one task."""
    return [item for item in sample.good() if item.task != task]


def instead(payload: records.Payload, **change: object) -> list[Record]:
    """The good run with another payload for one task."""
    model = "" if payload.task == "shape_ops" else "simple_baseline"
    return [*without(payload.task), sample.record(payload, model=model, **change)]


def beside(*more: Record) -> list[Record]:
    """The good run and further records."""
    return [*sample.good(), *more]


def died(task: str, status: str, **change: object) -> list[Record]:
    """The good run with one task that ended without numbers, last."""
    return [
        *without(task),
        sample.record(None, task=task, status=status, reason="signal 11", **change),
    ]


def test_all_measured_and_well_is_yes() -> None:
    whole, model = verdict.verdicts(run_of(sample.good()))
    assert (whole.answer, model.answer, model.changes) == ("yes", "yes", ())
    assert {reason.grade for reason in model.reasons} == {"measured"} and len(
        model.reasons
    ) == 5


NO_CHECKS = Parity(checks=())
LYING_OK = Parity(checks=(sample.parity().checks[0].model_copy(update={"error": 1.0}),))
# fmt: off
RULES: dict[str, tuple[Callable[[], list[Record]], str, str, str]] = {
    "parity failed": (lambda: instead(sample.parity(worst=0.02), status="failed"), "no", "measured", "parity checks on cpu fp32 fail"),
    "parity above its bound though it says ok": (lambda: instead(LYING_OK), "no", "measured", "1 of 1 parity checks"),
    "needed op is a gap": (lambda: instead(sample.feasibility(via="gap")), "no", "measured", "batch_norm (made of mean | var)"),
    "declared gap": (lambda: instead(sample.feasibility(via="gap", grade="declared")), "no", "declared", "batch_norm"),
    "parity never run": (lambda: without("parity"), "undecided", "not run", "parity in full precision was not measured"),
    "parity without checks": (lambda: instead(NO_CHECKS), "undecided", "measured", "no check was made"),
    "parity crashed": (lambda: died("parity", "crashed"), "undecided", "measured", "crashed: signal 11"),
    "parity elsewhere": (lambda: instead(sample.parity(), status="invalid", reason="on cpu"), "undecided", "not run", "on cpu"),
    "parity only in bf16": (lambda: instead(sample.parity(), precision="bf16"), "undecided", "not run", "full precision"),
    "bf16 fails": (lambda: beside(sample.record(sample.parity(worst=0.02), precision="bf16")), "yes with gaps", "measured", "bf16 fail"),
    "no fp16": (lambda: beside(died("parity", "unsupported", precision="fp16")[-1]), "yes with gaps", "declared", "signal 11"),
    "no export": (lambda: instead(sample.feasibility(features={"export": "no sizes"})), "yes with gaps", "measured", "export: no sizes"),
    "needed op fails the exam": (lambda: instead(sample.exam(result="failed")), "yes with gaps", "measured", "op exam: batch_norm"),
    "exam never run": (lambda: without("shape_ops"), "yes with gaps", "not run", "op exam has no numbers"),
    "training killed": (lambda: died("train", "out_of_memory"), "yes with gaps", "measured", "out of memory: signal 11"),
    "no better than a line": (lambda: instead(sample.evaluation(score=160.5)), "yes with gaps", "measured", "not better"),
    "no baselines": (lambda: instead(sample.evaluation(baseline=None)), "yes with gaps", "not run", "baselines were not measured"),
    "a timing lied": (lambda: instead(sample.throughput(sample.timing(lies=("constant",)))), "yes with gaps", "measured", "(constant)"),
    "never steady": (lambda: instead(sample.throughput(sample.timing(steady=False))), "yes with gaps", "measured", "never got steady"),
    "noisy host": (lambda: instead(sample.throughput(noise_floor=0.3)), "yes with gaps", "measured", "30.00 %"),
    "speed never measured": (lambda: without("throughput"), "yes with gaps", "not run", "speed was not measured"),
}
# fmt: on


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    make, answer, grade, words = RULES[rule]
    model = verdict.verdicts(run_of(make()))[1]
    assert model.answer == answer
    assert [
        reason
        for reason in model.reasons
        if (reason.answer, reason.grade) == (answer, grade) and words in reason.text
    ], model.reasons
    assert model.changes and model.reasons[0].answer == answer


@pytest.mark.parametrize(
    "rule", ["feasible", "parity", "examined", "better_than_trivial", "timed"]
)
def test_without_a_rule_its_fault_goes_unseen(
    monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """Proof that the rules above are what catches the faults, each its own."""
    faults = {
        "feasible": instead(sample.feasibility(via="gap")),
        "parity": instead(sample.parity(worst=0.02)),
        "examined": instead(sample.exam(result="failed")),
        "better_than_trivial": instead(sample.evaluation(score=500.0)),
        "timed": instead(sample.throughput(sample.timing(lies=("constant time",)))),
    }
    assert verdict.verdicts(run_of(faults[rule]))[1].answer != "yes"
    monkeypatch.setattr(verdict, rule, lambda evidence: [])
    assert verdict.verdicts(run_of(faults[rule]))[1].answer == "yes"


def test_a_gap_no_model_needs_is_a_gap_of_the_backend_alone() -> None:
    whole, model = verdict.verdicts(
        run_of(instead(sample.exam(gaps={"conv_transpose": "none"})))
    )
    assert (whole.answer, model.answer) == ("yes with gaps", "yes")
    assert "conv_transpose" in whole.reasons[0].text


@pytest.mark.parametrize(
    ("second", "answer"),
    [
        (sample.parity(worst=0.02), "yes with gaps"),
        (NO_CHECKS, "yes with gaps"),
        (sample.parity(), "yes with gaps"),
    ],
    ids=["another fails", "another is open", "another has gaps"],
)
def test_one_model_that_works_makes_the_backend_usable(second: Parity, answer: str) -> None:
    assert (
        verdict.verdicts(run_of(beside(sample.record(second, model="motionbert"))))[
            0
        ].answer
        == answer
    )


def test_a_backend_on_which_no_model_works_is_no_and_one_without_models_is_open() -> None:
    assert verdict.verdicts(run_of(instead(sample.parity(worst=0.02))))[0].answer == "no"
    assert [
        item.answer
        for item in verdict.verdicts(run_of([sample.record(sample.exam(), model="")]))
    ] == ["undecided"]
    half = [
        sample.record(sample.parity(worst=0.02)),
        sample.record(NO_CHECKS, model="motionbert"),
    ]
    assert verdict.verdicts(run_of(half))[0].answer == "undecided"


def test_backends_are_judged_apart() -> None:
    other = sample.record(sample.parity(worst=0.02), backend="jax")
    assert [
        (item.backend, item.model, item.answer)
        for item in verdict.verdicts(run_of(beside(other)))
    ] == [
        ("torch", "", "yes"),
        ("torch", "simple_baseline", "yes"),
        ("jax", "", "no"),
        ("jax", "simple_baseline", "no"),
    ]
