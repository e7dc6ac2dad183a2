"""What a network is: a small graph language, its ops, and a zoo of 3D-pose models written in it.

Imports NumPy only, and that when it builds: names and errors cost nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from models import folder
from models.errors import UnknownName
from models.sizes import check

if TYPE_CHECKING:
    from models.body import Body
    from models.builder import Builder
    from models.graph import Graph
    from models.spec import Recipe, Spec
    from models.value import Value

# public classes by the file that holds each
HOMES = {
    "Body": "body",
    "Builder": "builder",
    "Graph": "nodes",
    "Recipe": "spec",
    "Spec": "spec",
    "Value": "value",
}

__all__ = [
    "Body",
    "Builder",
    "Graph",
    "Recipe",
    "Spec",
    "Value",
    "assemble",
    "build",
    "from_official",
    "loss_names",
    "module",
    "names",
    "size",
]


ZOO = Path(__file__).with_name("zoo")
LOSSES = Path(__file__).with_name("losses")


def __getattr__(name: str) -> Any:
    """The classes, imported when they are first asked for.

    Whoever wants an error or a name does not wait for NumPy.
    """
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"models.{HOMES[name]}"), name)


def names() -> list[str]:
    """Zoo models, by file name."""
    return list(folder.files(ZOO))


def loss_names() -> list[str]:
    """Losses, by file name."""
    return list(folder.files(LOSSES))


def module(name: str) -> ModuleType:
    """The file of a zoo model. Raises UnknownName with the nearest names."""
    if name not in names():
        raise UnknownName("model", name, names())
    return importlib.import_module(f"models.zoo.{name}")


def size(name: str, *, preset: str = "paper", **sizes: Any) -> Any:
    """Sizes of a model: a preset of its file, with single sizes replaced.

    Raises UnknownName for a preset or size that does not exist, SpecError for one that makes
    no network.
    """
    file = module(name)
    if preset not in file.PRESETS:
        raise UnknownName(f"preset of {name}", preset, file.PRESETS)
    known = [field.name for field in fields(file.Size)]
    for stray in set(sizes) - set(known):
        raise UnknownName(f"size of {name}", stray, known)
    check(name, sizes, file.Size)
    return file.Size(**{**asdict(file.PRESETS[preset]), **sizes})


def build(
    name: str,
    *,
    preset: str = "paper",
    loss: Mapping[str, float] | None = None,
    body: Body | None = None,
    **sizes: Any,
) -> Spec:
    """A zoo model as a Spec; sizes replace those of the preset.

    `loss` weighs losses by name and defaults to the recipe's; `body` is the skeleton of the
    poses that the model makes, for losses that ask for it.
    """
    chosen = size(name, preset=preset, **sizes)
    return assemble(module(name), chosen, loss=loss, body=body)


def from_official(
    official: str, config: Mapping[str, Any], *, body: Body | None = None
) -> Spec:
    """The zoo model that is `official` (class name in the authors' code).

    Built from its constructor arguments, trained on plain MPJPE. Raises UnknownName when no
    zoo model claims that class.
    """
    claimed: dict[str, str] = {}
    for name, path in folder.files(ZOO).items():
        # read, not imported: one file of the zoo is wanted, the others need not be sound
        if stated := folder.stated(path, "OFFICIAL"):
            claimed[stated] = name
    if official not in claimed:
        raise UnknownName("official model", official, claimed)
    file = module(claimed[official])
    return assemble(file, file.from_official(config), loss={"mpjpe": 1.0}, body=body)


def assemble(
    file: ModuleType,
    sizes: Any,
    *,
    loss: Mapping[str, float] | None,
    body: Body | None = None,
) -> Spec:
    """Build both graphs of a model file: `train`, and `infer` where it declares one.

    Where it does not, the inference graph is derived from `train`.
    """
    from models import objective
    from models.builder import Builder
    from models.spec import Spec

    name = file.__name__.rsplit(".", 1)[-1]
    builder = Builder(f"{name}.train")
    pose = file.train(builder, sizes)
    builder.output("pose", pose)
    builder.output("loss", objective.total(pose, loss or file.RECIPE.loss, body))
    train = builder.finish()
    infer = _infer(file, sizes, train, name)
    return Spec(name, asdict(sizes), train, infer, file.RECIPE, sizes.frames)


def _infer(file: ModuleType, sizes: Any, train: Graph, name: str) -> Graph:
    from models.builder import Builder
    from models.passes import prune, to_inference

    if not hasattr(file, "infer"):
        return to_inference(train, outputs=["pose"])
    builder = Builder(f"{name}.infer")
    builder.output("pose", file.infer(builder, sizes))
    # a model may declare what only its train graph uses, a mask or a second head
    return prune(builder.finish())
