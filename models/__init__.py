"""What a network is: a small graph language, its ops, and a zoo of 3D-pose models written
in it. Imports NumPy only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import asdict, fields
from types import ModuleType
from typing import TYPE_CHECKING, Any

from models.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from models.builder import Builder
    from models.graph import Graph
    from models.spec import Recipe, Spec
    from models.value import Value

HOMES = {
    "Builder": "builder",
    "Graph": "graph",
    "Recipe": "spec",
    "Spec": "spec",
    "Value": "value",
}

__all__ = [
    "Builder",
    "Graph",
    "Recipe",
    "Spec",
    "Value",
    "build",
    "from_official",
    "loss_names",
    "module",
    "names",
    "size",
]


def __getattr__(name: str) -> Any:
    """The classes, imported when they are first asked for: whoever wants an error or a name
    does not wait for NumPy.
    """
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"models.{HOMES[name]}"), name)


def names() -> list[str]:
    """Zoo models, by file name."""
    return _files("models.zoo")


def loss_names() -> list[str]:
    """Losses, by file name."""
    return _files("models.losses")


def module(name: str) -> ModuleType:
    """The file of a zoo model. Raises UnknownName with the nearest names."""
    if name not in names():
        raise UnknownName("model", name, names())
    return importlib.import_module(f"models.zoo.{name}")


def size(name: str, *, preset: str = "paper", **sizes: Any) -> Any:
    """Sizes of a model: a preset of its file, with single sizes replaced.

    Raises UnknownName for a preset or size that does not exist.
    """
    file = module(name)
    if preset not in file.PRESETS:
        raise UnknownName(f"preset of {name}", preset, file.PRESETS)
    known = [field.name for field in fields(file.Size)]
    for stray in set(sizes) - set(known):
        raise UnknownName(f"size of {name}", stray, known)
    return file.Size(**{**asdict(file.PRESETS[preset]), **sizes})


def build(
    name: str,
    *,
    preset: str = "paper",
    loss: Mapping[str, float] | None = None,
    **sizes: Any,
) -> Spec:
    """A zoo model as a Spec. `loss` weighs losses by name and defaults to the recipe's;
    sizes replace those of the preset.
    """
    file = module(name)
    return assemble(file, size(name, preset=preset, **sizes), loss=loss)


def from_official(official: str, config: Mapping[str, Any]) -> Spec:
    """The zoo model that is `official` (class name in the authors' code), built from its
    constructor arguments, trained on plain MPJPE.

    Raises UnknownName when no zoo model claims that class.
    """
    claimed = {file.OFFICIAL: file for file in map(module, names())}
    if official not in claimed:
        raise UnknownName("official model", official, claimed)
    file = claimed[official]
    return assemble(file, file.from_official(config), loss={"mpjpe": 1.0})


def assemble(file: ModuleType, sizes: Any, *, loss: Mapping[str, float] | None) -> Spec:
    """Build both graphs of a model file: `train`, and `infer` where it declares one (else
    derived from `train`).
    """
    from models.builder import Builder
    from models.spec import Spec

    name = file.__name__.rsplit(".", 1)[-1]
    train = Builder(f"{name}.train")
    pose = file.train(train, sizes)
    train.output("pose", pose)
    train.output("loss", _loss(pose, loss or file.RECIPE.loss))
    finished = train.finish()
    return Spec(
        name,
        asdict(sizes),
        finished,
        _infer(file, sizes, finished, name),
        file.RECIPE,
        sizes.frames,
    )


def _infer(file: ModuleType, sizes: Any, train: Graph, name: str) -> Graph:
    from models.builder import Builder
    from models.passes import prune, to_inference

    if not hasattr(file, "infer"):
        return to_inference(train, outputs=["pose"])
    builder = Builder(f"{name}.infer")
    builder.output("pose", file.infer(builder, sizes))
    return prune(builder.finish())


def _loss(pose: Value, weights: Mapping[str, float]) -> Value:
    """Weighted sum of losses between the pose and an input `target` like it, (batch,
    frames, joints, 3) or (batch, joints * 3), metres.
    """
    target = pose.graph.input("target", pose.shape)
    if len(pose.shape) == 2:
        pose, target = (
            x.rearrange("b (f j c) -> b f j c", f=1, c=3) for x in (pose, target)
        )
    total: Value | None = None
    for name, weight in weights.items():
        if name not in loss_names():
            raise UnknownName("loss", name, loss_names())
        term = getattr(importlib.import_module(f"models.losses.{name}"), name)(pose, target)
        part = term if weight == 1 else term * weight
        total = part if total is None else total + part
    if total is None:
        raise BadInput(f"a loss needs at least one term; known: {', '.join(loss_names())}")
    return total


def _files(package: str) -> list[str]:
    return sorted(
        found.name
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__)
    )
