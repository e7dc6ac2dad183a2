"""Speeds of two runs: ratios with intervals, in turns or by medians, and a gate for CI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import main
from bench.history import ratios
from bench.history.ratios import NOTHING, Speed
from bench.records import Record, Throughput, load
from tests.bench.commands.command_line import Said, one_document
from tests.bench.history.made_up import run
from tests.reports import sample_run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def speed(
    seconds: float,
    *,
    seed: int = 0,
    noise: float = 0.02,
    floor: float = 0.01,
    backend: str = "torch",
    together: tuple[str, ...] = (),
    shared: np.ndarray | None = None,
    preset: str = "tiny",
) -> Record:
    """A forward pass, its rounds noisy by a part; `shared` slows each round of all alike."""
    rng = np.random.default_rng(seed)
    rounds = seconds * rng.normal(1, noise, 15)
    if shared is not None:
        rounds = rounds * shared
    row = sample_run.timing(
        seconds=float(np.median(rounds)), rounds=tuple(map(float, rounds))
    )
    payload = sample_run.throughput(row, noise_floor=floor)
    return sample_run.record(
        payload.model_copy(update={"together": together}),
        backend=backend,
        config={"preset": preset},
    )


def beside(*folders: Path) -> list[Speed]:
    return ratios.compared([load(folder) for folder in folders])


def test_two_runs_by_their_medians(here: Path) -> None:
    base = run(here / "base", speed(0.01))
    new = run(here / "new", speed(0.012, seed=1), day=2)
    (one,) = beside(base, new)
    assert one.how == "medians" and one.said == "slower"
    assert one.low < 1.2 < one.high  # type: ignore[operator]
    assert one.high - one.low < 0.08  # type: ignore[operator]
    assert one.worse_than(10) and not one.worse_than(25)
    (back,) = beside(new, base)
    assert back.said == "faster" and not back.worse_than(0)


def test_backends_of_one_contest_by_their_rounds(here: Path) -> None:
    # a load that doubles the time of some rounds says nothing of either
    load_ = np.random.default_rng(9).choice([1.0, 2.0], 15)
    both = ("torch", "jax")
    one = speed(0.01, together=both, shared=load_)
    other = speed(0.011, seed=1, backend="jax", together=both, shared=load_)
    (found,) = beside(run(here / "one", one, other))
    assert (found.backend, found.against, found.how) == (
        "jax",
        "torch",
        "rounds in turns",
    )
    assert found.said == "slower"
    assert found.high - found.low < 0.1  # type: ignore[operator]


def test_equal_runs_show_a_difference_as_seldom_as_is_said(here: Path) -> None:
    often = 60
    false = 0
    for seed in range(often):
        base = run(here / f"a{seed}", speed(0.01, seed=2 * seed, floor=0.0))
        new = run(here / f"b{seed}", speed(0.01, seed=2 * seed + 1, floor=0.0))
        (one,) = beside(base, new)
        false += one.said != NOTHING
    # three of sixty at 95 %, without any floor
    assert false <= 7, false


def test_what_the_host_calls_equal_is_no_difference(here: Path) -> None:
    base = run(here / "base", speed(0.01, noise=0.001, floor=0.05))
    new = run(here / "new", speed(0.0104, seed=1, noise=0.001))
    (one,) = beside(base, new)
    assert one.low > 1 and one.said == NOTHING  # type: ignore[operator]
    assert not one.worse_than(0)


@pytest.mark.parametrize(
    ("change", "machine", "why"),
    [
        ({}, "large", "not compared: another machine"),
        ({"preset": "paper"}, "small", "not compared: another size of the model"),
        ({"backend": "jax", "seed": 1}, "small", ""),
    ],
)
def test_what_is_held_against_what(
    here: Path, change: dict[str, str], machine: str, why: str
) -> None:
    base = run(here / "base", speed(0.01))
    new = run(here / "new", speed(0.02, **change), machine=machine)  # type: ignore[arg-type]
    (one,) = beside(base, new)
    if why:
        assert one.said == why and one.ratio is None and not one.worse_than(0)
    else:  # who has no like of itself in the first run stands beside what that has
        assert one.against == "torch" and one.said == "slower"


def test_another_setting_of_the_framework_is_not_compared(here: Path) -> None:
    fast = speed(0.01)
    assert isinstance(fast.payload, Throughput)
    payload = fast.payload.model_copy(update={"settings": {"tf32": True}})
    base = run(here / "base", speed(0.01))
    new = run(here / "new", fast.model_copy(update={"payload": payload}))
    (one,) = beside(base, new)
    assert one.said == "not compared: another tf32"


def test_a_timing_that_is_gone_is_told(here: Path) -> None:
    base = run(here / "base", speed(0.01))
    void = sample_run.timing(seconds=None, lies=("too quick",))
    lost = sample_run.record(sample_run.throughput(void), config={"preset": "tiny"})
    (one,) = beside(base, run(here / "new", lost))
    assert one.said == "not compared: no timing here that counts"


@pytest.mark.parametrize(
    ("seconds", "asked", "code"),
    [(0.012, "5", 1), (0.012, "50", 0), (0.01, "0", 0), (0.008, "0", 0)],
)
def test_the_gate(
    here: Path, seconds: float, asked: str, code: int, capsys: Said
) -> None:
    run(here / "base", speed(0.01))
    run(here / "new", speed(seconds, seed=1))
    assert main(["compare", "base", "new"]) == 0
    capsys.readouterr()
    assert main(["compare", "base", "new", "--fail-above", asked]) == code
    said = capsys.readouterr().out
    assert ("too slow: forward of " in said) == bool(code)
    assert main(["compare", "base", "new", "--fail-above", asked, "--json"]) == code
    first, second = one_document(capsys.readouterr().out)
    assert first["speeds"] == [] and len(second["speeds"]) == 1
    assert second["speeds"][0]["base"] == "base"


def doubted(record: Record) -> Record:
    """The same on a host that others kept busy."""
    assert isinstance(record.payload, Throughput)
    (row,) = record.payload.timings
    rows = (row.model_copy(update={"doubts": ("others kept 1.2 of 2 busy",)}),)
    payload = record.payload.model_copy(update={"timings": rows})
    return record.model_copy(update={"payload": payload})


def test_what_a_busy_host_has_timed_is_held_against_no_other_run(
    here: Path, capsys: Said
) -> None:
    base = run(here / "base", speed(0.01))
    for name, lost in (
        ("busy", doubted(speed(0.02))),
        ("noisy", speed(0.02, floor=0.2)),
    ):
        (one,) = beside(base, run(here / name, lost))
        assert one.said.startswith("not compared: ") and one.ratio is None
        assert main(["compare", "base", name, "--fail-above", "5"]) == 2
    assert "not compared" in capsys.readouterr().err


def test_the_gate_asks_of_each_backend_what_it_did_before(
    here: Path, capsys: Said
) -> None:
    run(here / "base", speed(0.01))
    # slower than torch, and nobody knows how quick it was
    run(here / "new", speed(0.01, seed=1), speed(0.03, backend="jax"))
    assert main(["compare", "base", "new", "--fail-above", "5"]) == 0
    run(
        here / "alone",
        speed(0.01),
        speed(0.03, backend="jax", together=("torch", "jax")),
    )
    assert main(["compare", "alone", "--fail-above", "5"]) == 2
    assert "give two runs" in capsys.readouterr().err


def test_customary_modes_are_held_against_each_other(here: Path) -> None:
    def called(record: Record, mode: str, customary: bool = True) -> Record:
        assert isinstance(record.payload, Throughput)
        (row,) = record.payload.timings
        rows = (row.model_copy(update={"mode": mode, "customary": customary}),)
        payload = record.payload.model_copy(update={"timings": rows})
        return record.model_copy(update={"payload": payload})

    both = ("torch", "onnx")
    torch = called(speed(0.01, together=both), "eager")
    onnx = called(speed(0.02, backend="onnx", together=both), "compiled")
    (one,) = beside(run(here / "one", torch, onnx))
    assert (one.backend, one.against, one.said) == ("onnx", "torch", "slower")
    strange = called(torch, "graph", customary=False)
    (other,) = beside(run(here / "a", torch), run(here / "b", strange))
    assert other.said == "not compared: another mode"


def test_the_first_place_is_the_base_wherever_it_lies(here: Path, capsys: Said) -> None:
    for name, seconds in (("a", 0.01), ("base", 0.02), ("c", 0.03)):
        run(here / "runs" / name, speed(seconds, seed=len(name)))
    assert main(["compare", "runs/base", "runs", "--json"]) == 0
    told = one_document(capsys.readouterr().out)
    assert {each["base"] for row in told for each in row["speeds"]} == {"base"}


def test_a_preset_that_was_changed_is_another_size(here: Path) -> None:
    base, new = speed(0.01), speed(0.02)
    assert isinstance(new.payload, Throughput)
    rows = tuple(row.model_copy(update={"flops": 1}) for row in new.payload.timings)
    wider = new.model_copy(
        update={"payload": new.payload.model_copy(update={"timings": rows})}
    )
    (one,) = beside(run(here / "base", base), run(here / "new", wider))
    assert one.said == "not compared: another size of the model"


def test_a_gate_that_compares_nothing_does_not_pass(here: Path, capsys: Said) -> None:
    run(here / "base", speed(0.01))
    run(here / "new", speed(0.01), machine="large")
    assert main(["compare", "base", "new"]) == 0
    assert "not compared: another machine" in capsys.readouterr().out
    assert main(["compare", "base", "new", "--fail-above", "5"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert "no timing is compared (not compared: another machine)" in said.err


@pytest.mark.parametrize("typed", ["nan", "inf", "-1", "five"])
def test_a_gate_takes_a_number_of_per_cent(
    here: Path, typed: str, capsys: Said
) -> None:
    run(here / "base", speed(0.01))
    run(here / "new", speed(0.02, seed=1))
    assert main(["compare", "base", "new", "--fail-above", typed]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, said.err
    assert "--fail-above" in said.err


def test_speeds_go_into_the_file_too(here: Path) -> None:
    run(here / "base", speed(0.01))
    run(here / "new", speed(0.012, seed=1))
    assert main(["compare", "base", "new", "--to", "t.md"]) == 0
    assert "slower" in Path("t.md").read_text()
