"""What a run is asked to do: a profile, the user's YAML, options, `--set key=value`.

Each overrides the one before, and all are validated. A key that does not exist or has the
wrong type is one line naming the key and what was due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

import models as zoo
from bench import tasks
from bench.data.formats import yaml_file
from bench.kinds import (
    PROCESSORS,
    Count,
    Faults,
    Names,
    Natural,
    Placed,
    Positive,
    Rule,
    Rung,
    Seconds,
    Strict,
    Tasks,
    Whole,
)
from bench.training.settings import Train as Train
from models import optim
from models.errors import BadInput, UnknownName, shortened

PROFILES = Path(__file__).parent / "profiles"
Dtype = Literal["float32", "float16", "bfloat16", "int64", "int32", "bool"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


RULED = ("schedule", "clip")  # keys of a training that are {rule: its numbers}
DEEPEST = 8  # parts of a key; model.NAME.train.loss.KEY has five


class Model(Strict):
    """One model of a run: a preset of its file, single sizes replaced, its training."""

    preset: str = "small"
    sizes: dict[str, Any] = {}
    # what windows see beyond the ends of a clip
    pad: Literal["edge", "reflect"] = "edge"
    # a test window starts every so many frames; predictions of a frame are averaged
    test_every: Count | None = None
    # a file of SMPL or SMPL-H in the place of the built-in body, of a model that makes a surface
    body: Placed | None = None
    train: Train = Train()


class Parity(Strict):
    """Size of the parity ladder."""

    preset: str | None = None  # of its own; that of the run where left out
    # of one sample, batch norm has no variance
    batch: Whole = Field(default=4, ge=2)
    frames: Whole = Field(default=9, ge=2)  # where the model leaves the length open
    steps: Count = 20  # of the trajectory
    optimizers: tuple[Rule, ...] = Field(default=tuple(optim.RULES), min_length=1)
    rungs: tuple[Rung, ...] = ()  # these only; all where empty
    # examine every node, also when all rungs hold, and pack the first that is wrong
    locate: bool = False


class Exam(Strict):
    """Size of the op exam.

    Modes are the customary way of a framework, op by op (eager), and its compiler; a
    compiler that is not customary gets one case of each op, type and arrangement, since every
    one is compiled. The seed of generated cases is that of the run.
    """

    modes: tuple[Literal["customary", "eager", "compiled"], ...] = Field(
        default=("customary",), min_length=1
    )
    dtypes: tuple[Dtype, ...] = Field(default=DTYPES, min_length=1)
    cases: Natural = 0  # own cases of each op in float32; 0: all
    # which cases are put with open axes, in other layouts, by negative axes, with a number
    # for a tensor too; together: the first, in as many of these ways at once as can be
    variants: Literal["none", "together", "first", "all"] = "first"
    # which cases are put with zeros, ties, large means and other numbers that faults like
    numbers: Literal["none", "first", "all"] = "first"
    # which cases are put in types other than float32
    typed: Literal["first", "all"] = "first"
    # random cases of each op in the customary mode, of ranks 1 to 5 in turn
    generated: Natural = 0


class Throughput(Strict):
    """Size of the timing."""

    batches: tuple[Count, ...] = Field(default=(1, 64), min_length=1)
    train: bool = True
    train_batch: Count = 64
    rounds: Whole = Field(default=15, ge=3)  # for a median and its interval
    seconds: Seconds = 0.1  # of one sample


class Config(Strict):
    """A whole run."""

    # the one it came from, for the report: `load` writes it, and no number follows from it
    profile: str = ""
    # the finished run whose data, sizes and weights are taken; `--run` alone writes it
    run: str = ""
    backend: Names = Field(default=("numpy",), min_length=1)
    # by model or stage; of a run that names none, those of `models` and these
    model: dict[str, Model] = {}
    models: Names = ()  # the whole zoo and its stages where empty
    preset: str = "small"  # of models that name none of their own
    share: Positive = Field(default=1.0, le=1000)  # of the steps that models' files say
    # backend that the others are held against; the first one where empty
    against: str = ""
    # trainings of the reference with other draws: how far chance alone carries them
    repeats: Count = 2
    # those of a usual run where none is named
    tasks: Tasks = Field(default_factory=tasks.usual, min_length=1)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    data: str = "synthetic"
    protocol: str | None = None
    small: Positive = Field(default=1.0, le=1)  # fraction of each clip's frames
    noise: bool = False  # detector noise on the keypoints
    # take keypoints that are not of their poses: another protocol hash
    allow_mismatch: bool = False
    # halve a batch that does not fit into memory, of models with statistics of a batch, too
    allow_smaller_batch: bool = False
    # YAML file of steps (`bench/data/augment.py`) done once to all clips: another protocol hash
    corrupt: Path | None = None
    # such a file of steps done anew to the training clips in each epoch
    augment: Path | None = None
    ops: Names = ()  # exam: these only; all where empty
    faults: Faults = ()  # audit: kinds of faults; all where empty
    # third-party exam: folder of collected cases; where left out, the run folder's own
    onnx_cases: Path | None = None
    metrics: Names = ()  # evaluation: MPJPE and these; all where empty
    seed: Natural = 0
    threads: Count = Field(default=2, le=PROCESSORS)  # of each worker
    # at once, but for timing; 0: as many as the cores hold
    workers: Natural = Field(default=0, le=PROCESSORS)
    timeout: Seconds = 1800  # a cell may take
    parity: Parity = Parity()
    throughput: Throughput = Throughput()
    exam: Exam = Exam()

    @property
    def reference(self) -> str:
        """The backend that the others are held against."""
        return self.against or self.backend[0]


def profiles() -> list[str]:
    """Names of the profile files."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def profile_settings(name: str) -> dict[str, Any]:
    """What a profile says. Raises UnknownName."""
    if name not in profiles():
        raise UnknownName("profile", name, profiles())
    return yaml_file.read(PROFILES / f"{name}.yaml")


