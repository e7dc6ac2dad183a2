"""Whatever is wrong is one line and an exit code, with nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

import backends
from bench.__main__ import main
from tests.bench.commands.command_line import WRITING, Said, one_document

# what is typed, and what its one line must say
MISTAKES = {
    "run --backend numpi": ("unknown backend 'numpi': did you mean numpy?", "known: "),
    "parity --backend numpi": ("unknown backend 'numpi'",),
    "ops --backend numpi": ("unknown backend 'numpi'",),
    "train": ("--model is missing: name one", "motionbert, pose2mesh"),
    "evaluate": ("--model is missing: name one", "motionbert, pose2mesh"),
    "train --model motionbret": (
        "unknown model 'motionbret': did you mean motionbert or motionagformer?",
        "known: ",
    ),
    "feasibility --model motionbret": ("unknown model 'motionbret'",),
    "models --preset tiny": ("--preset does not go with the list of all models",),
    "models --graphs": ("--graphs does not go with the list of all models",),
    "data --protocol amass": ("--protocol does not go with data list",),
    "ops --cases here": ("--cases does not go with the exam of our own ops",),
    "ops --third-party --seed 0": ("--seed does not go with --third-party",),
    "parity --compare a --repro b": ("--repro does not go with --compare",),
    "parity a.safetensors --model x": ("--model does not go with --vectors",),
    "models motionbret": ("unknown model 'motionbret'",),
    "models motionbert --preset smal": (
        "unknown preset of motionbert 'smal': did you mean small?",
    ),
    "ops --op gleu": ("unknown op 'gleu': did you mean gelu",),
    "evaluate --model motionbert --set metrics=[pa_mpjp]": (
        "unknown metric 'pa_mpjp': did you mean pa_mpjpe",
        "known: ",
    ),
    "run --profile smoek": (
        "unknown profile 'smoek': did you mean smoke?",
        "known: full, smoke, standard",
    ),
    "run --protocol synthetc": (
        "unknown protocol 'synthetc': did you mean synthetic or synthetic-every16?",
    ),
    "run --data bhv:x": ("unknown data source 'bhv': did you mean bvh?",),
    "data inof": ("unknown data action 'inof': did you mean info?",),
    "throughput --device tpu": ("configuration key device",),
    "throughput --precision fp8": ("configuration key precision",),
    "run --set sed=1": ("unknown configuration key 'sed': did you mean seed",),
    "run --set seed=x": ("configuration key seed", "integer"),
    "run --seed x": ("--seed", "integer", "See: python -m bench run --help"),
    "run --config absent.yaml": ("absent.yaml: no such file",),
    "run --resume .": ("is no run folder",),
    "run --model": (
        "--model",
        "requires an argument",
        "See: python -m bench run --help",
    ),
    "run --bakcend numpy": ("No such option: --bakcend", "--backend"),
    "rnu": ("No such command 'rnu'",),
    "report .": ("is no run folder",),
    "parity --vectors absent.safetensors": ("absent.safetensors: no such file",),
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_is_one_line_exit_2_and_nothing_is_written(
    typed: str, here: Path, capsys: Said
) -> None:
    assert main(typed.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    for part in MISTAKES[typed]:
        assert part in said.err
    assert list(here.iterdir()) == []


TRUNCATED = """\
HIERARCHY
ROOT Hips
{
OFFSET 0 0 0
"""
# three channels, two numbers
WRONG_COUNT = """\
HIERARCHY
ROOT Hips
{
OFFSET 0 0 0
CHANNELS 3 Zrotation Xrotation Yrotation
End Site
{
OFFSET 0 1 0
}
}
MOTION
Frames: 1
Frame Time: 0.01
1 2
"""
BROKEN = {"truncated": TRUNCATED, "wrong count": WRONG_COUNT}


@pytest.mark.parametrize("name", ["evaluate", "run", "train"])
def test_a_broken_bvh_is_one_line_exit_2_and_nothing_is_written(
    name: str, here: Path, tmp_path: Path, capsys: Said
) -> None:
    for kind, text in BROKEN.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "take.bvh").write_text(text)
        asked = ("--model", "simple_baseline", "--data", f"bvh:{folder}")
        assert main([name, *asked]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert f"{folder / 'take.bvh'}:" in said.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", WRITING)
def test_a_missing_framework_is_exit_3_with_the_extra_to_install(
    name: str, here: Path, pretended: None, capsys: Said
) -> None:
    model = () if name == "ops" else ("--model", "simple_baseline")
    assert main([name, *model, "--backend", "pretended"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    missing = "backend pretended needs no_such_framework, not installed here"
    advice = "install what has no_such_framework"
    assert said.err == f"{missing}: {advice}\n"
    assert list(here.iterdir()) == []


def test_a_missing_framework_is_listed_with_what_to_install(
    pretended: None, capsys: Said
) -> None:
    assert main(["backends", "--json"]) == 0
    rows = {row["backend"]: row for row in one_document(capsys.readouterr().out)}
    assert rows["numpy"]["installed"] and not rows["pretended"]["installed"]
    assert "install what has no_such_framework" in rows["pretended"]["note"]
    assert "pretended" not in backends.installed(), "`all` leaves it out"


def test_ctrl_c_is_one_line_wherever_it_comes(
    here: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as early:
        early.setattr("bench.config.load", pressed)
        assert main(["config"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")
    monkeypatch.setattr("bench.coordinator.run.execute", pressed)
    assert main(["feasibility", "--model", "simple_baseline", "--out", "runs"]) == 130
    (folder,) = Path("runs").iterdir()
    due = f"interrupted; go on with: python -m bench run --resume {folder}\n"
    assert capsys.readouterr() == ("", due)
