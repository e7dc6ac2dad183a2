"""What a point asks for, and where an error of it stands in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.config import Config
from bench.sweep import points
from models.errors import BadInput, PosePortError
from tests.bench.sweep.sweeping import BASE, written


def configs(file: Path) -> list[Config]:
    found = points.of(file)
    return [found.config(place) for place in found.grid.places()]


def checked(file: Path) -> None:
    found = points.of(file)
    found.check(lambda text, share: None, points.anywhere)


def test_a_point_is_the_base_with_its_choices_over_it(tmp_path: Path) -> None:
    steps = "model.simple_baseline.train.steps"
    grid = {"seed": [3], steps: [5, 6], "precision": ["bf16"]}
    one, other = configs(written(tmp_path, grid=grid))
    assert (one.seed, one.precision, one.tasks) == (3, "bf16", ("feasibility",))
    trained = [c.model["simple_baseline"].train.steps for c in (one, other)]
    assert trained == [5, 6]
    assert one.protocol == "synthetic", "by name, whatever lies where on another day"


def test_models_and_backends_are_names_or_lists_of_them(tmp_path: Path) -> None:
    grid = {"model": ["semgcn", ["semgcn", "videopose3d"]], "backend": ["numpy"]}
    one, other = configs(written(tmp_path, grid=grid))
    assert list(one.model) == ["semgcn"]
    assert list(other.model) == ["semgcn", "videopose3d"]
    assert one.backend == ("numpy",)


def test_limits_are_settings_of_a_cell(tmp_path: Path) -> None:
    limits = {"seconds": 60, "memory": "2 GiB"}
    (one,) = configs(written(tmp_path, grid={"seed": [0]}, limits=limits))
    assert (one.timeout, one.memory) == (60, 2 * 2**30)


def test_points_that_differ_in_their_seed_alone_are_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(
        points.checking, "check", lambda config: looked.append(config.seed)
    )
    checked(written(tmp_path, grid={"seed": list(range(50))}))
    assert looked == [0]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"grd": {}}, "unknown configuration key 'grd': did you mean grid?"),
        ({"grid": {"seed": 1}}, "configuration key grid.seed: "),
        (
            {"limits": {"second": 1}},
            "unknown key of limits 'second': did you mean seconds?",
        ),
        ({"limits": {"memory": "2 XB"}}, "memory such as 2GB was due, '2 XB' came"),
        ({"limits": {"memory": 5}}, "128MiB to 1PB was due, 5 came"),
        ({"attempts": 0}, "configuration key attempts"),
        ({"grid": {"sede": [1]}}, "grid: sede=1: unknown configuration key 'sede'"),
        ({"grid": {"seed": ["x"]}}, "grid: seed=x: configuration key seed"),
        (
            {"grid": {"model": ["videopos3d"]}},
            "grid: model=videopos3d: unknown model 'videopos3d': did you",
        ),
        ({"grid": {"backend": ["torhc"]}}, "grid: backend=torhc: unknown backend"),
        ({"grid": {"device": ["gpu"]}}, "grid: device=gpu: configuration key device"),
        (
            {"grid": {"workers": [1]}},
            "workers: it is of the whole sweep; say it in base",
        ),
        ({"grid": {"model": [1]}}, "a name or several were due"),
        ({"base": {"prfile": "smoke"}}, "base: unknown configuration key 'prfile'"),
        ({"base": {"run": "runs/ID"}}, "base: configuration key run: "),
        ({"base": {"declared": {}}}, "nothing is run of a framework on paper"),
        (
            {"base": {"timeout": 5}, "limits": {"seconds": 6}},
            "configuration key timeout: limits.seconds says it, too; leave one out",
        ),
        (
            {"grid": {"model": ["semgcn"], "model.videopose3d.pad": ["edge"]}},
            "model.videopose3d.pad is of videopose3d, and its models are semgcn; exclude",
        ),
    ],
)
def test_an_error_says_where_in_the_file_it_stands(
    tmp_path: Path, said: dict[str, Any], complaint: str
) -> None:
    file = written(tmp_path, **{"grid": {"seed": [0]}, **said})
    with pytest.raises(PosePortError) as refused:
        checked(file)
    assert complaint in str(refused.value)
    assert str(refused.value).startswith(f"{file}: ")
    assert list(tmp_path.iterdir()) == [file], "nothing is written"


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.yaml"):
        points.of(tmp_path / "nowhere.yaml")


def test_the_base_is_one_that_a_sweep_can_be_made_of(tmp_path: Path) -> None:
    checked(written(tmp_path, base=BASE, grid={"seed": [0]}))
