"""What a run is asked to do: a profile, a recipe, the user's YAML, options, `--set key=value`.

Each overrides the one before, and all are validated. A key that does not exist or has the
wrong type is one line naming the key and what was due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

import models as zoo
from bench import recipes, tasks
from bench.data.formats import words, yaml_file
from bench.exam.settings import Exam
from bench.kinds import (
    PROCESSORS,
    Changes,
    Count,
    Device,
    Faults,
    Memory,
    Names,
    Natural,
    Placed,
    Positive,
    Seconds,
    Strict,
    Tasks,
)
from bench.parity.settings import Parity
from bench.recipes.layers import Content, Said, merge, over, parsed, profile_settings
from bench.speed.settings import Throughput
from bench.training.settings import LENGTH, NEEDED, Complete
from bench.training.settings import Train as Train
from models.errors import BadInput, UnknownName, shortened


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


class Config(Strict):
    """A whole run."""

    # the one it came from, for the report: `load` writes it, and no number follows from it
    profile: str = ""
    # the recipe it came from, a name or a file; `load` writes it, too
    recipe: str = ""
    # a few steps that look for mistakes (`--debug`): no evidence, so no verdict is made of them
    debug: bool = False
    # the finished run whose data, sizes and weights are taken; `--run` alone writes it
    run: str = ""
    backend: Names = Field(default=("numpy",), min_length=1)
    # by model or stage; of a run that names none, those of `models` and these
    model: dict[str, Model] = {}
    models: Names = ()  # the whole zoo and its stages where empty
    preset: str = "small"  # of models that name none of their own
    # of the steps that recipes say
    share: Positive = Field(default=1.0, le=1000)
    # backend that the others are held against; the first one where empty
    against: str = ""
    # trainings of the reference with other draws: how far chance alone carries them
    repeats: Count = 2
    seeds: Count = 1  # trainings of each model on each backend, from `seed` on
    equivalence_margin: Positive = 1.0  # mm by which means that are equal may differ
    # those of a usual run where none is named
    tasks: Tasks = Field(default_factory=tasks.usual, min_length=1)
    device: Device = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    checkpoint: str = "last"  # that is evaluated; or best (`keep.best`), or a file
    data: str = "synthetic"
    protocol: str | None = None
    small: Positive = Field(default=1.0, le=1)  # fraction of each clip's frames
    noise: bool = False  # detector noise on the keypoints
    # take keypoints that are not of their poses: another protocol hash
    allow_mismatch: bool = False
    # halve a batch that does not fit into memory, of models with statistics of a batch, too
    allow_smaller_batch: bool = False
    # steps (`bench/data/augment.py`), or a YAML file of them, done once to all clips: another
    # protocol hash
    corrupt: Changes | None = None
    # the same, done anew to the training clips in each epoch
    augment: Changes | None = None
    # frameworks known on paper alone, by name: `--manifest` writes it
    declared: dict[str, Placed] = {}
    # feasibility: ops that are taken away from every backend
    without: Names = ()
    ops: Names = ()  # exam: these only; all where empty
    faults: Faults = ()  # audit: kinds of faults; all where empty
    # third-party exam: folder of collected cases; where left out, the run folder's own
    onnx_cases: Path | None = None
    metrics: Names = ()  # evaluation: MPJPE and these; all where empty
    # curves of trainings as event files, too
    tensorboard: bool = False
    seed: Natural = 0
    threads: Count = Field(default=2, le=PROCESSORS)  # of each worker
    # at once, but for timing; 0: as many as the cores hold
    workers: Natural = Field(default=0, le=PROCESSORS)
    timeout: Seconds = 1800  # a cell may take
    # bytes that a worker may ask the system for; no bound where empty
    memory: Memory | None = None
    parity: Parity = Parity()
    throughput: Throughput = Throughput()
    exam: Exam = Exam()

    @property
    def reference(self) -> str:
        """The backend that the others are held against."""
        return self.against or self.backend[0]

    def refers(self, backend: str) -> bool:
        """Whether others are held against this backend: alone it is no reference."""
        return backend == self.reference and len(set(self.backend)) > 1


class Variant(Model):
    """A recipe that lies beside its model: what it says of itself, and settings of the model."""

    extends: str | None = None  # another of the same file
    about: str = ""  # where the numbers come from, or what the recipe is for
    stage: str = ""  # of the family; empty for the plain model


class Recipe(Config):
    """A recipe that is a file: what it says of itself, and settings of a run."""

    extends: str | None = None  # another recipe's name, or that of a file beside it
    about: str = ""


def load(
    *,
    profile: str,
    file: Path | None,
    overrides: Sequence[str],
    options: Mapping[str, Any],
    models: Sequence[str],
    recipe: str | None = None,
) -> Config:
    """The validated configuration, with what each model's own file says of its training.

    `options` are the command line's, `models` those asked for (those of the recipe if none, or
    all of the zoo). Raises BadInput naming the key, and UnknownName for a profile, recipe, model
    or preset.
    """
    planned = merged(beneath(profile=profile, recipe=recipe), over)
    typed = merged(above(file=file, overrides=overrides, options=options), merge)
    if models and not isinstance(typed.get("model"), Mapping):
        # the names decide, and nothing else that is said of models
        typed["model"] = {}
    content = over(planned, typed)
    refuse_chosen(content)
    config = validate({**content, "profile": profile, "recipe": recipe or ""})
    # the schema takes any name of a model: which there are is for the zoo to say
    for name in (*config.model, *config.models):
        zoo.module(name)  # which says what is near, of a family and of a stage
    own = _of_recipe(recipe, models)
    # a profile's names are for those who name nothing
    usual = typed.get("models") or own or config.models or zoo.networks()
    wanted = models or [*usual, *config.model]
    _heard(overrides, wanted)
    settings = {}
    # once each: settings may be given for a model that is there anyhow
    for name in dict.fromkeys(wanted):
        asked = config.model.get(name, Model())
        keys = _trained_keys(planned, name) - _trained_keys(typed, name)
        settings[name] = settled(name, asked, config, planned=keys)
    return config.model_copy(update={"model": settings})


def beneath(*, profile: str, recipe: str | None) -> list[Said]:
    """What a profile says, and a recipe with those that it extends; each checked by itself.

    Raises BadInput, and UnknownName for a profile or recipe.
    """
    found: list[Said] = [(f"profile {profile}", profile_settings(profile))]
    for one in recipes.chain(recipe) if recipe else ():
        _hold(one)
        found.append((one.label, one.said))
    return found


def above(
    *, file: Path | None, overrides: Sequence[str], options: Mapping[str, Any]
) -> list[Said]:
    """What is typed, and where that stands, each over those before it. Raises BadInput."""
    found: list[Said] = []
    if file is not None:
        found.append((str(file), yaml_file.read(file)))
    found += [(f"--{key}", {key: value}) for key, value in options.items()]
    # last: what is typed for one key is meant for this run
    found += [("--set", parsed(override)) for override in overrides]
    return found


def merged(
    parts: Sequence[Said], how: Callable[[Content, Content], dict[str, Any]]
) -> dict[str, Any]:
    """All that is said, each over those before it."""
    content: dict[str, Any] = {}
    for _, said in parts:
        content = how(content, said)
    return content


def _of_recipe(recipe: str | None, named: Sequence[str]) -> list[str]:
    """The models of a recipe. Raises BadInput for one that is named and not among them."""
    own = recipes.models_of(recipe) if recipe else []
    strays = sorted(set(named) - set(own)) if own else []
    if strays:
        raise BadInput(
            f"--model {strays[0]}: recipe {recipe} is of {', '.join(own)}; name one of"
            " these, or leave --model out"
        )
    return own


def _trained_keys(content: Content, name: str) -> set[str]:
    """Which settings of a model's training are said. The schema has seen them."""
    said: Any = content
    for key in ("model", name, "train"):
        said = said.get(key) or {}
    return set(said)


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


