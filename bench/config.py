"""What a run is asked to do: profile file, then the user's YAML, then `--set key=value`,
each overriding the one before; all validated.

A key that does not exist or has the wrong type is one line naming the key and what was due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

import models as zoo
from bench import tasks
from bench.data.formats import yaml_file
from bench.parity import rungs
from models import optim
from models.errors import BadInput, UnknownName

PROFILES = Path(__file__).parent / "profiles"
Dtype = Literal["float32", "float16", "bfloat16", "int64", "int32", "bool"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


def _named(kind: str, names: Callable[[], Iterable[str]]) -> AfterValidator:
    """A name that a registry knows; what it knows is asked when it is needed."""

    def check(name: str) -> str:
        known = list(names())
        if name not in known:
            raise UnknownName(kind, name, known)
        return name

    return AfterValidator(check)


Task = Annotated[str, _named("task", tasks.table)]
Rung = Annotated[str, _named("rung", rungs.names)]
Rule = Annotated[str, _named("optimizer", lambda: optim.RULES)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Train(_Strict):
    """Empty fields take the model's published recipe.

    The learning rate falls by a cosine to 1 % over the steps.
    """

    steps: int = Field(default=1000, ge=1)
    batch: int | None = Field(default=None, ge=1)  # windows
    lr: float | None = Field(default=None, gt=0)
    weight_decay: float | None = Field(default=None, ge=0)
    optimizer: Rule | None = None
    loss: dict[str, float] | None = None
    joint_weights: dict[
        str, float
    ] = {}  # by joint name, in losses that weigh; 1 where left out
    inputs: Literal["screen", "zscore"] | None = None
    # frames from one training window to the next
    stride: int | None = Field(default=None, ge=1)
    # clips of fewer frames are left out of the training
    shortest: int = Field(default=1, ge=1)
    # clips of more frames are cut into pieces of so many before that
    longest: int | None = Field(default=None, ge=1)
    flip: bool = True
    validate_every: int = Field(default=250, ge=1)
    validation_windows: int = Field(default=2048, ge=1)


class Model(_Strict):
    """One model of a run: a preset of its file, single sizes replaced, and training
    settings of its own.
    """

    preset: str = "small"
    sizes: dict[str, Any] = {}
    pad: Literal["edge", "reflect"] = "edge"  # what windows see beyond the ends of a clip
    # a test window starts every so many frames; predictions of a frame are averaged
    test_every: int | None = Field(default=None, ge=1)
    train: Train = Train()


class Parity(_Strict):
    """Size of the parity ladder."""

    batch: int = Field(default=4, ge=2)
    frames: int = Field(default=9, ge=2)  # where the model leaves the length open
    steps: int = Field(default=20, ge=1)  # of the trajectory
    optimizers: tuple[Rule, ...] = tuple(optim.RULES)
    rungs: tuple[Rung, ...] = ()  # these only; all where empty
    # examine every node, also when all rungs hold, and pack the first that is wrong
    locate: bool = False


class Exam(_Strict):
    """Size of the op exam.

    Modes are the customary way of a framework, op by op (eager), and its compiler; a
    compiler that is not customary gets one case of each op and type, since every one is
    compiled. The seed of generated cases is that of the run.
    """

    modes: tuple[Literal["customary", "eager", "compiled"], ...] = ("customary",)
    dtypes: tuple[Dtype, ...] = DTYPES
    cases: int = Field(default=0, ge=0)  # own cases of each op in float32; 0: all
    # which cases are put with open axes, in other layouts, by negative axes too
    variants: Literal["none", "first", "all"] = "first"
    # which cases are put in types other than float32
    typed: Literal["first", "all"] = "first"
    # random cases of each op in the customary mode, of ranks 1 to 5 in turn
    generated: int = Field(default=0, ge=0)


class Throughput(_Strict):
    """Size of the timing."""

    batches: tuple[int, ...] = (1, 64)
    train: bool = True
    train_batch: int = Field(default=64, ge=1)
    rounds: int = Field(default=15, ge=3)
    seconds: float = Field(default=0.1, gt=0)  # of one sample


class Config(_Strict):
    """A whole run."""

    backend: tuple[str, ...] = ("numpy",)
    model: dict[str, Model] = {}
    preset: str = "small"  # of models that name none of their own
    share: float = Field(default=1.0, gt=0)  # of the steps that models' files say
    against: str = ""  # backend that the others are held against; the first one where empty
    # those of a usual run where none is named
    tasks: tuple[Task, ...] = Field(default_factory=tasks.usual)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    data: str = "synthetic"
    protocol: str | None = None
    small: float = Field(default=1.0, gt=0, le=1)  # fraction of each clip's frames
    noise: bool = False  # detector noise on the keypoints
    # YAML file of steps (`bench/data/augment.py`) done once to all clips; changes the
    # protocol's hash
    corrupt: Path | None = None
    # such a file of steps done anew to the training clips in each epoch
    augment: Path | None = None
    ops: tuple[str, ...] = ()  # exam: these only; all where empty
    # third-party exam: folder of collected cases; collected into the run folder where left
    # out
    onnx_cases: Path | None = None
    metrics: tuple[str, ...] = ()  # evaluation: MPJPE and these; all where empty
    seed: int = Field(default=0, ge=0)
    threads: int = Field(default=2, ge=1)  # of each worker
    # at once, but for timing; 0: as many as the cores hold
    workers: int = Field(default=0, ge=0)
    timeout: float = Field(default=1800, gt=0)  # seconds a cell may take
    parity: Parity = Parity()
    throughput: Throughput = Throughput()
    exam: Exam = Exam()


def profiles() -> list[str]:
    """Names of the profile files."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


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
    if profile not in profiles():
        raise UnknownName("profile", profile, profiles())
    content = yaml_file.read(PROFILES / f"{profile}.yaml")
    if file is not None:
        content = merge(content, yaml_file.read(file))
    content = merge(content, dict(options))
    for override in overrides:
        content = merge(content, _override(override))
    if models and not isinstance(content.get("model"), Mapping):
        content["model"] = {}  # the names decide, and nothing else that is said of models
    config = validate(content)
    for stray in set(config.model) - set(zoo.names()):
        raise UnknownName("model", stray, zoo.names())
    wanted = models or zoo.names()
    settings = {
        name: _settled(name, config.model.get(name, Model()), config) for name in wanted
    }
    return config.model_copy(update={"model": settings})