def load(
    *,
    profile: str,
    file: Path | None,
    overrides: Sequence[str],
    options: Mapping[str, Any],
    models: Sequence[str],
) -> Config:
    """The validated configuration, with what each model's own file says of its training.

    `options` are the command line's, `models` those asked for (all of the zoo if none). Raises
    BadInput naming the key, and UnknownName for a profile, model or preset.
    """
    content: dict[str, Any] = {}
    for _, said in layers(
        profile=profile, file=file, overrides=overrides, options=options
    ):
        content = merge(content, said)
    if models and not isinstance(content.get("model"), Mapping):
        # the names decide, and nothing else that is said of models
        content["model"] = {}
    refuse_chosen(content)
    config = validate({**content, "profile": profile})
    # the schema takes any name of a model: which there are is for the zoo to say
    for name in (*config.model, *config.models):
        zoo.module(name)  # which says what is near, of a family and of a stage
    usual = config.models or zoo.networks()
    wanted = models or [*usual, *config.model]
    _heard(overrides, wanted)
    settings = {}
    # once each: settings may be given for a model that is there anyhow
    for name in dict.fromkeys(wanted):
        asked = config.model.get(name, Model())
        settings[name] = settled(name, asked, config)
    return config.model_copy(update={"model": settings})


def _heard(overrides: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise BadInput for a typed setting of a model that is not in the run."""
    for override in overrides:
        said = parsed(override).get("model")
        # what is no table of models, the schema has refused
        for name in said if isinstance(said, Mapping) else ():
            if name not in wanted:
                raise BadInput(
                    f"--set {override}: {name} is not in this run of {', '.join(wanted)};"
                    f" add --model {name}, or leave it out"
                )


def layers(
    *,
    profile: str,
    file: Path | None,
    overrides: Sequence[str],
    options: Mapping[str, Any],
) -> list[tuple[str, Mapping[str, Any]]]:
    """What is asked for and where that stands, each over those before it.

    Raises BadInput, and UnknownName for a profile.
    """
    usual = profile_settings(profile)
    found: list[tuple[str, Mapping[str, Any]]] = [(f"profile {profile}", usual)]
    if file is not None:
        found.append((str(file), yaml_file.read(file)))
    found += [(f"--{key}", {key: value}) for key, value in options.items()]
    # last: what is typed for one key is meant for this run
    found += [("--set", parsed(override)) for override in overrides]
    return found


def refuse_chosen(content: Mapping[str, Any]) -> None:
    """Raise BadInput for a key that an option of its own chooses.

    Accepted, it would name another profile or run than the one whose settings these are.
    """
    for key in ("profile", "run"):
        if key in content:
            raise BadInput(f"configuration key {key}: --{key} chooses it; leave it out")


def settled(name: str, asked: Model, config: Config) -> Model:
    """The settings of a model: what was asked for, over what its file says of the preset."""
    # a field that was set to its default was set all the same
    preset = asked.preset if "preset" in asked.model_fields_set else config.preset
    refuse_both(name, asked.train)
    said = recipe(name, preset)
    if asked.train.epochs is not None:
        said.pop("steps", None)
    # both, or a training cut short would end before its first validation
    for steps in {"steps", "validate_every"} & said.keys():
        said[steps] = max(1, round(said[steps] * config.share))
    for key in asked.train.model_fields_set:
        said.pop(key, None)  # asked for, whatever the file says
    train = asked.train.model_copy(update=said)
    return asked.model_copy(update={"preset": preset, "train": train})


def refuse_both(name: str, train: Train) -> None:
    """Raise BadInput for settings of a training that cannot both be meant."""
    key = f"configuration key model.{name}.train"
    if {"steps", "epochs"} <= train.model_fields_set:
        raise BadInput(f"{key}: steps and epochs are both given; leave one out")
    if train.validate_on == "test" and train.chooses:
        raise BadInput(
            f"{key}.validate_on: test, and patience or plateau choose by the validation; no"
            " test may choose: take held-out, or leave it out"
        )


def recipe(name: str, preset: str) -> dict[str, Any]:
    """What a model's file says of a preset's training; nothing where it leaves that to us.

    Raises UnknownName and BadInput where the file is wrong.
    """
    file, trainings = zoo.module(name), zoo.stage(name).training
    for stray in trainings.keys() - file.PRESETS.keys():
        raise UnknownName(f"preset in TRAINING of {name}", stray, file.PRESETS)
    # other published sizes are trained as the one that the paper reports first
    chosen = trainings.get(preset, trainings.get("paper"))
    if chosen is None:
        return {}
    usual = asdict(chosen)
    said = {key: value for key, value in usual.items() if value is not None}
    try:
        Train.model_validate(said)
    except ValidationError as error:
        raise BadInput(f"TRAINING of {name}, {preset}: {_explain(error)}") from None
    return said


def validate(content: Mapping[str, Any]) -> Config:
    """Check against the schema. Raises BadInput for the first key that is wrong."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise BadInput(_explain(error)) from None


def merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`top` over `base`, mappings merged key by key, everything else replaced.

    Of keys that name one of several rules, another rule takes the place of the one below.
    """
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = value
        if not (isinstance(below, Mapping) and isinstance(value, Mapping)):
            continue
        if key not in RULED or below.keys() == value.keys():
            merged[key] = merge(below, value)
    return merged


def _explain(error: ValidationError) -> str:
    """One line for the first thing that is wrong."""
    wrong = error.errors()[0]
    path = [str(part) for part in wrong["loc"]]
    key = shortened(".".join(path))
    if wrong["type"] == "value_error":  # ours, which says all there is to say
        return f"configuration key {key}: {wrong['ctx']['error']}"
    if wrong["type"] == "extra_forbidden":
        *owners, last = path
        kind = f"key of {'.'.join(owners)}" if owners else "configuration key"
        known = list(_section(owners).model_fields)
        return str(UnknownName(kind, last, known))
    came = shortened(repr(wrong["input"]))
    return f"configuration key {key}: {wrong['msg'].lower()}, got {came}"


def _section(path: Sequence[str]) -> type[BaseModel]:
    """The class that says which keys there are at a path, such as model.motionbert.train."""
    section: Any = Config
    if path[:1] == ["model"]:
        # no field of a class: the second part is any model's name
        section, path = Model, path[2:]
    for key in path:
        if key.isdigit():
            # of a list: all of its entries are alike
            section = get_args(section)[0]
        else:
            section = section.model_fields[key].annotation
    found: type[BaseModel] = section
    return found


def parsed(text: str) -> dict[str, Any]:
    """`train.steps=5` -> {"train": {"steps": 5}}; the value is YAML. Raises BadInput."""
    shown = shortened(text)
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput(f"--set {shown}: key=value was due, for example --set seed=1")
    try:
        # as in a file, so that numbers, lists and null are written alike
        content = yaml_file.parse(value)
    except BadInput as error:
        raise BadInput(
            f"--set {shown}: the value is not readable as YAML: {error}"
        ) from None
    parts = key.split(".")
    # no setting lies deeper, and none of them is nameless
    if len(parts) > DEEPEST or not all(parts):
        raise BadInput(f"--set {shown}: a key such as model.motionbert.pad was due")
    # from the inside out: the last part holds the value
    for part in reversed(parts):
        content = {part: content}
    return dict(content)
