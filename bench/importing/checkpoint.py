"""A published checkpoint becomes a file of PosePort: safetensors, under the zoo's own names.

PyTorch's files are read by PyTorch in a process of its own (`python -m
bench.importing.checkpoint BACKEND ORDER`, the order as JSON); safetensors files here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import backends
from bench.coordinator.spec import asked
from bench.data.formats import places, whole_file
from bench.importing import fitting
from bench.processes import question
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from bench.training.origin import project_version
from models.errors import BadInput, PosePortError
from models.spec import Spec

SUFFIX = ".safetensors"
DUE = "a checkpoint of PyTorch (.pth, .pt, .bin, .tar) or a safetensors file"
LARGEST = 1 << 34  # bytes; published pose models take some hundred million


@dataclass(frozen=True)
class Order:
    """Whose weights a file is said to hold, and where they go."""

    model: str
    file: str
    out: str
    preset: str = "paper"
    sizes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What was taken, from which part of the file, and what was left there."""

    path: str
    model: str
    preset: str
    parameters: int  # trained scalars, as papers count them
    arrays: int
    place: str  # key in the file; empty at its top
    prefix: str  # taken off every name
    left_out: tuple[str, ...]  # arrays that the model does without
    sha256: str  # of the file that was read


def bring(order: Order) -> Imported:
    """Read a file and write the other.

    Raises BadInput for what does not exist, does not fit or cannot be read, Missing without
    PyTorch where the file is its own; nothing is written then.
    """
    _check_places(order)
    # before the file is opened: whoever misspelt a name does not wait for it
    asked(order.model, order.preset, order.sizes)
    if Path(order.file).suffix == SUFFIX:
        return take(order, _safetensors(Path(order.file)))
    keeper = backends.keeper()
    backends.require(keeper)
    # the child runs in the checkout, wherever this process stands
    file, out = (str(Path(name).absolute()) for name in (order.file, order.out))
    whole = json.dumps(asdict(replace(order, file=file, out=out)))
    try:
        answer = question.ask("bench.importing.checkpoint", [keeper, whole])
    except PosePortError as error:
        # a file that makes its reader die is no better than one that cannot be read
        raise BadInput(f"{order.file}: {error}; give {DUE}") from None
    if "refused" in answer:
        raise BadInput(answer["refused"].replace(file, order.file))
    left_out = tuple(answer.pop("left_out"))
    return Imported(**{**answer, "path": order.out, "left_out": left_out})


def take(order: Order, stored: Any) -> Imported:
    """Choose among what a file holds, and write it. Raises BadInput where it does not fit."""
    spec = asked(order.model, order.preset, order.sizes)
    params = spec.parameters
    found = fitting.of_model(order.model, stored, params)
    if found is None:
        raise BadInput(f"{order.file}: holds no arrays by name; give {DUE}")
    left_out = fitting.parted(order.model, params, found.arrays)
    arrays = {
        name: array for name, array in found.arrays.items() if name not in left_out
    }
    try:
        weights = fitting.weights(params, fitting.counted(params, arrays))
    except BadInput as error:
        raise _not_its_own(order, spec, stored, error) from None
    done = Imported(
        path=order.out,
        model=order.model,
        preset=order.preset,
        parameters=spec.parameter_count(),
        arrays=len(weights),
        place=found.place,
        prefix=found.prefix,
        left_out=left_out,
        sha256=_digest(Path(order.file)),
    )
    origin = _origin(order, spec, done)
    checkpoint.save(Path(order.out), Checkpoint(weights, {}, {}, {"step": 0}, origin))
    return done


def _origin(order: Order, spec: Spec, done: Imported) -> dict[str, Any]:
    """What the header says: where the weights come from. How they were fed nobody knows here."""
    return {
        "poseport": project_version(),
        "model": order.model,
        "preset": order.preset,
        "sizes": dict(spec.config),
        "window": spec.frames,
        "imported": {
            "file": Path(order.file).name,
            "sha256": done.sha256,
            "place": done.place,
            "prefix": done.prefix,
            "left_out": list(done.left_out),
        },
    }


def _not_its_own(order: Order, spec: Spec, stored: Any, error: BadInput) -> BadInput:
    """That a file holds other weights, and whose they may be."""
    held = fitting.of_model(order.model, stored, spec.parameters)
    same = held is not None and not set(spec.parameters) - set(held.arrays)
    due = "give the --preset and each --size that it was trained with"
    if not same and (near := fitting.others(order.model, stored)):
        due = f"its names are those of {near}: give that --model"
    return BadInput(
        f"{order.file}: these are no weights of {order.model}, preset {order.preset}:"
        f" {error}; {due}"
    )


def _check_places(order: Order) -> None:
    file, out = Path(order.file), Path(order.out)
    size = whole_file.size(file, DUE)
    if size > LARGEST:
        raise BadInput(f"{file}: {size:,} bytes, more than {LARGEST:,}; give {DUE}")
    if out.suffix != SUFFIX:
        named = out.with_suffix(SUFFIX) if out.name else out
        raise BadInput(f"{out}: weights are written as {SUFFIX}; pass --to {named}")
    places.file(out)
    if out.exists() and out.samefile(file):
        raise BadInput(f"{out}: is the file that is read; pass another --to")


def _safetensors(path: Path) -> dict[str, Any]:
    """The arrays of a safetensors file; those of a checkpoint of ours without its groups."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: dict[str, Any] = load_file(path)
    # KeyError of an element type that NumPy has not
    # AttributeError of one that it has not yet
    except (
        SafetensorError,
        OSError,
        AttributeError,
        KeyError,
        ValueError,
        TypeError,
    ) as error:
        raise BadInput(
            f"{path}: cannot be read as safetensors ({error}); take a fresh copy"
        ) from None
    plain = {name.replace("/", "."): array for name, array in arrays.items()}
    if len(plain) < len(arrays):
        raise BadInput(f"{path}: holds a name twice, with `.` and with `/`; keep one")
    return plain


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def examine(arguments: Sequence[str]) -> dict[str, Any]:
    """The child: the backend that reads, and the order as JSON."""
    order = Order(**json.loads(arguments[1]))
    try:
        return asdict(take(order, backends.saved(arguments[0], Path(order.file))))
    except BadInput as error:
        # as an answer: of what a child says last, its parent keeps the beginning
        return {"refused": str(error)}


if __name__ == "__main__":
    sys.exit(question.answer(examine))