def refuse_chosen(content: Content) -> None:
    """Raise BadInput for a key that an option of its own chooses.

    Accepted, it would name another profile, recipe or run than the one whose settings these are.
    """
    for key in ("profile", "recipe", "run"):
        if key in content:
            raise BadInput(f"configuration key {key}: --{key} chooses it; leave it out")


def settled(
    name: str, asked: Model, config: Config, *, planned: Collection[str] = ()
) -> Model:
    """The settings of a model: what was asked for, over what its file says of the preset.

    `planned` are keys of its training that a recipe has asked for.
    """
    _refuse_both(name, asked.train)
    # a field that was set to its default was set all the same
    preset = asked.preset if "preset" in asked.model_fields_set else config.preset
    own = asked.train
    of_recipe = own.model_fields_set & set(planned)
    said = trained(name, preset)
    if LENGTH & own.model_fields_set:
        said = {key: value for key, value in said.items() if key not in LENGTH}
    said |= {key: getattr(own, key) for key in of_recipe}
    # all of them, or a training cut short would end before its first validation
    for key in {"steps", "validate_every"} & said.keys():
        said[key] = max(1, round(said[key] * config.share))
    if said.get("epochs"):
        said["epochs"] *= config.share
    for key in own.model_fields_set - of_recipe:
        said.pop(key, None)  # typed, whatever files say
    whole = completed(name, own.model_copy(update=said))
    train = Train.model_validate(whole.model_dump())
    return asked.model_copy(update={"preset": preset, "train": train})


