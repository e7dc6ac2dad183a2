"""Recipes: found by name or file, each over the one that it extends, and none with a wrong key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import models
from bench import config as configs
from bench import recipes
from bench.config import Config
from bench.coordinator.spec import build
from bench.data import protocol_for
from bench.recipes import layers
from bench.training.optimizer import asked_for
from models.errors import BadInput, UnknownName


def load(recipe: str, *overrides: str, **rest: Any) -> Config:
    asked: dict[str, Any] = {"file": None, "options": {}, "models": []} | rest
    return configs.load(profile="standard", recipe=recipe, overrides=overrides, **asked)


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_sound_and_makes_networks(name: str) -> None:
    config = load(name)
    assert list(config.model) == recipes.models_of(name) != []
    assert recipes.about(name), "it says where its numbers come from"
    protocol = protocol_for(config.data, config.protocol)
    for model, settings in config.model.items():
        if settings.preset == "tiny":
            build(model, settings, protocol)


def test_every_model_has_its_published_recipe_and_a_quick_one() -> None:
    for family in models.names():
        assert {family, f"{family}-quick"} <= set(recipes.names())


@pytest.mark.parametrize("name", models.networks())
def test_every_stage_knows_how_it_is_trained(name: str) -> None:
    for preset in models.module(name).PRESETS:
        found = configs.settled(name, configs.Model(preset=preset), Config())
        assert None not in (found.train.lr, found.train.batch, found.train.optimizer)


def test_the_first_recipe_of_a_preset_is_how_it_is_trained() -> None:
    usual = configs.load(
        profile="standard",
        file=None,
        overrides=[],
        options={"preset": "tiny"},
        models=["motionbert", "motionbert:pretrain"],
    )
    by_name = {
        **load("motionbert-quick").model,
        **load("motionbert-pretrain-quick").model,
    }
    assert usual.model == by_name


def test_other_published_sizes_are_trained_as_the_papers() -> None:
    assert configs.trained("poseformer", "frames27")["batch"] == 512
    stage = configs.trained("pstmo:pretrain", "s81")
    assert (stage["lr"], stage["batch"]) == (1e-4, 160)
    # no recipe is of this stage
    plain = configs.trained("motionbert", "small")
    assert configs.trained("motionbert:representation", "small") == plain


def written(folder: Path, name: str, text: str) -> str:
    place = folder / f"{name}.yaml"
    place.write_text(text, encoding="utf-8")
    return str(place)


def test_each_goes_over_the_one_before(tmp_path: Path) -> None:
    written(
        tmp_path,
        "mine",
        "extends: motionbert-quick\nseed: 5\nthreads: 3\n"
        "model: {motionbert: {sizes: {depth: 2}, train: {lr: 0.5, loss: {mse: 1}}}}\n",
    )
    child = written(tmp_path, "child", "extends: mine.yaml\nseed: 6\n")
    found = load(child)
    model = found.model["motionbert"]
    assert (found.recipe, found.seed, found.threads) == (child, 6, 3)
    assert (model.preset, model.sizes) == ("tiny", {"depth": 2})
    assert (model.train.lr, model.train.steps) == (0.5, 1800)
    assert model.train.loss == {"mse": 1.0}, "a loss is replaced as a whole"
    file = Path(written(tmp_path, "over", "seed: 7\nthreads: 4\n"))
    typed = load(child, "seed=8", "model.motionbert.train.lr=0.1", file=file)
    assert (typed.seed, typed.threads, typed.model["motionbert"].train.lr) == (
        8,
        4,
        0.1,
    )


def test_a_share_cuts_steps_of_recipes_and_none_that_are_typed() -> None:
    found = load("motionbert-quick", "share=0.5").model["motionbert"].train
    assert (found.steps, found.validate_every) == (900, 300)
    typed = load("motionbert-quick", "share=0.5", "model.motionbert.train.steps=7")
    assert typed.model["motionbert"].train.steps == 7


def test_a_recipe_of_no_model_is_of_those_that_are_named(tmp_path: Path) -> None:
    recipe = written(tmp_path, "mine", "seed: 4\n")
    found = load(recipe, models=["semgcn"])
    assert (list(found.model), found.seed) == (["semgcn"], 4)


def test_layers_do_not_write_into_what_they_are_made_of() -> None:
    base = {"model": {"a": {"train": {"loss": {"x": 1}}}}}
    top = {"model": {"a": {"train": {"loss": {"y": 2}}, "sizes": {"w": 1}}}}
    found = layers.over(base, top)
    assert found == {"model": {"a": {"train": {"loss": {"y": 2}}, "sizes": {"w": 1}}}}
    assert base == {"model": {"a": {"train": {"loss": {"x": 1}}}}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "sed: 1\n",
            ("mine.yaml: unknown configuration key 'sed': did you mean seed",),
        ),
        ("extend: rle\n", ("mine.yaml: ", "'extend'", "did you mean extends")),
        (
            "model: {rle: {train: {stpes: 3}}}\n",
            ("mine.yaml: unknown key of model.rle.train 'stpes': did you mean steps",),
        ),
        ("model: {rle: {train: {lr: 0}}}\n", ("mine.yaml: ", "model.rle.train.lr")),
        ("model: {rel: {}}\n", ("unknown model 'rel'", "rle")),
        ("model: 3\n", ("mine.yaml: configuration key model",)),
        ("extends: 3\n", ("mine.yaml: configuration key extends",)),
        ("extends: rel\n", ("unknown recipe in ", "mine.yaml 'rel'", "rle")),
        ("extends: motionbert-quik\n", ("did you mean motionbert-quick",)),
        ("extends: mine.yaml\n", ("mine.yaml extends ", "let one of them")),
        (
            "extends: ../mine.yaml\n",
            ("extends: a recipe's name, or that of a file beside",),
        ),
        ("extends: absent.yaml\n", ("absent.yaml: no such file",)),
        ("profile: full\n", ("key profile: --profile chooses it",)),
        ("recipe: rle\n", ("key recipe: --recipe chooses it",)),
        ("[1]\n", ("keys and values were due",)),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as caught:
        load(written(tmp_path, "mine", text))
    said = str(caught.value)
    assert all(part in said for part in parts), said
    assert "\n" not in said


def test_a_circle_of_files_is_named(tmp_path: Path) -> None:
    one = written(tmp_path, "one", "extends: two.yaml\n")
    written(tmp_path, "two", "extends: one.yaml\n")
    with pytest.raises(
        BadInput, match=r"one\.yaml extends .*two\.yaml extends .*one\.y"
    ):
        load(one)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("motionbret", "motionbert"),
        ("motionbert-quik", "motionbert-quick"),
        ("motionbert-", "motionbert"),
        ("", "known: "),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        recipes.chain(name)


def test_a_model_that_the_recipe_is_not_of_is_refused() -> None:
    with pytest.raises(BadInput, match="--model rle: recipe integral is of integral"):
        load("integral", models=["rle"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("paper: {preset: papper}", "preset in .*paper 'papper': did you mean paper"),
        (
            "paper: {preset: paper, stage: pretrian}",
            "stage in .* did you mean pretrain",
        ),
        (
            "paper: {preset: paper, train: {lr: 0}}",
            "motionbert.yaml: paper: .*train.lr",
        ),
        ("paper: {preset: paper, trian: {}}", "'trian': did you mean train"),
        ("paper: {preset: paper, train: {inputs: scren}}", "paper: .*train.inputs"),
        ("paper: {preset: paper, extends: paper}", "extends .*let one of them"),
        ("paper: {preset: paper, extends: smal}", "unknown recipe in .*'smal'"),
        (
            "paper: {preset: paper, train: {steps: 3}}",
            "train.batch of its recipe paper",
        ),
        ("paper: 3", "a recipe was due, keys and values, got 3"),
        ("", "keys and values were due"),
    ],
)
def test_what_a_model_says_of_its_training_is_checked(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "motionbert.yaml"
    own.write_text(text)
    known = recipes.beside
    monkeypatch.setattr(
        recipes, "beside", lambda name: own if name == "motionbert" else known(name)
    )
    recipes.of_family.cache_clear()
    try:
        with pytest.raises(BadInput, match=said):
            configs.settled("motionbert", configs.Model(), Config())
    finally:
        recipes.of_family.cache_clear()


@pytest.mark.parametrize("name", ["r2-finetune", "r2-finetune-quick"])
def test_r2_tunes_a_head_and_norms_at_half_its_rate(name: str) -> None:
    config = load(name)
    ((model, settings),) = config.model.items()
    spec = build(model, settings, protocol_for(config.data, config.protocol))
    trained = spec.train.trainable()
    assert {part.partition(".")[0] for part in trained if "norm" not in part} == {
        "head"
    }
    rates = dict(asked_for(configs.completed(model, settings.train), spec).rates)
    assert rates == {part: 0.5 for part in trained if "norm" in part} != {}


def test_r3_differs_in_its_optimizer_alone() -> None:
    for stage in ("posenet", "meshnet"):
        for quick in ("", "-quick"):
            one, other = (
                load(f"r3-{stage}-{rule}{quick}").model for rule in ("rmsprop", "adam")
            )
            ((model, settings),) = other.items()
            same = settings.train.model_copy(update={"optimizer": "rmsprop"})
            assert one == {model: settings.model_copy(update={"train": same})}
