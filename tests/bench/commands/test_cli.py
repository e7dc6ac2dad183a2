"""The command line: help, JSON, exit codes, and one line for whatever is wrong, with
nothing written.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import backends
from bench import commands, data
from bench.__main__ import main
from bench.processes.machine import ROOT
from tests.reports import sample_run

COMMANDS = sorted(
    found.name
    for found in pkgutil.iter_modules(commands.__path__)
    if not found.name.startswith("_")
)
WRITING = ("evaluate", "feasibility", "ops", "parity", "run", "throughput", "train")
HEAVY = {*backends.frameworks().values(), "keras", "flax", "matplotlib", "pandas", "scipy"}
QUICK = (
    "--set",
    "model.simple_baseline.sizes.width=16",
    "--set",
    "parity.steps=2",
    "--set",
    "small=0.05",
    "--set",
    "threads=1",
)
TRAINING = (
    "--set",
    "model.simple_baseline.train.steps=4",
    "--set",
    "model.simple_baseline.train.validation_windows=16",
)
DROPLESS = ("--set", "model.simple_baseline.sizes.dropout=0")
TIMING = (
    "--set",
    "throughput.rounds=3",
    "--set",
    "throughput.seconds=0.005",
    "--set",
    "throughput.batches=[2]",
)

Said = pytest.CaptureFixture[str]


def one_document(text: str) -> Any:
    """The JSON on stdout; anything beside it is an error."""
    assert text.count("\n") == 1, "one line"
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_commands_are_those_of_the_help(capsys: Said) -> None:
    assert (
        sorted(
            [
                *WRITING,
                "backends",
                "data",
                "doctor",
                "export",
                "models",
                "noise",
                "predict",
                "report",
            ]
        )
        == COMMANDS
    )
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in COMMANDS), listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_has_json(name: str, capsys: Said) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"Usage: python -m bench {name}") and "--json" in said.out
    assert said.err == ""


def test_no_argument_is_a_call_for_help(capsys: Said) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: python -m bench")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("run", "--help"), ("parity", "--help")]
)
def test_help_loads_no_framework_and_no_heavy_library(arguments: tuple[str, ...]) -> None:
    script = (
        f"import sys\nfrom bench.__main__ import main\nassert main({arguments!r}) =="
        " 0\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded, "the list is that of the modules"
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("run", "--backend", "numpi"),
            ("unknown backend 'numpi': did you mean numpy?", "known: "),
        ),
        (("parity", "--backend", "numpi"), ("unknown backend 'numpi'",)),
        (("ops", "--backend", "numpi"), ("unknown backend 'numpi'",)),
        (
            ("train", "--model", "motionbret"),
            ("unknown model 'motionbret': did you mean motionbert?", "known: "),
        ),
        (("feasibility", "--model", "motionbret"), ("unknown model 'motionbret'",)),
        (("models", "motionbret"), ("unknown model 'motionbret'",)),
        (
            ("models", "motionbert", "--preset", "smal"),
            ("unknown preset of motionbert 'smal': did you mean small?",),
        ),
        (("ops", "--op", "gleu"), ("unknown op 'gleu': did you mean gelu",)),
        (
            ("evaluate", "--set", "metrics=[pa_mpjp]"),
            ("unknown metric 'pa_mpjp': did you mean pa_mpjpe", "known: "),
        ),
        (
            ("run", "--profile", "smoek"),
            (
                "unknown profile 'smoek': did you mean smoke?",
                "known: full, smoke, standard",
            ),
        ),
        (
            ("run", "--protocol", "synthetc"),
            ("unknown protocol 'synthetc': did you mean synthetic?",),
        ),
        (("run", "--data", "bhv:x"), ("unknown data source 'bhv': did you mean bvh?",)),
        (("data", "inof"), ("unknown data action 'inof': did you mean info?",)),
        (("throughput", "--device", "tpu"), ("configuration key device",)),
        (("throughput", "--precision", "fp8"), ("configuration key precision",)),
        (
            ("run", "--set", "sed=1"),
            ("unknown configuration key 'sed': did you mean seed",),
        ),
        (("run", "--set", "seed=x"), ("configuration key seed", "integer")),
        (("run", "--seed", "x"), ("--seed", "integer", "See: python -m bench run --help")),
        (("run", "--config", "absent.yaml"), ("absent.yaml: not a readable YAML file",)),
        (("run", "--resume", "."), ("is no run folder",)),
        (
            ("run", "--model"),
            ("--model", "requires an argument", "See: python -m bench run --help"),
        ),
        (("run", "--bakcend", "numpy"), ("No such option: --bakcend", "--backend")),
        (("rnu",), ("No such command 'rnu'",)),
        (("report", "."), ("is no run folder",)),
        (
            ("parity", "--vectors", "absent.safetensors"),
            ("absent.safetensors: no such file",),
        ),
    ],
)
def test_a_mistake_is_one_line_exit_2_and_nothing_is_written(
    arguments: tuple[str, ...], parts: tuple[str, ...], here: Path, capsys: Said
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, said.err
    assert all(part in said.err for part in parts), said.err
    assert list(here.iterdir()) == []


BROKEN = {
    "truncated": "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\n",
    "wrong count": (
        "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation"
        " Yrotation\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\nMOTION\nFrames: 1\nFrame Time:"
        " 0.01\n1 2\n"
    ),
}


@pytest.mark.parametrize("name", ["evaluate", "run", "train"])
def test_a_broken_bvh_is_one_line_exit_2_and_nothing_is_written(
    name: str, here: Path, tmp_path: Path, capsys: Said
) -> None:
    for kind, text in BROKEN.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "take.bvh").write_text(text)
        assert main([name, "--data", f"bvh:{folder}"]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1
        assert f"{folder / 'take.bvh'}:" in said.err
    assert list(here.iterdir()) == []


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend of an outside package whose framework is not installed."""
    manifest = types.ModuleType("pretended_manifest")
    manifest.REQUIRES, manifest.EXTRA = ("no_such_framework",), "pretended"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pretended_manifest", manifest)
    entry = EntryPoint("pretended", "pretended_manifest", "poseport.backends")
    monkeypatch.setattr(backends, "_outside", lambda: {"pretended": entry})


