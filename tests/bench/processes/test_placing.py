"""One of several CUDA devices: the only one that its worker sees."""

from __future__ import annotations

from pathlib import Path

import pytest

import backends
from backends.base import Unsupported
from bench.__main__ import main
from bench.processes import placing
from tests.bench.commands.command_line import Said, one_document


@pytest.mark.parametrize(
    ("asked", "seen", "due"),
    [
        ("cuda", None, {}),
        ("auto", "0,1", {}),
        ("cuda:0", None, {placing.VISIBLE: "0"}),
        ("cuda:1", None, {placing.VISIBLE: "1"}),
        # counted among those that are to be seen
        ("cuda:1", "4,6", {placing.VISIBLE: "6"}),
        ("cuda:2", "4,6", {placing.VISIBLE: placing.NONE}),
        ("cuda:0", "", {placing.VISIBLE: placing.NONE}),
    ],
)
def test_a_worker_sees_the_device_that_is_asked_for(
    asked: str, seen: str | None, due: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(placing.VISIBLE, raising=False)
    if seen is not None:
        monkeypatch.setenv(placing.VISIBLE, seen)
    assert placing.environment(asked) == due


def test_where_it_is_not_here_its_number_is_named() -> None:
    numpy = backends.load("numpy")
    with pytest.raises(
        Unsupported, match="numpy: device cuda:1 is not usable here; dev"
    ):
        placing.kind_of(numpy, "cuda:1")
    with pytest.raises(Unsupported, match="device cuda is not usable here"):
        placing.kind_of(numpy, "cuda")
    assert placing.kind_of(numpy, "cpu") == "cpu"


def test_what_lay_on_the_only_one_lay_on_that_which_was_asked_for() -> None:
    assert placing.counted("cuda", "cuda:1") == "cuda:1"
    assert placing.counted("cpu and cuda", "cuda:1") == "cpu and cuda"
    assert placing.counted("cuda", "cuda") == "cuda"
    assert placing.counted(None, "cuda:1") is None


def test_a_run_on_a_device_that_is_nowhere_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = (
        "feasibility",
        "--model",
        "simple_baseline",
        "--device",
        "cuda:7",
        "--json",
    )
    assert main(list(asked)) == 3
    (record,) = one_document(capsys.readouterr().out)["records"]
    assert record["device"] == "cuda:7"
    assert "device cuda:7 is not usable here" in record["reason"]
