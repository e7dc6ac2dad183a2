"""What a network is: a small graph language, its ops, and a zoo of 3D-pose models written in it.

Imports NumPy only, and that when it builds: names and errors cost nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from models import folder
from models.errors import BadInput, SpecError, UnknownName, shortened
from models.sizes import bounded, check

if TYPE_CHECKING:
    from models.body import Body
    from models.builder import Builder
    from models.graph import Graph
    from models.spec import Spec, Stage
    from models.value import Value

# public classes by the file that holds each
HOMES = {
    "Body": "body",
    "Builder": "builder",
    "Graph": "nodes",
    "Mesh": "mesh",
    "Spec": "spec",
    "Stage": "spec",
    "Value": "value",
}

__all__ = [
    "Body",
    "Builder",
    "Graph",
    "Mesh",
    "Spec",
    "Stage",
    "Value",
    "assemble",
    "build",
    "claimed",
    "from_official",
    "loss_names",
    "module",
    "names",
    "networks",
    "official_size",
    "size",
    "stage",
    "stages",
    "title",
]


UNFIT = "constructor arguments do not fit"
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
    """The file of a zoo model, or of the family of a stage: `pstmo`, `pstmo:pretrain`.

    Raises UnknownName with the nearest names.
    """
    family, stage = _parted(name)
    if family not in names():
        raise UnknownName("model", family, names())
    file = importlib.import_module(f"models.zoo.{family}")
    known = getattr(file, "STAGES", {})
    if name != family and stage not in known:
        raise UnknownName(f"stage of {family}", stage, known)
    return file


def stages(family: str) -> list[str]:
    """A family's model under its plain name, then its stages as FAMILY:STAGE."""
    return [
        family,
        *(f"{family}:{stage}" for stage in getattr(module(family), "STAGES", ())),
    ]


def networks() -> list[str]:
    """Every model and every stage of the zoo; imports all of its files."""
    return [name for family in names() for name in stages(family)]


def stage(name: str) -> Stage:
    """What `name` trains, as its file says: at its top level, or of a stage in `STAGES`."""
    from models.spec import Stage

    file, (_, chosen) = module(name), _parted(name)
    if chosen:
        return file.STAGES[chosen]  # type: ignore[no-any-return]
    return Stage(
        train=file.train,
        infer=getattr(file, "infer", None),
        loss=file.LOSS,
        losses=getattr(file, "LOSSES", {}),
        agree=getattr(file, "AGREE", True),
        parameters=getattr(file, "PAPER_PARAMETERS", {}),
        body=getattr(file, "BODY", None),
    )


def title(name: str) -> str:
    """A model's name as that of a file or class: `pstmo.pretrain`. Not every system takes `:`."""
    return name.replace(":", ".")


def _parted(name: str) -> tuple[str, str]:
    family, _, stage = name.partition(":")
    return family, stage


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
    """A zoo model, or a stage of it, as a Spec; sizes replace those of the preset.

    `loss` weighs losses by name and defaults to the model's own; `body` is the skeleton of the
    poses that the model makes, for losses that ask for it.
    """
    chosen = size(name, preset=preset, **sizes)
    return assemble(name, chosen, loss=loss, body=body)


def claimed() -> dict[str, str]:
    """Classes of authors' code -> the model or stage that is the same network.

    A file states in `OFFICIAL` one class, or a table of classes and stages.
    """
    found: dict[str, str] = {}
    for name, path in folder.files(ZOO).items():
        # read, not imported: one file of the zoo is wanted, the others need not be sound
        stated = folder.stated(path, "OFFICIAL") or {}
        table = {stated: ""} if isinstance(stated, str) else stated
        for official, stage in table.items():
            found[official] = f"{name}:{stage}" if stage else name
    return found


def from_official(
    official: str, config: Mapping[str, Any], *, body: Body | None = None
) -> Spec:
    """The zoo model that is `official` (class name in the authors' code).

    Built from its constructor arguments, trained on plain MPJPE unless the file says otherwise
    in `OFFICIAL_LOSS`. Raises as `official_size` does.
    """
    name, sizes = official_size(official, config)
    loss = getattr(module(name), "OFFICIAL_LOSS", {}).get(official, {"mpjpe": 1.0})
    return assemble(name, sizes, loss=loss, body=body)


