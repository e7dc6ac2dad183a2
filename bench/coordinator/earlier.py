"""An earlier run that is gone on with (`--resume`), or whose trained models are taken (`--run`).

Whatever else is typed either counts or is refused by its own name: an option that is read and
then forgotten would put a number under the wrong settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import config as configs
from bench import records, tasks
from bench.config import Config, Model
from bench.coordinator import run
from bench.data import protocol_for
from bench.data.formats import yaml_file
from bench.recipes import layers
from bench.records import Run, Training
from models.errors import BadInput, UnknownName, shortened

Content = Mapping[str, Any]
# what changes no number, and so may change on the way
FREE = frozenset({"tensorboard", "timeout", "workers"})
# lists that may grow, by cells that the run has not
GROWING = frozenset({"backend", "tasks"})
# what a training has been made of, beside the settings of its model
DATA = frozenset({"data", "protocol", "small", "noise", "corrupt"})
BROUGHT = DATA | {"seed", "augment", "preset", "share"}
TRAINING = "bench.training."  # the room of the tasks that train
# how options are called that are not called as their key
CALLED = {"faults": "kind"}


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands on a command line beside the run; what is empty was not said."""

    tasks: Sequence[str] = ()  # of the command
    models: Sequence[str] = ()
    profile: str | None = None
    file: Path | None = None
    overrides: Sequence[str] = ()
    # by configuration key
    options: Mapping[str, Any] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[str, Content]]:
        """Each thing as it was typed, with the settings that it makes, in their order."""
        if self.file is not None:
            yield f"--config {self.file}", yaml_file.read(self.file)
        for key, value in self.options.items():
            values = value if isinstance(value, list) else [value]
            shown = " ".join(map(str, values))
            yield f"--{CALLED.get(key, key)} {shown}", {key: value}
        for text in self.overrides:
            yield f"--set {text}", layers.parsed(text)


def continued(folder: Path, typed: Typed) -> Config:
    """The configuration to go on with: more tasks, backends and models, time and workers.

    Raises BadInput naming the first thing typed that would change what is there.
    """
    config = run.resumed(folder)
    if typed.profile not in (None, config.profile):
        raise _refused(f"--profile {typed.profile}", "profile", config.profile, folder)
    new = [task for task in typed.tasks if task not in config.tasks]
    config = config.model_copy(update={"tasks": (*config.tasks, *new)})
    if typed.models and (gone := set(config.model) - set(typed.models)):
        raise _refused(
            f"--model {' '.join(typed.models)}", "also", sorted(gone), folder
        )
    own = dict(config.model)
    whole = config.model_dump(mode="json")
    for label, content in typed.parts():
        whole, over = _over(whole, content)
        for key, was, now in _changes(config, over):
            grown = key in GROWING and set(was) <= set(now)
            added = _model_of(key) not in {"", *own}
            if not (key in FREE or grown or added):
                raise _refused(label, key, was, folder)
        # first what was there: the first backend is the one that others are held against
        names = list(dict.fromkeys([*config.backend, *over.backend]))
        whole["backend"] = names
        config = over.model_copy(update={"backend": tuple(names)})
    if strays := set(config.model) - {*own, *typed.models}:
        raise BadInput(
            f"settings of model {min(strays)}: the run in {folder} has {', '.join(own)};"
            f" add it by --model"
        )
    added_models = {
        name: configs.settled(name, config.model.get(name, Model()), config)
        for name in typed.models
        if name not in own
    }
    return config.model_copy(update={"model": own | added_models})


