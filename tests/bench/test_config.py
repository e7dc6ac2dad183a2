"""Configuration: profile, then file, then options, then --set.

What is wrong is one line that names the key and what was due.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import models
from bench import config, tasks
from bench.config import Config
from bench.coordinator import checking
from bench.recipes import layers
from models.errors import BadInput, UnknownName


def load(
    *overrides: str,
    profile: str = "smoke",
    file: Path | None = None,
    names: tuple[str, ...] = (),
    **options: Any,
) -> Config:
    return config.load(
        profile=profile, file=file, overrides=overrides, options=options, models=names
    )


def fault(*overrides: str, **rest: Any) -> str:
    """The line a user sees for a configuration that is wrong.

    It may come on reading or on the check before work.
    """
    with pytest.raises(BadInput) as caught:
        checking.check(load("tasks=[parity]", *overrides, **rest))
    return str(caught.value)


@pytest.mark.parametrize("profile", layers.profiles())
def test_every_profile_is_valid_and_its_models_can_be_built(profile: str) -> None:
    content = load(profile=profile)
    assert set(content.model) <= set(models.networks())
    assert content.tasks == tasks.usual()
    checking.check(content.model_copy(update={"tasks": ("feasibility",)}))


def test_the_profiles_are_those_of_the_help_text() -> None:
    assert layers.profiles() == ["full", "smoke", "standard"]


MODEL = "model.simple_baseline"
MINE = """\
seed: 3
threads: 3
parity: {steps: 5}
model: {poseformer: {train: {steps: 7}}}
"""


def test_each_source_overrides_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    plain, filed = load(), load(file=file)
    assert (plain.seed, plain.threads, plain.parity.steps) == (0, 1, 20)
    assert (filed.seed, filed.threads, filed.parity.steps) == (3, 3, 5)
    before, after = plain.model["poseformer"].train, filed.model["poseformer"].train
    assert after.steps == 7
    assert after.batch == before.batch, "the rest of the profile stays"
    assert sorted(filed.model) == sorted(plain.model)
    over = load("seed=5", "model.poseformer.train.steps=9", file=file, threads=4)
    assert (over.seed, over.threads, over.parity.steps) == (5, 4, 5)
    assert over.model["poseformer"].train.steps == 9
    assert load("seed=6", seed=4).seed == 6, "--set is over everything else"


def test_a_configuration_names_its_profile_and_nobody_else_does(tmp_path: Path) -> None:
    assert load(profile="standard").profile == "standard"
    # a run from before profiles were kept
    assert config.validate({"backend": ["numpy"]}).profile == ""
    file = tmp_path / "mine.yaml"
    file.write_text("profile: full\n")
    # taken, it would name another profile than the one whose settings these are
    for overrides, given in (((), file), (("profile=full",), None)):
        with pytest.raises(BadInput, match="key profile: --profile chooses it"):
            load(*overrides, file=given)


def test_named_models_replace_those_of_the_profile_and_keep_their_settings() -> None:
    content = load(names=("poseformer",))
    assert content.model == {"poseformer": load().model["poseformer"]}
    name = "simple_baseline"
    content = load(f"model.{name}.train.steps=2", names=(name,))
    assert content.model[name].train.steps == 2


def test_values_of_set_are_yaml() -> None:
    content = load(
        "tasks=[train, parity]",
        "noise=true",
        "model.motionbert.train.lr=1e-3",
        "protocol=null",
    )
    assert content.tasks == ("train", "parity")
    assert content.noise is True
    assert content.protocol is None
    # YAML itself takes 1e-3, without a point, for a text
    assert content.model["motionbert"].train.lr == 1e-3


def test_a_configuration_survives_json() -> None:
    content = load("model.videopose3d.sizes.widths=[3, 3]")
    again = config.validate(content.model_dump(mode="json"))
    assert again == content
    # a list where a size is a tuple: JSON knows no other
    checking.check(again.model_copy(update={"tasks": ("parity",)}))


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        (
            "sed=1",
            (
                "unknown configuration key 'sed': did you mean seed",
                "known: against, allow_mismatch, allow_smaller_batch, augment, backend, checkpoint",
            ),
        ),
        (
            "parity.stps=3",
            (
                "unknown key of parity 'stps': did you mean steps?",
                "known: batch, frames",
            ),
        ),
        (
            "model.motionbert.train.stpes=3",
            (
                "unknown key of model.motionbert.train 'stpes': did you mean steps",
                "validate_every",
            ),
        ),
        (
            "model.motionbert.trian={}",
            (
                "unknown key of model.motionbert 'trian': did you mean train?",
                "known: body, pad, preset, sizes, test_every, train",
            ),
        ),
        ("train.steps=3", ("unknown configuration key 'train'",)),
        (
            "model.motionbert.sizes.dept=2",
            ("unknown size of motionbert 'dept': did you mean depth",),
        ),
        (
            "model.motionbert.preset=smal",
            ("unknown preset of motionbert 'smal': did you mean small?",),
        ),
        (
            "model.motionbert.train.loss={mpje: 1}",
            ("unknown loss 'mpje': did you mean mpjpe",),
        ),
        (
            "model.motionbret={}",
            ("unknown model 'motionbret': did you mean motionbert or",),
        ),
        ("ops=[gleu]", ("unknown op 'gleu': did you mean gelu",)),
        ("metrics=[mpjp]", ("unknown metric 'mpjp': did you mean mpjpe",)),
        ("backend=[numpi]", ("unknown backend 'numpi': did you mean numpy?",)),
        ("data=bhv:folder", ("unknown data source 'bhv': did you mean bvh?",)),
        (
            "protocol=bandai-clip",
            ("unknown protocol 'bandai-clip': did you mean bandai-clips",),
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(
    override: str, parts: tuple[str, ...]
) -> None:
    said = fault(override)
    assert all(part in said for part in parts), said
    assert "known: " in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("override", "key", "due"),
    [
        ("seed=abc", "seed", "integer"),
        ("seed=1.5", "seed", "integer"),
        ("seed=-1", "seed", "greater than or equal to 0"),
        ("small=2", "small", "less than or equal to 1"),
        ("timeout=0", "timeout", "greater than 0"),
        ("noise=7", "noise", "boolean"),
        ("device=tpu", "device", "'auto', 'cpu', 'cuda' or 'mps' was due"),
        ("device=cuda:x", "device", "such as cuda:1, got 'cuda:x'"),
        ("device=cpu:1", "device", "such as cuda:1, got 'cpu:1'"),
        ("device=1", "device", "string"),
        ("precision=fp8", "precision", "'fp32', 'bf16' or 'fp16'"),
        ("backend=numpy", "backend", "a list was due"),
        ("tasks=[trian]", "tasks.0", "did you mean train"),
        ("throughput.batches=[a]", "throughput.batches.0", "integer"),
        ("throughput.rounds=1", "throughput.rounds", "greater than or equal to 3"),
        ("parity.optimizers=[adm]", "parity.optimizers.0", "did you mean adam"),
        ("model=3", "model", "keys and values were due"),
        ("model.motionbert.train.steps=x", "model.motionbert.train.steps", "integer"),
        ("model.motionbert.train.lr=0", "model.motionbert.train.lr", "greater than 0"),
        ("model.motionbert.preset=3", "model.motionbert.preset", "string"),
        (
            "model.motionbert.sizes.width=abc",
            "model.motionbert.sizes.width",
            "a whole number was due",
        ),
        (
            "model.motionbert.sizes.depth=1.5",
            "model.motionbert.sizes.depth",
            "a whole number was due",
        ),
        (
            "model.motionbert.sizes.fuse=3",
            "model.motionbert.sizes.fuse",
            "true or false was due",
        ),
        (
            "model.simple_baseline.sizes.width=true",
            "model.simple_baseline.sizes.width",
            "a whole number was due",
        ),
        (
            "model.videopose3d.sizes.widths=3",
            "model.videopose3d.sizes.widths",
            "a list was due",
        ),
        (
            "model.simple_baseline.sizes.width=0",
            "model.simple_baseline.sizes",
            "make no network",
        ),
        ("model.motionbert.sizes.heads=0", "model.motionbert.sizes", "make no network"),
    ],
)
def test_a_wrong_value_is_answered_with_the_key_and_what_was_due(
    override: str, key: str, due: str
) -> None:
    said = fault(override)
    assert said.startswith(f"configuration key {key}: ")
    assert due in said
    assert "\n" not in said


def test_sizes_that_are_whole_numbers_may_stand_for_floats() -> None:
    sizes = ("model.motionbert.sizes.mlp_ratio=1", "model.motionbert.sizes.drop=0")
    checking.check(load("tasks=[parity]", *sizes))


@pytest.mark.parametrize("override", ["nonsense", "=5", "seed=[}"])
def test_a_malformed_set_says_what_was_due(override: str) -> None:
    assert fault(override).startswith(f"--set {override}: ")


def test_an_unknown_profile_is_answered_with_the_list() -> None:
    with pytest.raises(
        UnknownName,
        match="unknown profile 'smoek': did you mean smoke\\? known: full, smoke, standard",
    ):
        load(profile="smoek")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "keys and values were due, a list came"),
        ("", "keys and values were due, nothing came"),
        ("a: [", "not a readable YAML file"),
        ("1: 2", "configuration key 1: keys should be strings"),
        ("model:\n", "configuration key model: keys and values were due, got nothing"),
        ("model:\n  motionbert:\n", "configuration key model.motionbert: "),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    assert said in fault(file=file)
    assert "\n" not in fault(file=file)


def test_an_empty_model_section_with_models_named_is_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("model:\n")
    assert load(file=file, names=("motionbert",)).model["motionbert"].preset == "tiny"
    assert load("model=3", names=("motionbert",)).model["motionbert"].preset == "tiny"


@pytest.mark.parametrize(
    ("path", "said"),
    [("absent.yaml", "no such file"), (".", "cannot be read (a folder")],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, path: str, said: str
) -> None:
    assert fault(file=tmp_path / path).startswith(f"{tmp_path / path}: {said}")


PLAIN = [
    ("{groups: {params: x}}", "train.groups: a list was due, got {'params': 'x'}"),
    ("{groups: [3]}", "train.groups.0: keys and values were due, got 3"),
    ("{start: 3}", "train.start: a path was due, got 3"),
    ("{keep: 3}", "train.keep: keys and values were due, got 3"),
    ("{joint_weights: [1]}", "joint_weights: keys and values were due, got [1]"),
    ("3", "configuration key model.motionbert.train: keys and values were due, got 3"),
    ("{schedule: {step: {after: 3}}}", "after: a list was due, got 3"),
]


@pytest.mark.parametrize(("said", "due"), PLAIN)
def test_what_was_due_is_said_in_words_of_yaml(said: str, due: str) -> None:
    found = fault(f"model.motionbert.train={said}")
    assert due in found
    for strange in ("tuple", "dictionary", "instance", "<class", "None"):
        assert strange not in found


def test_a_number_without_bounds_is_named_by_its_key(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text("model: {motionbert: {train: {lr: .nan}}}\n")
    due = "key model.motionbert.train.lr: a finite number was due, nan came"
    assert fault(file=file) == f"{file}: {due}"


def test_the_protocol_must_suit_the_source() -> None:
    assert "bandai-clips" in fault("protocol=bandai-clips")


def test_smoke_has_a_few_models_and_the_other_profiles_all() -> None:
    assert list(load().model) == list(load().models)
    assert list(load(profile="standard").model) == models.networks()
    assert list(load(profile="full").model) == models.networks()
    # whoever sets something of a model wants it in the run
    assert "poseformer" in load("model.poseformer.train.steps=3").model


@pytest.mark.parametrize(
    "override",
    [
        "share=.inf",
        "timeout=.inf",
        "model.motionbert.train.lr=.inf",
        "model.motionbert.train.loss={mpjpe: .nan}",
    ],
)
def test_what_json_cannot_say_is_refused(override: str) -> None:
    assert "finite number" in fault(override)


def test_a_run_without_backends_or_tasks_is_refused() -> None:
    assert fault("backend=[]").startswith("configuration key backend")
    assert fault("tasks=[]").startswith("configuration key tasks")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seeds=0", "configuration key seeds: "),
        ("seeds=-3", "configuration key seeds: "),
        ("equivalence_margin=0", "configuration key equivalence_margin: "),
        (f"{MODEL}.train.keep.top=0", f"{MODEL}.train.keep.top: "),
        (f"{MODEL}.train.keep.every=-5", f"{MODEL}.train.keep.every: "),
        (f"{MODEL}.train.keep.bset=true", "did you mean best?"),
        (f"{MODEL}.train.continues=true", "which checkpoint, `start` beside it says"),
        ("checkpoint=best", "train.keep.best=true keeps it"),
    ],
)
def test_a_count_that_is_none_and_a_checkpoint_that_nobody_keeps(
    override: str, said: str
) -> None:
    tasks = "tasks=[train, evaluate]"
    line = fault(tasks, "models=[simple_baseline]", override)
    assert said in line and "\n" not in line


def test_no_test_chooses_what_it_scores() -> None:
    asked = ("tasks=[train, evaluate]", "models=[simple_baseline]", "checkpoint=best")
    line = fault(*asked, f"{MODEL}.train.keep.best=true")
    assert f"--set {MODEL}.train.validate_on=held-out" in line