def _refuse_both(name: str, train: Train) -> None:
    """Raise BadInput for settings of a training that cannot both be meant."""
    key = f"configuration key model.{name}.train"
    if train.epochs is not None and "steps" in train.model_fields_set:
        raise BadInput(f"{key}: steps and epochs are both given; leave one out")
    if train.validate_on == "test" and train.chooses:
        raise BadInput(
            f"{key}.validate_on: test, and patience or plateau choose by the validation; no"
            " test may choose: take held-out, or leave it out"
        )


def trained(name: str, preset: str) -> dict[str, Any]:
    """What a model's file says of a preset's training, by key.

    Raises UnknownName and BadInput where the file is wrong.
    """
    found = recipes.usual(name, preset)
    for one in found:
        _hold(one)
    said = merged([(one.label, one.said) for one in found], over).get("model", {})
    # of one model, which may be the plain one where a stage is asked for
    whole = [Model.model_validate(settings).train for settings in said.values()]
    return {
        key: getattr(train, key) for train in whole for key in train.model_fields_set
    }


def completed(name: str, train: Train) -> Complete:
    """A training whose empty fields are those of the model's published recipe.

    The loss is the model's own where none is said. Raises BadInput where the recipe lacks one.
    """
    said = train.model_dump()
    empty = [key for key in NEEDED if said[key] is None]
    if empty:
        published = trained(name, recipes.PAPER)
        said |= {key: published.get(key) for key in empty}
    if lost := [key for key in empty if said[key] is None]:
        raise BadInput(
            f"{recipes.beside(name)}: train.{lost[0]} of its recipe {recipes.PAPER} was due;"
            " say it there"
        )
    return Complete.model_validate(said)


def validate(content: Content) -> Config:
    """Check against the schema. Raises BadInput for the first key that is wrong."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise BadInput(explain(error)) from None


def _hold(recipe: recipes.Recipe) -> None:
    """Check one recipe against the schema. Raises BadInput that says where it stands."""
    schema = Variant if recipe.model else Recipe
    refused = {"profile", "recipe", "run"} & recipe.written.keys()
    try:
        if refused and schema is Recipe:
            refuse_chosen(recipe.written)
        schema.model_validate(recipe.written)
    except ValidationError as error:
        raise BadInput(f"{recipe.label}: {explain(error, schema)}") from None
    except BadInput as error:
        raise BadInput(f"{recipe.label}: {error}") from None


def explain(error: ValidationError, schema: type[BaseModel] = Config) -> str:
    """One line for the first thing that is wrong."""
    wrong = error.errors()[0]
    path = [str(part) for part in wrong["loc"]]
    key = shortened(".".join(path))
    told = f"configuration key {key}: {words.reason(wrong)}"
    if wrong["type"] == "value_error":
        return told
    if wrong["type"] == "extra_forbidden":
        *owners, last = path
        kind = f"key of {'.'.join(owners)}" if owners else "configuration key"
        known = list(_section(owners, schema).model_fields)
        return str(UnknownName(kind, last, known))
    return f"{told}, got {words.value(wrong['input'])}"


def _section(path: Sequence[str], schema: type[BaseModel]) -> type[BaseModel]:
    """The class that says which keys there are at a path, such as model.motionbert.train."""
    section: Any = schema
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
