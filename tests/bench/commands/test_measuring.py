"""Commands that measure: one document, a report, and an exit code that says how it went."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.commands import _measure
from bench.coordinator import lock
from bench.coordinator import run as runs
from bench.coordinator.run import Outcome
from bench.parity import traces as bench_traces
from bench.records import Record
from tests.bench.commands.command_line import Said, one_document
from tests.reports import sample_run


def settings(*pairs: str) -> tuple[str, ...]:
    """`--set` before each."""
    return tuple(word for pair in pairs for word in ("--set", pair))


MODEL = "model.simple_baseline"
ONE = ("--backend", "numpy", "--model", "simple_baseline")
QUICK = settings(f"{MODEL}.sizes.width=16", "parity.steps=2", "small=0.05", "threads=1")
TRAINING = settings(f"{MODEL}.train.steps=4", f"{MODEL}.train.validation_windows=16")
DROPLESS = settings(f"{MODEL}.sizes.dropout=0")
TIMING = settings(
    "throughput.rounds=3", "throughput.seconds=0.005", "throughput.batches=[2]"
)


def measured(name: str, *options: str, capsys: Said) -> dict[str, Any]:
    """A measuring command on NumPy, and its one document."""
    model = () if name == "ops" else ("--model", "simple_baseline", *QUICK)
    where = ("--backend", "numpy", "--device", "cpu")
    code = main([name, *where, *model, *options, "--json"])
    document: dict[str, Any] = one_document(capsys.readouterr().out)
    assert (code == 0) == document["ok"], document
    assert Path(document["report"]).is_file()
    return document


@pytest.mark.parametrize(
    ("name", "options", "tasks"),
    [
        ("feasibility", (), ["feasibility"]),
        ("parity", (), ["parity"]),
        ("train", (*TRAINING, *DROPLESS), ["train"]),
        ("evaluate", (*TRAINING, *DROPLESS), ["baselines", "train", "evaluate"]),
        ("ops", ("--op", "gelu", "--op", "flip"), ["shape_ops"]),
    ],
)
def test_measuring_prints_one_document_and_leaves_a_report(
    name: str, options: tuple[str, ...], tasks: list[str], here: Path, capsys: Said
) -> None:
    document = measured(name, *options, capsys=capsys)
    assert document["ok"]
    # cells that rest on nothing of each other end in any order
    assert sorted(row["task"] for row in document["records"]) == sorted(tasks)
    assert [path.name for path in here.iterdir()] == ["runs"]


def test_a_run_is_shown_to_people_and_reported_again(here: Path, capsys: Said) -> None:
    options = (*QUICK, *DROPLESS, *TIMING, "--out", "mine")
    # 1 where the machine is too busy to time anything: the run is shown all the same
    assert main(["throughput", *ONE, *options]) in (0, 1)
    said = capsys.readouterr()
    # no bars where there is no terminal, but a line for each cell
    (line,) = said.err.splitlines()
    assert re.match(r"1 of 1 cells, 0:00:\d\d so far: throughput simple_baseline", line)
    (folder,) = (here / "mine").iterdir()
    assert "throughput" in said.out
    shown = Path("mine") / folder.name / "report.md"
    assert said.out.splitlines()[-1] == f"report: {shown}"
    report = folder / "report.md"
    report.unlink()
    assert main(["report", str(folder), "--json"]) == 0
    assert one_document(capsys.readouterr().out) == {"report": str(report)}
    assert report.exists()


def answer(monkeypatch: pytest.MonkeyPatch, record: Record) -> None:
    """Every cell ends with `record`, and no worker is started."""
    monkeypatch.setattr(
        "bench.processes.worker.Worker.run",
        lambda self, job, listen, *, timeout, turn: record,
    )


def test_a_failed_check_is_exit_1(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = sample_run.parity(worst=0.5)
    reason = "gradient head.weight"
    answer(monkeypatch, sample_run.record(payload, status="failed", reason=reason))
    assert main(["parity", *ONE, *QUICK]) == 1
    assert reason in capsys.readouterr().out


def test_verdicts_are_shown_where_several_questions_were_asked(
    tmp_path: Path, capsys: Said
) -> None:
    items = [*sample_run.good(), *sample_run.compared()]
    outcome = Outcome(sample_run.write(tmp_path, items), tuple(items))
    _measure.show(outcome, tmp_path / "report.md", as_json=True)
    first, second = one_document(capsys.readouterr().out)["verdicts"]
    size = "profile smoke, preset tiny: 10.11 % of the published 42.47 M parameters"
    assert first == {
        "model": "simple_baseline",
        "backend": "torch",
        "verdict": "yes",
        "expressed": "yes",
        "computes": "yes",
        "trains": "yes",
        "costs": "measured",
        "size": size,
    }
    assert (second["backend"], second["verdict"]) == ("jax", "yes in part")
    _measure.show(outcome, tmp_path / "report.md", as_json=False)
    assert size in " ".join(capsys.readouterr().out.split())
    # a ladder alone is read for what it is
    alone = Outcome(tmp_path, (sample_run.record(sample_run.parity()),))
    _measure.show(alone, tmp_path / "report.md", as_json=True)
    assert one_document(capsys.readouterr().out)["verdicts"] == []


@pytest.mark.parametrize(("device", "code"), [("cuda", 3), ("auto", 0)])
def test_a_device_that_is_nowhere_is_exit_3(
    device: str, code: int, here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = sample_run.record(
        None,
        task="parity",
        status="unsupported",
        reason="no CUDA device",
        device=device,
    )
    answer(monkeypatch, nowhere)
    assert main(["parity", *ONE, "--device", device, *QUICK]) == code
    assert "no CUDA device" in capsys.readouterr().out


def test_a_trained_model_is_judged_timed_and_laddered_by_its_run(
    here: Path, capsys: Said
) -> None:
    trained = measured("train", *TRAINING, *DROPLESS, capsys=capsys)["run"]

    def again(name: str, *options: str) -> dict[str, Any]:
        # 1 where the machine is too busy to time anything
        assert main([name, "--run", trained, *options, "--json"]) in (0, 1)
        document: dict[str, Any] = one_document(capsys.readouterr().out)
        assert document["run"] != trained
        return document

    evaluated = again("evaluate")
    assert {row["task"] for row in evaluated["records"]} == {"baselines", "evaluate"}
    assert evaluated["ok"], "the weights are of this configuration and its last step"
    ladder = again("parity", "--rung", "forward")
    assert ladder["ok"]
    # of other weights: another trace than that of a ladder without a run
    measured("parity", "--rung", "forward", *DROPLESS, capsys=capsys)
    traces = list(here.glob("runs/*/traces/*.safetensors"))
    questions = {bench_traces.load(file).question for file in traces}
    assert len(traces) == len(questions) == 2
    (row,) = again("throughput", *TIMING)["records"]
    assert row["task"] == "throughput"


def test_resume_says_what_it_cannot_take_and_takes_the_rest(
    here: Path, capsys: Said
) -> None:
    first = measured("train", *TRAINING, *DROPLESS, capsys=capsys)["run"]
    assert main(["evaluate", "--resume", first, "--seed", "3"]) == 2
    assert capsys.readouterr().err.startswith(
        f"--seed 3: the run in {first} has seed 0"
    )
    assert main(["evaluate", "--resume", first, "--out", "x"]) == 2
    assert "--resume writes into its own folder" in capsys.readouterr().err
    with lock.held(Path(first)):
        assert main(["evaluate", "--resume", first]) == 2
    assert "another process is at work" in capsys.readouterr().err
    with (Path(first) / "records.jsonl").open("a") as file:
        file.write('{"broken": \n')
    (weights,) = Path(first).glob("checkpoints/*")
    weights.write_bytes(weights.read_bytes()[:-9])
    assert main(["evaluate", "--resume", first, "--set", "timeout=77", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("records.jsonl: line 2 cannot be read")
    document = one_document(said.out)
    rows = {row["task"]: row for row in document["records"]}
    assert rows.keys() == {"train", "baselines", "evaluate"}
    note = rows["train"]["payload"]["note"]
    assert note.startswith(f"trained anew, the checkpoint lies in {weights.name}.dam")
    assert runs.resumed(Path(first)).timeout == 77


def test_a_debug_run_is_told_without_a_verdict(tmp_path: Path, capsys: Said) -> None:
    items = sample_run.good()
    few = {"config": {"profile": "standard", "debug": True}}
    outcome = Outcome(sample_run.write(tmp_path, items, **few), tuple(items))
    _measure.show(outcome, tmp_path / "report.md", as_json=True)
    assert one_document(capsys.readouterr().out)["verdicts"] == []
    _measure.show(outcome, tmp_path / "report.md", as_json=False)
    told = capsys.readouterr().out
    assert "debug run: no verdict" in told
    assert "verdict  " not in told
