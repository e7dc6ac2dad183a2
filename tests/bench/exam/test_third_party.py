"""The third-party exam.

Mapping on cases by hand, the collected cases where onnx is installed, reading, gaps,
command and report.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from backends.base import Backend, Settings
from bench.__main__ import main
from bench.exam.third_party import cases, exam
from bench.exam.third_party.cases import Case
from bench.exam.third_party.mapping import NotMappable, table, to_graph
from bench.exam.third_party.reasons import OPERATORS
from bench.records import Record, Run, ThirdParty, ThirdPartyRow
from models.errors import BadInput, Missing
from reports import markdown, verdict
from reports.sections import third_party as section
from tests.bench.exam.third_party_cases import CASES, SQUARE, case, several
from tests.reports import sample_run

# an operator may have several cases
NAMES = [f"{i} {one.op}" for i, one in enumerate(CASES)]


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_a_case_by_hand_passes(backend: Backend, one: Case) -> None:
    [row] = exam.examine(backend, Settings(), [one], {})
    assert row.result == "passed", row


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (case("Add", [np.ones(2), np.ones(2)], [np.ones(2)]), "element type float64"),
        (case("NonZero", [SQUARE], [[[0], [1]]]), "shape of the result depends"),
        (case("Nonsense", [SQUARE], [SQUARE]), "no op of the language"),
        # lists of whole numbers are int64
        (case("Div", [[4], [2]], [[2]]), "division of integers"),
        (case("Pow", [SQUARE, SQUARE], [SQUARE]), "exponent is a tensor"),
        # ONNX's 8 is text
        (case("Cast", [SQUARE], [SQUARE], to=8), "a cast to an element type"),
        (case("Shape", [SQUARE], [[2, 2]]), "makes a constant"),
        (
            several(("NonZero", ["x"], ["a"]), ("Neg", ["a"], ["y"])),
            "shape of the result depends",
        ),
        (
            several(("Cast", ["x"], ["a"], {"to": 7}), ("Reshape", ["x", "a"], ["y"])),
            "shape of the graph is computed from data",
        ),
        # a ratio of 0.5, in training
        (
            case("Dropout", [SQUARE, np.float32(0.5), np.bool_(True)], [SQUARE]),
            "random numbers",
        ),
        # the places of the largest are its second output
        (
            case("MaxPool", [[[[1.0, 2.0]]]], [[[[2.0]]], [[[1]]]], kernel_shape=[2]),
            "an output of MaxPool",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.op,
)
def test_what_the_language_cannot_say_is_told_by_reason(one: Case, reason: str) -> None:
    with pytest.raises(NotMappable, match=reason):
        to_graph(one)


def test_no_operator_has_both_a_mapping_and_a_reason_against_it() -> None:
    # the reason would never be told
    assert not set(table()) & set(OPERATORS)
    assert len(table()) > 120


def test_data_are_inputs_and_what_shapes_the_graph_is_not() -> None:
    graph = to_graph(case("Reshape", [SQUARE, [4]], [[1.0, 2.0, 3.0, 4.0]]))
    assert list(graph.inputs) == ["x0"] and not graph.constants


# The bound of float32 is 1e-5 of the largest value due, that of halves 8e-3; whole numbers and
# truth values have none.
@pytest.mark.parametrize(
    ("due", "came", "result"),
    [
        ([1.0, np.inf, np.nan], [1.000001, np.inf, np.nan], "passed"),
        ([1.0, np.inf], [1.0, -np.inf], "failed"),
        ([1.0, np.nan], [1.0, 0.0], "failed"),
        ([1.0, 0.0], [1.0, np.nan], "failed"),
        # relative to the largest, also where 0 is due
        ([100.0, 0.0], [100.0, 0.0005], "passed"),
        ([100.0, 0.0], [100.0, 0.002], "failed"),
        (np.float16([1.0]), np.float16([1.004]), "passed"),
        (np.float16([1.0]), np.float16([1.02]), "failed"),
        (np.float16([1.0]), np.float32([1.0]), "failed"),
        # a difference that float32 could not see
        ([1 << 40], [(1 << 40) + 1], "failed"),
        ([True], [False], "failed"),
        ([1.0], [1], "failed"),
        ([1.0], [[1.0]], "failed"),
    ],
)
def test_a_result_is_held_against_what_is_due(
    due: list[float], came: list[float], result: str
) -> None:
    one = case("Identity", [due], [due])
    array = case("Identity", [], [came]).outputs["o0"]
    assert exam.compare(one, [array]).result == result


def test_the_worst_output_counts() -> None:
    one = case("Split", [[1.0, 2.0]], [[1.0], [2.0]])
    row = exam.compare(one, [np.float32([1.0]), np.float32([3.0])])
    assert row.result == "failed"
    assert row.error == 0.5


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> cases.Collection:
    """What the installed onnx makes, collected once: it takes seconds."""
    pytest.importorskip(
        "onnx", reason="onnx is not installed: its node cases are collected where it is"
    )
    return cases.ensure(tmp_path_factory.mktemp("third_party") / "cases")


def test_most_cases_are_mapped(collection: cases.Collection) -> None:
    results = Counter(mapped(one) for one in collection.cases)
    # 1219 of onnx 1.23's; other versions have others
    assert results[True] >= 1000, results


def mapped(one: Case) -> bool:
    """Whether the language can say it.

    Anything raised but NotMappable is a fault of the mapping, and goes on up.
    """
    try:
        to_graph(one)
    except NotMappable as reason:
        # a sentence that fits a table
        assert 10 < len(str(reason)) < 100
        return False
    return True


def test_the_backend_passes_or_declares_every_mapped_case(
    backend: Backend, collection: cases.Collection
) -> None:
    declared = exam.gaps(backend.name)
    rows = list(exam.examine(backend, Settings(), collection.cases, declared))
    assert [row for row in rows if row.result == "failed"] == []
    assert {row.case for row in rows if row.result == "gap"} >= set(declared), (
        "a gap names a case that exists and is mapped"
    )


def written(folder: Path) -> Path:
    """A folder with one case, as the collector writes it."""
    arrays = {
        "test_add/in/x": np.float32([1]),
        "test_add/in/y": np.float32([2]),
        "test_add/out/z": np.float32([3]),
    }
    save_file(arrays, folder / cases.ARRAYS)
    node = {"op": "Add", "inputs": ["x", "y"], "outputs": ["z"], "attributes": {}}
    entry = {
        "name": "add",
        "opsets": {"": 14},
        "nodes": [node],
        "inputs": {"x": "float32", "y": "float32"},
        "outputs": {"z": "float32"},
    }
    (folder / cases.INDEX).write_text(json.dumps({"onnx": "1.2.3", "cases": [entry]}))
    return folder


def test_a_folder_is_read_back(tmp_path: Path) -> None:
    collection = cases.ensure(written(tmp_path))
    [one] = collection.cases
    assert collection.version == "1.2.3"
    assert (one.name, one.op) == ("add", "Add")
    assert one.types == ("float32",) * 3
    assert one.inputs["y"] == 2
    assert one.outputs["z"] == 3


def onnx_is(monkeypatch: pytest.MonkeyPatch, *, here: bool) -> None:
    """Whether onnx is installed, as far as collecting can see."""
    found = object() if here else None
    finder = SimpleNamespace(find_spec=lambda name: found)
    monkeypatch.setattr(cases, "PathFinder", finder)


def test_onnx_is_seen_though_a_worker_hides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    # as `backends.isolate` leaves it in a worker of another backend
    monkeypatch.setitem(sys.modules, "onnx", None)
    died = subprocess.CompletedProcess([], 1, "", "it was started\n")
    monkeypatch.setattr("subprocess.run", lambda command, **_: died)
    with pytest.raises(BadInput, match="failed: it was started"):
        cases.collect(tmp_path / "cases")


def test_of_two_collectors_the_first_wins_and_nothing_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def child(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        # the last word is where to write
        Path(command[-1]).mkdir()
        written(Path(command[-1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    onnx_is(monkeypatch, here=True)
    monkeypatch.setattr("subprocess.run", child)
    folder = tmp_path / "cases"
    cases.collect(folder)
    before = (folder / cases.INDEX).stat().st_mtime_ns
    cases.collect(folder)
    assert (folder / cases.INDEX).stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["cases"]


def test_a_collector_that_dies_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_is(monkeypatch, here=True)
    died = subprocess.CompletedProcess([], 1, "", "Traceback\nOSError: disk full\n")
    monkeypatch.setattr("subprocess.run", lambda command, **_: died)
    with pytest.raises(BadInput, match="failed: OSError: disk full"):
        cases.collect(tmp_path / "cases")


@pytest.mark.parametrize("broken", [cases.INDEX, cases.ARRAYS])
@pytest.mark.parametrize("content", ["", "{", '{"onnx": 1, "cases": [{}]}', "[]"])
def test_a_broken_folder_is_one_line(tmp_path: Path, broken: str, content: str) -> None:
    (written(tmp_path) / broken).write_text(content)
    due = r"cases.json and arrays.safetensors of .* were due"
    with pytest.raises(BadInput, match=due) as caught:
        cases.ensure(tmp_path)
    assert "\n" not in str(caught.value)


def test_without_onnx_and_without_cases_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_is(monkeypatch, here=False)
    due = (
        r"need onnx, not installed here: pip install -e \"\.\[onnx\]\".* --cases FOLDER"
    )
    with pytest.raises(Missing, match=due):
        cases.ensure(tmp_path / "none")


@pytest.mark.parametrize(
    "content", ["numpy: [add]", "numpy: {add: 3}", "numpy: {add: ''}", "all: text"]
)
def test_a_gap_without_a_reason_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "gaps.yaml"
    path.write_text(content)
    with pytest.raises(BadInput, match="a mapping of case to reason was due"):
        exam.gaps("numpy", path)


def test_gaps_of_all_hold_for_each(tmp_path: Path) -> None:
    path = tmp_path / "gaps.yaml"
    path.write_text("all: {a: its data}\ntorch: {b: its kernel}\n")
    assert exam.gaps("torch", path) == {"a": "its data", "b": "its kernel"}
    # whose gaps the file does not name
    assert exam.gaps("jax", path) == {"a": "its data"}


def test_the_command_prints_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, runs = written(tmp_path), tmp_path / "runs"
    asked = ["ops", "--backend", "numpy", "--third-party", "--cases", str(folder)]
    assert main([*asked, "--out", str(runs)]) == 0
    counts = "1 cases run: 1 passed, 0 failed, 0 gap, 0 not mappable"
    assert counts in capsys.readouterr().out
    [report] = runs.glob("*/report.md")
    assert "| onnx 1.2.3 |" in report.read_text(encoding="utf-8")


def test_the_exam_takes_no_single_op(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "--backend", "numpy", "--third-party", "--op", "gelu"]) == 2
    assert "leave --op out" in capsys.readouterr().err


def payload() -> ThirdParty:
    """One row of each result."""
    return ThirdParty(
        source="onnx 1.2.3",
        rows=(
            ThirdPartyRow(
                case="good", op="Add", result="passed", error=1e-8, bound=1e-5
            ),
            ThirdPartyRow(
                case="bad", op="Add", result="failed", error=0.25, bound=1e-5
            ),
            ThirdPartyRow(case="known", op="Mul", result="gap", note="no such kernel"),
            ThirdPartyRow(
                case="strange", op="If", result="not_mappable", note="control flow"
            ),
        ),
    )


def test_the_payload_survives_json_and_counts() -> None:
    record = sample_run.record(payload(), model="")
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert payload().counts() == {
        "run": 3,
        "passed": 1,
        "failed": 1,
        "gap": 1,
        "not_mappable": 1,
    }


def test_the_section_shows_counts_failures_gaps_and_reasons(tmp_path: Path) -> None:
    run = Run(
        info=sample_run.info(),
        records=(sample_run.record(payload(), model=""),),
        folder=tmp_path,
    )
    said = markdown.page(section.render(run, tmp_path))
    for words in (
        "`bad`",
        "0.25",
        "`known`: no such kernel",
        "| `Mul`",
        "control flow",
    ):
        assert words in said, words
    # what passed, and what cannot be asked, is counted only
    assert "`good`" not in said
    assert "`strange`" not in said


def test_a_failed_case_takes_the_backend_down_to_gaps(tmp_path: Path) -> None:
    failed = payload()
    clean = ThirdParty(
        source=failed.source,
        rows=tuple(row for row in failed.rows if row.result != "failed"),
    )
    due = (
        (failed, "yes with gaps", "1 of 3 third-party cases of onnx 1.2.3 fail: Add"),
        (clean, "yes", "fails: 1 pass, 1 are known gaps"),
    )
    for exam_, answer, words in due:
        records = (*sample_run.good(), sample_run.record(exam_, model=""))
        run = Run(info=sample_run.info(), records=records, folder=tmp_path)
        whole = verdict.verdicts(run)[0]
        assert whole.answer == answer
        assert any(words in reason.text for reason in whole.reasons)


def test_a_run_without_the_exam_says_how_to_run_it(tmp_path: Path) -> None:
    run = Run(info=sample_run.info(), records=(), folder=tmp_path)
    assert "bench ops --third-party" in markdown.page(section.render(run, tmp_path))