def based(folder: Path, typed: Typed) -> Config:
    """A configuration for trained models of a finished run, on its data and at its sizes.

    Raises BadInput naming the first thing typed that does not go with their weights.
    """
    earlier, config = records.read(folder), run.resumed(folder)
    known = trained(earlier)
    names = [name for name in config.model if name in {model for _, model in known}]
    if not names:
        raise BadInput(f"{folder}: no model was trained there; train one first")
    for name in typed.models:
        if name not in names:
            raise UnknownName(f"trained model of {folder}", name, names)
    chosen = list(typed.models) or names
    config = config.model_copy(
        update={
            "run": earlier.info.id,
            "tasks": _untrained(typed.tasks or config.tasks, folder),
            "model": {name: config.model[name] for name in chosen},
            # those that trained any of them, where no backend is named
            "backend": tuple(dict.fromkeys(b for b, m in known if m in chosen)),
            "against": "",
            # the ladder is climbed at the size of the weights
            "parity": config.parity.model_copy(update={"preset": None}),
        }
    )
    fixed = {*BROUGHT, "run", "debug", "parity.preset"}
    if "evaluate" in config.tasks:
        fixed.add("precision")  # in which it was trained, and is to be judged
    whole = config.model_dump(mode="json")
    for label, content in [*_profile(typed), *typed.parts()]:
        whole, over = _over(whole, content)
        for key, was, _ in _changes(config, over):
            if key in fixed or _model_of(key):
                raise _refused(label, key, was, folder)
        config = over
    # once more: they may have been set one by one
    return config.model_copy(update={"tasks": _untrained(config.tasks, folder)})


def _untrained(asked: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Tasks without those that train. Raises BadInput where none is left."""
    left = [name for name in asked if not tasks.get(name).module.startswith(TRAINING)]
    if not left:
        raise BadInput(
            f"--run {folder}: it has trained already, and that is what was asked; leave"
            f" --run out, or go on with it by --resume"
        )
    return tuple(left)


def trained(earlier: Run) -> list[tuple[str, str]]:
    """Backend and model of each training of a run that came to its end."""
    return [
        (record.backend, record.model)
        for record in earlier.records
        if isinstance(record.payload, Training) and record.status == "ok"
    ]


def _profile(typed: Typed) -> Iterator[tuple[str, Content]]:
    """What a profile says of the size of what is asked; the rest the run has brought."""
    if typed.profile is None:
        return
    content = layers.profile_settings(typed.profile)
    sizes = {key: value for key, value in content.items() if key not in BROUGHT}
    ladder = dict(sizes.get("parity", {}))
    ladder.pop("preset", None)
    yield f"--profile {typed.profile}", sizes | {"parity": ladder}


def _over(whole: Content, content: Content) -> tuple[dict[str, Any], Config]:
    """Settings with something over them, as they were said and as a configuration.

    Said on, not dumped anew: a default that nobody has set stays one, over which a model's file
    has its say. Raises BadInput where something is no setting.
    """
    configs.refuse_chosen(content)
    merged = layers.merge(whole, content)
    return merged, configs.validate(merged)


def _changes(before: Config, after: Config) -> Iterator[tuple[str, Any, Any]]:
    """Every key that differs, and its two values."""
    one, other = (dict(_flat(config.model_dump())) for config in (before, after))
    for key in dict.fromkeys([*one, *other]):
        was, now = one.get(key), other.get(key)
        # the default protocol may be called by its name
        if key == "protocol" and was != now:
            was, now = (protocol_for(before.data, name).name for name in (was, now))
        if was != now:
            yield key, was, now


def _flat(content: Content, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`{"parity": {"steps": 5}}` -> parity.steps, 5."""
    for key, value in content.items():
        # an empty mapping is a value: what is in the other then differs from it
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _model_of(key: str) -> str:
    """Whose settings a key is among; empty for the others."""
    first, _, rest = key.partition(".")
    return rest.partition(".")[0] if first == "model" else ""


def _refused(label: str, key: str, was: object, folder: Path) -> BadInput:
    values = was if isinstance(was, list | tuple) else [was]
    has = " ".join(map(str, values)) or "none"
    return BadInput(
        f"{shortened(label, 300)}: the run in {folder} has {key} {shortened(has)}, which what was"
        " done there rests on; leave the option out, or begin a new run"
    )
