"""`history`: a number over time, machine by machine; what is not comparable is never one series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="DuckDB is not installed: the extra `history`")

from bench import history, records
from bench.__main__ import main
from tests.bench.commands.command_line import Said, one_document
from tests.bench.history.made_up import days, run, timed
from tests.reports import sample_run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def slower(count: int = 16) -> list[float]:
    """Seconds of runs the second half of which takes a fifth longer."""
    rng = np.random.default_rng(0)
    return [
        float(rng.normal(0.01, 0.0001) * (1.2 if day >= count // 2 else 1))
        for day in range(count)
    ]


def test_a_step_is_told_with_its_run_its_size_and_what_changed(
    here: Path, capsys: Said
) -> None:
    days(here / "runs", slower())
    assert main(["history"]) == 0
    said = capsys.readouterr().out
    assert "Sample One, 2 cores, 4 GiB, Linux" in said
    assert "16 runs, 1 series" in said
    (line,) = [line for line in said.splitlines() if line.startswith("step: ")]
    assert "worse from run small-9" in line and "commit c8 -> c9" in line
    assert main(["history", "--json"]) == 0
    (series,) = one_document(capsys.readouterr().out)["series"]
    (step,) = series["steps"]
    assert step["at"] == 8 and step["low"] < step["ratio"] < step["high"]
    assert step["ratio"] == pytest.approx(1 / 1.2, abs=0.02)
    assert series["key"]["metric"] == "frames_per_second"
    assert series["along"]["run"][:2] == ["small-1", "small-2"]


def test_two_machines_are_two_series(here: Path, capsys: Said) -> None:
    days(here / "runs" / "sweep" / "cells", slower(3))
    days(here / "runs" / "other", [0.001] * 3, machine="large")
    assert main(["history", "--json"]) == 0
    both = one_document(capsys.readouterr().out)["series"]
    assert len({each["key"]["machine"] for each in both}) == 2
    assert [len(each["along"]["run"]) for each in both] == [3, 3]
    # by a part of its words, and by its hash
    for name in ("two", next(each for each in both if "Two" in each["machine_name"])):
        asked = name if isinstance(name, str) else name["key"]["machine"][:5]
        assert main(["history", "--machine", asked, "--json"]) == 0
        (one,) = one_document(capsys.readouterr().out)["series"]
        assert "Sample Two" in one["machine_name"]


def test_a_protocol_a_recipe_and_a_size_are_series_of_their_own(
    here: Path, capsys: Said
) -> None:
    scored = sample_run.evaluation()
    other = sample_run.evaluation(protocol_hash="aaaaaa")
    for day, (payload, preset) in enumerate(
        [(scored, "tiny"), (scored, "tiny"), (other, "tiny"), (scored, "paper")], 1
    ):
        item = sample_run.record(payload, config={"preset": preset})
        run(here / "runs" / f"r{day}", item, day=day)
    assert main(["history", "--metric", "mpjpe", "--json"]) == 0
    found = one_document(capsys.readouterr().out)["series"]
    assert sorted(len(each["along"]["run"]) for each in found) == [1, 1, 2]


def test_numbers_that_do_not_count_have_no_history(here: Path, capsys: Said) -> None:
    runs = here / "runs"
    lying = sample_run.timing(seconds=None, lies=("too quick",))
    restless = sample_run.timing(steady=False)
    for name, row in (("lies", lying), ("restless", restless)):
        run(runs / name, sample_run.record(sample_run.throughput(row)))
    failed = sample_run.record(sample_run.evaluation(), status="failed", reason="no")
    run(runs / "failed", failed)
    assert main(["history", "--json"]) == 2
    assert "none of the runs has a number that counts" in capsys.readouterr().err


def test_a_corrupt_line_and_a_foreign_schema_cost_no_other_run(
    here: Path, capsys: Said
) -> None:
    runs = days(here / "runs", [0.01, 0.01])
    with (runs / "small-1" / records.FILE).open("ab") as file:
        file.write(b'{"task":"throughput","ba\n')
    future = run(runs / "future", timed(0.01)) / "run.json"
    now = f'"schema_version":{records.SCHEMA}'
    future.write_text(future.read_text().replace(now, '"schema_version":99'))
    (runs / "torn").mkdir()
    (runs / "torn" / "run.json").write_text('{"id": "x"')
    assert main(["history"]) == 0
    said = capsys.readouterr()
    assert "2 runs, 1 series" in said.out
    told = said.err.splitlines()
    assert len(told) == 3 and all(line.startswith("left out: ") for line in told)
    assert any("small-1/records.jsonl: line 2 cannot be read" in line for line in told)
    assert any("schema 99" in line for line in told)
    # one that was named is no small matter
    assert main(["history", "runs/future"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("none", "none: nothing is there"),
        ("empty", "empty holds no run"),
        ("notes.txt", "notes.txt: no JSON of pytest-benchmark"),
        (
            "nan.json",
            "nan.json: no JSON of pytest-benchmark (ValueError: a median of nan",
        ),
        ("runs --metric frames_per_secnd", "did you mean frames_per_second"),
        ("runs --model nobody", "unknown model of these runs 'nobody'"),
        ("runs --machine three", "unknown machine 'three'"),
        ("runs --machine sample", "means 2 machines"),
        ("runs --machine two --machine one", "are never one series"),
        ("runs --to x.txt", "x.txt: a name that ends in .csv or .parquet or .json"),
        ("runs --to no/x.csv", "no/x.csv: cannot be written"),
        ("runs --to x.json", "is of one run folder, and 4 were given"),
        ("runs --figure x.jpg", "x.jpg: a name that ends in .png was due"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    here: Path, typed: str, message: str, capsys: Said
) -> None:
    days(here / "runs", [0.01, 0.01])
    days(here / "runs", [0.001, 0.001], machine="large")
    (here / "empty").mkdir()
    (here / "notes.txt").write_text("[1]")
    (here / "nan.json").write_text(
        '{"machine_info": {}, "benchmarks": [{"stats": {"median": NaN}}]}'
    )
    before = sorted(here.rglob("*"))
    assert main(["history", *typed.split()]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, said.err
    assert message in said.err
    assert sorted(here.rglob("*")) == before


def test_files_hold_all_points_and_a_frame_too(here: Path) -> None:
    import pandas

    days(here / "runs", [0.01, 0.02, 0.01])
    asked = ["history", "runs", "--metric", "seconds", "--figure", "f.png"]
    assert main([*asked, "--to", "it's.csv"]) == 0
    assert main(["history", "runs", "--to", "all.parquet"]) == 0
    csv = pandas.read_csv("it's.csv")
    assert csv["value"].tolist() == [0.01, 0.02, 0.01]
    assert csv["batch"].tolist() == [64, 64, 64]
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")
    import duckdb

    query = "SELECT count(*) FROM 'all.parquet'"
    count = duckdb.connect().execute(query).fetchone()
    assert count == (3,)
    table = history.frame([here / "runs", "runs"])
    assert set(table["metric"]) >= {"seconds", "frames_per_second", "p95"}
    assert len(table[table["metric"] == "seconds"]) == 3
    assert str(table["started"].dt.tz) == "UTC"


def test_a_run_goes_to_pytest_benchmark_and_comes_back(
    here: Path, capsys: Said
) -> None:
    rounds = days(here / "runs", [0.01]) / "small-1"
    assert main(["history", str(rounds), "--to", "one.json"]) == 0
    capsys.readouterr()
    (mine,) = [
        each for each in history.read([rounds]).points if each.metric == "seconds"
    ]
    (back,) = history.read([Path("one.json")]).points
    assert back.machine == mine.machine and back.machine_name == mine.machine_name
    assert (back.backend, back.commit) == ("torch", "c1")
    (row,) = records.load(rounds).records[0].payload.timings  # type: ignore[union-attr]
    assert back.value == pytest.approx(np.median(row.rounds))
    assert back.low <= back.value <= back.high  # type: ignore[operator]
    stats = json.loads(Path("one.json").read_text())["benchmarks"][0]["stats"]
    from pytest_benchmark.stats import Stats

    due = Stats()
    due.data = list(row.rounds)
    for name, value in due.as_dict().items():
        if name not in ("q1", "q3", "iqr", "iqr_outliers", "outliers"):
            assert stats[name] == pytest.approx(value), name


def test_a_file_of_pytest_benchmark_is_a_run_of_its_machine(here: Path) -> None:
    document = {
        "machine_info": {
            "node": "host",
            "system": "Linux",
            "cpu": {"brand_raw": "Sample One", "count": 2},
            "python_version": "3.11.9",
        },
        "commit_info": {"id": "0123456789abcdef", "dirty": True},
        "datetime": "2026-01-02T03:04:05.678901+00:00",
        "benchmarks": [
            {
                "group": "models",
                "name": "test_infer[torch]",
                "fullname": "b.py::test_infer[torch]",
                "params": {"backend": "torch"},
                "extra_info": {},
                "stats": {"median": 0.5, "rounds": 5, "data": [0.4, 0.5, 0.6]},
            }
        ],
    }
    Path("0001.json").write_text(json.dumps(document))
    (one,) = history.read([Path("0001.json")]).points
    assert one.machine_name == "Sample One, 2 cores, Linux"
    assert (one.value, one.backend, one.what) == (0.5, "torch", "models")
    assert one.commit == "0123456789ab+"
    assert one.low == 0.4 and one.high == 0.6


def test_without_duckdb_it_is_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    import sys

    days(here / "runs", [0.01])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["history"]) == 3
    assert "pip install 'poseport[history]'" in capsys.readouterr().err
    # a frame needs pandas alone
    assert len(history.frame(["runs"])) > 0