def _settled(name: str, asked: Model, config: Config) -> Model:
    """The settings of a model: what was asked for, over what its file says of the preset."""
    preset = asked.preset if "preset" in asked.model_fields_set else config.preset
    usual = getattr(zoo.module(name), "TRAINING", {}).get(preset)
    said = (
        {key: value for key, value in asdict(usual).items() if value is not None}
        if usual
        else {}
    )
    for steps in {"steps", "validate_every"} & said.keys():
        said[steps] = max(1, round(said[steps] * config.share))
    free = said.keys() - asked.train.model_fields_set
    train = asked.train.model_copy(update={key: said[key] for key in free})
    return asked.model_copy(update={"preset": preset, "train": train})


def _said(name: str, preset: str) -> dict[str, Any]:
    """What a model's file says of a preset's training; nothing where it leaves that to us."""
    usual = getattr(zoo.module(name), "TRAINING", {}).get(preset)
    if usual is None:
        return {}
    return {key: value for key, value in asdict(usual).items() if value is not None}


def validate(content: Mapping[str, Any]) -> Config:
    """Check against the schema. Raises BadInput for the first key that is wrong."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise BadInput(_explain(error)) from None


def merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`top` over `base`, mappings merged key by key, everything else replaced."""
    merged = dict(base)
    for key, value in top.items():
        mine = merged.get(key)
        merged[key] = (
            merge(mine, value)
            if isinstance(mine, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged


def _explain(error: ValidationError) -> str:
    wrong = error.errors()[0]
    key = ".".join(map(str, wrong["loc"]))
    if wrong["type"] == "value_error":  # ours, which says all there is to say
        return f"configuration key {key}: {wrong['ctx']['error']}"
    if wrong["type"] == "extra_forbidden":
        owner: Any = Config
        for part in wrong["loc"][:-1]:
            field = owner.model_fields.get(part) if hasattr(owner, "model_fields") else None
            owner = field.annotation if field else Model
        known = getattr(owner, "model_fields", Config.model_fields)
        *owners, last = map(str, wrong["loc"])
        return str(
            UnknownName(
                f"key of {'.'.join(owners)}" if owners else "configuration key",
                last,
                [*known],
            )
        )
    return f"configuration key {key}: {wrong['msg'].lower()}, got {wrong['input']!r}"


def _override(text: str) -> dict[str, Any]:
    """`train.steps=5` -> {"train": {"steps": 5}}; the value is YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput(f"--set {text}: key=value was due, for example --set seed=1")
    try:
        content: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise BadInput(f"--set {text}: the value is not readable as YAML") from None
    for part in reversed(key.split(".")):
        content = {part: content}
    return dict(content)