def official_size(official: str, config: Mapping[str, Any]) -> tuple[str, Any]:
    """The zoo model that is `official`, by name, and its sizes of constructor arguments.

    Raises UnknownName when no zoo model claims that class, BadInput for arguments that make no
    network.
    """
    known = claimed()
    if official not in known:
        raise UnknownName("official model", official, known)
    name = known[official]
    try:
        sizes = module(name).from_official(official, config)
    except KeyError as error:
        raise BadInput(f"{UNFIT} {official}: {error} is missing") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise BadInput(f"{UNFIT} {official}: {error}, of {shortened(config)}") from None
    bounded(name, asdict(sizes))
    return name, sizes


def assemble(
    name: str,
    sizes: Any,
    *,
    loss: Mapping[str, float] | None = None,
    body: Body | None = None,
) -> Spec:
    """Build both graphs of a model or stage, of sizes that are given.

    `loss` weighs losses by name, as the model's file does where it is left out. Raises SpecError
    where the sizes make no network.
    """
    chosen = stage(name)
    try:
        return _assembled(name, chosen, sizes, loss, body)
    # of numbers that no file has thought of; the language's own errors name the line
    except (ArithmeticError, AttributeError, IndexError, TypeError) as error:
        raise SpecError(
            f"{name}: sizes {shortened(asdict(sizes))} make no network: {error}"
        ) from error


def _assembled(
    name: str,
    chosen: Stage,
    sizes: Any,
    loss: Mapping[str, float] | None,
    body: Body | None,
) -> Spec:
    from models import objective
    from models.builder import Builder
    from models.spec import Spec

    builder = Builder(f"{title(name)}.train")
    known = body or _default_body(chosen, sizes)
    pose = _pose(chosen.train, builder, sizes, known)
    builder.output("pose", pose)
    own = {term: _sized(each, sizes) for term, each in chosen.losses.items()}
    weights = loss or chosen.loss
    builder.output("loss", objective.total(pose, weights, known, own))
    train = _surfaced(builder.finish())
    infer = _infer(chosen, sizes, known, train, title(name))
    return Spec(
        name,
        asdict(sizes),
        train,
        infer,
        sizes.frames,
        getattr(sizes, "causal", False),
    )


def _surfaced(train: Graph) -> Graph:
    """The train graph gives the surface of a mesh model, too, so that ladders look at it."""
    if "vertices" not in train.labels:
        return train
    return train.with_outputs(*train.outputs, "vertices")


def _default_body(chosen: Stage, sizes: Any) -> Body | None:
    """The skeleton, and perhaps the mesh, of a build that is given none."""
    return chosen.body(sizes) if callable(chosen.body) else chosen.body


def _sized(term: Callable[[Value, Any], Value], sizes: Any) -> Callable[[Value], Value]:
    return lambda pose: term(pose, sizes)


def _pose(
    network: Callable[..., Value], builder: Builder, sizes: Any, body: Body | None
) -> Value:
    """What a file writes down: with the skeleton where its signature asks for one."""
    asked = {"body": body} if "body" in signature(network).parameters else {}
    return network(builder, sizes, **asked)


def _infer(
    chosen: Stage, sizes: Any, body: Body | None, train: Graph, named: str
) -> Graph:
    from models.builder import Builder
    from models.passes import to_inference

    if chosen.infer is None:
        # what a masked model hides belongs to its answer: it is scored by that
        beside = [name for name in ("hidden", "vertices") if name in train.labels]
        return to_inference(train, outputs=["pose", *beside])
    builder = Builder(f"{named}.infer")
    builder.output("pose", _pose(chosen.infer, builder, sizes, body))
    found = builder.finish()
    # It may be written of what trains, with dropout, and may declare what only the train graph
    # uses, a mask or a second head. The pose comes first, whatever else it gives.
    others = [name for name in found.outputs if name != "pose"]
    return to_inference(found, outputs=["pose", *others])