@pytest.mark.parametrize("name", WRITING)
def test_a_missing_framework_is_exit_3_with_the_extra_to_install(
    name: str, here: Path, pretended: None, capsys: Said
) -> None:
    assert main([name, "--backend", "pretended"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err
        == "backend pretended needs no_such_framework, not installed here: pip install -e"
        ' ".[pretended]" -c constraints.txt\n'
    )
    assert list(here.iterdir()) == []


def test_a_missing_framework_is_listed_with_what_to_install(
    pretended: None, capsys: Said
) -> None:
    assert main(["backends", "--json"]) == 0
    rows = {row["backend"]: row for row in one_document(capsys.readouterr().out)}
    assert rows["numpy"]["installed"] and not rows["pretended"]["installed"]
    assert ".[pretended]" in rows["pretended"]["note"]
    assert "pretended" not in backends.installed(), "`all` leaves it out"


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("data", "--json"), {"sources", "protocols"}),
        (("models", "simple_baseline", "--json"), {"train", "infer"}),
        (("doctor", "--json"), {"environment", "backends"}),
    ],
)
def test_looking_around_prints_one_document(
    arguments: tuple[str, ...], keys: set[str], here: Path, capsys: Said
) -> None:
    assert main(arguments) == 0
    assert set(one_document(capsys.readouterr().out)) == keys
    assert list(here.iterdir()) == []


def test_models_lists_every_preset(capsys: Said) -> None:
    assert main(["models", "--json"]) == 0
    rows = one_document(capsys.readouterr().out)
    paper = {row["model"]: row["parameters"] for row in rows if row["preset"] == "paper"}
    assert paper["motionbert"] == 42_466_317


@pytest.mark.parametrize(
    "arguments",
    [("models",), ("models", "simple_baseline"), ("backends",), ("data",), ("doctor",)],
)
def test_looking_around_without_json_is_for_people(
    arguments: tuple[str, ...], capsys: Said
) -> None:
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) > 2


def test_a_source_is_described(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = data.load
    monkeypatch.setattr(
        data, "load", lambda source, **more: load(source, **{**more, "small": 0.05})
    )
    assert main(["data", "info", "synthetic", "--json"]) == 0
    found = one_document(capsys.readouterr().out)
    assert (
        found["protocol"] == "synthetic"
        and len(found["actions"]) >= 15
        and len(found["subjects"]) == 7
    )


def measured(name: str, *options: str, capsys: Said) -> dict[str, Any]:
    """A measuring command on NumPy, and its one document."""
    model = () if name == "ops" else ("--model", "simple_baseline", *QUICK)
    code = main([name, "--backend", "numpy", "--device", "cpu", *model, *options, "--json"])
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
    assert document["ok"] and [row["task"] for row in document["records"]] == tasks
    assert [path.name for path in here.iterdir()] == ["runs"]


def test_a_run_is_shown_to_people_and_reported_again(here: Path, capsys: Said) -> None:
    assert main(
        [
            "throughput",
            "--backend",
            "numpy",
            "--model",
            "simple_baseline",
            *QUICK,
            *DROPLESS,
            *TIMING,
            "--out",
            "mine",
        ]
    ) in (0, 1)
    said = capsys.readouterr()
    assert said.err == "", "no progress bars where there is no terminal"
    (folder,) = (here / "mine").iterdir()
    assert (
        "throughput" in said.out
        and said.out.splitlines()[-1]
        == f"report: {Path('mine') / folder.name / 'report.md'}"
    )
    report = folder / "report.md"
    report.unlink()
    assert main(["report", str(folder), "--json"]) == 0
    assert (
        one_document(capsys.readouterr().out) == {"report": str(report)} and report.exists()
    )


def test_a_failed_check_is_exit_1(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = sample_run.record(
        sample_run.parity(worst=0.5), status="failed", reason="gradient head.weight"
    )
    monkeypatch.setattr(
        "bench.processes.worker.Worker.run",
        lambda self, job, listen, *, timeout, turn: failed,
    )
    assert main(["parity", "--backend", "numpy", "--model", "simple_baseline", *QUICK]) == 1
    assert "gradient head.weight" in capsys.readouterr().out


@pytest.mark.parametrize(("device", "code"), [("cuda", 3), ("auto", 0)])
def test_a_device_that_is_nowhere_is_exit_3(
    device: str, code: int, here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = sample_run.record(
        None, task="parity", status="unsupported", reason="no CUDA device", device=device
    )
    monkeypatch.setattr(
        "bench.processes.worker.Worker.run",
        lambda self, job, listen, *, timeout, turn: nowhere,
    )
    assert (
        main(
            [
                "parity",
                "--backend",
                "numpy",
                "--model",
                "simple_baseline",
                "--device",
                device,
                *QUICK,
            ]
        )
        == code
    )
    assert "no CUDA device" in capsys.readouterr().out
