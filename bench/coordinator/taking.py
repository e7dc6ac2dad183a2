"""What a new run takes from one that has trained: weights, and the clips that go with them."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import records
from bench.config import Config
from bench.coordinator import dataset, earlier
from bench.coordinator.job import checkpoint_of, chosen
from bench.coordinator.spec import skeleton_sizes
from bench.data import protocol_for
from bench.training import checkpoint
from models.errors import BadInput


def weights(run: Path, config: Config) -> dict[Path, Path]:
    """Where each backend and model of a configuration finds its weights: name here -> file.

    Those of its own training, else those of the only one. Raises BadInput where there are
    several, or where a file is damaged.
    """
    known = earlier.trained(records.read(run))
    found = {}
    for backend, model in itertools.product(config.backend, config.model):
        trainers = [name for name, trained in known if trained == model]
        if backend in trainers:
            trainers = [backend]
        if len(trainers) != 1:
            raise BadInput(
                f"{run}: {model} was trained on {', '.join(trainers)}, and not on {backend};"
                " leave that backend out"
            )
        last = checkpoint_of(run, trainers[0], model)
        source = chosen(last, config.checkpoint)
        checkpoint.load(source)  # for its error, before anything is written
        found[checkpoint_of(Path(), backend, model)] = source
    return found


def starts(run: Path, config: Config) -> Config:
    """A configuration whose trainings start from the trained weights of another run.

    Of each model those of the same name, else those of the only other stage of its family that
    was trained there. Raises BadInput where there are none, or several.
    """
    known = earlier.trained(records.read(run))
    begun = {}
    for name, settings in config.model.items():
        if settings.train.start is not None:
            raise BadInput(
                f"--init {run}: model.{name}.train.start says where {name} starts, too; leave"
                " one of them out"
            )
        place = _trained_as(run, name, known, config)
        train = settings.train.model_copy(update={"start": place})
        begun[name] = settings.model_copy(update={"train": train})
    return config.model_copy(update={"model": begun})


def _trained_as(
    run: Path, name: str, known: Sequence[tuple[str, str]], config: Config
) -> Path:
    """The weights of a run that a model may start from."""
    family = name.partition(":")[0]
    own = [model for _, model in known if model == name]
    kin = [model for _, model in known if model.partition(":")[0] == family]
    found = list(dict.fromkeys(own or kin))
    if len(found) != 1:
        listed = ", ".join(dict.fromkeys(model for _, model in known)) or "nothing"
        raise BadInput(
            f"--init {run}: it has trained {listed}, and {name} starts from itself, or from"
            f" one other stage of {family}; give --set model.{name}.train.start=FILE"
        )
    trainers = [backend for backend, model in known if model == found[0]]
    # all backends start alike: from one of them
    asked = [backend for backend in config.backend if backend in trainers]
    return checkpoint_of(run, (asked or trainers)[0], found[0]).absolute()


def take(run: Path, folder: Path, weights: Mapping[Path, Path]) -> None:
    """Give a new run folder its weights, and the clips of the run that they come from."""
    given = {folder / name: source for name, source in weights.items()}
    if (clips := run / dataset.FILE).exists():
        given[folder / dataset.FILE] = clips
    for place, source in given.items():
        place.parent.mkdir(exist_ok=True)
        try:
            # no second copy: both are replaced, and never written into
            os.link(source, place)
        except OSError:
            shutil.copyfile(source, place)


def exported(run: Path, model: str | None) -> dict[str, Any]:
    """What an export is told of a trained model: its name, preset, sizes and weights.

    Raises BadInput where the run has several that fit, or none.
    """
    # any task will do that does not train
    typed = earlier.Typed(tasks=["evaluate"], models=[model] if model else [])
    config = earlier.based(run, typed)
    if len(config.model) > 1:
        names = ", ".join(config.model)
        raise BadInput(f"{run}: it has trained {names}; name one by --model")
    ((name, settings),) = config.model.items()
    files = list(weights(run, config).values())
    if len(files) > 1:
        listed = ", ".join(map(str, files))
        raise BadInput(
            f"{run}: {name} was trained on {', '.join(config.backend)}; leave --run out and"
            f" give --preset, --size, and by --weights one of: {listed}"
        )
    protocol = protocol_for(config.data, config.protocol)
    return {
        "model": name,
        "preset": settings.preset,
        "sizes": {**skeleton_sizes(name, protocol), **settings.sizes},
        "weights": str(files[0]),
    }
