"""What somebody has saved with PyTorch, as plain mappings of arrays; nothing in it is run.

`torch.load(weights_only=True)` rebuilds tensors and plain values alone. What else is customary
in training checkpoints (NumPy's numbers, a random state, command-line arguments) becomes an
empty object here; any other name refuses the file.
"""

from __future__ import annotations

import pickle
import resource
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from models.errors import BadInput, shortened

DUE = "give a file that torch.save has made of a state_dict, whole"
# memory beside the tensors: names, and what reading takes
SPARE = 1 << 28
DEEPEST = 6  # mappings in mappings; no checkpoint nests its weights deeper


class Aside:
    """Stands where a file has an object that holds no weights; takes whatever it is given."""

    def __init__(self, *given: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


# as pickles of NumPy 1 and 2 call them
NAMES = (
    "argparse.Namespace",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.random.__RandomState_ctor",
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._pickle.__randomstate_ctor",
)


def read(path: Path) -> Any:
    """Nested mappings with arrays in them, and None for all else.

    Raises BadInput, in one line, for a file that is damaged, that names code, or whose tensors
    claim more than it holds.
    """
    size = path.stat().st_size
    _check_archive(path, size)
    _bound_memory(size)
    stored = _loaded(path)
    _check_storages(stored, path, size)
    return _plain(stored)


def _check_archive(path: Path, size: int) -> None:
    """Raise BadInput for a zip file that torch.save has not written.

    Its parts are stored as they are, so none of them grows when it is read.
    """
    if not zipfile.is_zipfile(path):
        return  # of before torch 1.6, or nothing that torch.load takes
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _refusal(path, error) from None
    packed = [one for one in parts if one.compress_type != zipfile.ZIP_STORED]
    total = sum(one.file_size for one in parts)
    if packed or total > size:
        what = f"{total:,} bytes in a file of {size:,}"
        raise _refusal(path, f"it packs {what}, and torch.save packs nothing")


def _bound_memory(size: int) -> None:
    """Let this process take no more memory than a file of so many bytes needs."""
    status = Path("/proc/self/status")
    if not status.exists():
        return  # no Linux: the size of tensors is looked at all the same
    lines = status.read_text().splitlines()
    taken = next(line for line in lines if line.startswith("VmData"))
    most = int(taken.split()[1]) * 1024 + 3 * size + SPARE
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _loaded(path: Path) -> Any:
    aside: list[Any] = [(Aside, name) for name in NAMES]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(aside):
            # of pickle protocols that it may not know: it says so again where it does not
            warnings.simplefilter("ignore")
            return torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise _refusal(path, _unpickled(" ".join(str(error).split()))) from None
    # whatever damage makes the steps of a pickle, or an archive, do
    except Exception as error:
        raise _refusal(path, f"{type(error).__name__}: {error}") from None


def _unpickled(said: str) -> str:
    """What is wrong, without torch's advice to take the file all the same."""
    _, names, rest = said.partition("GLOBAL ")
    if names:
        name = rest.split()[0]
        return f"it names {name}, and a file that runs code is not read"
    reason = said.rpartition("WeightsUnpickler error: ")[2]
    return reason.partition(" Check the documentation")[0]


def _check_storages(stored: Any, path: Path, size: int) -> None:
    """Raise BadInput where tensors claim more numbers than the file has."""
    storages = {}
    for tensor in _tensors(stored, DEEPEST):
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise _refusal(path, f"it has a tensor that is {tensor.layout}")
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        if tensor.numel() * tensor.element_size() > size:
            shape = tuple(tensor.shape)
            raise _refusal(path, f"a tensor of shape {shape} in {size:,} bytes")
    if sum(storages.values()) > size:
        raise _refusal(path, f"its tensors are larger than its {size:,} bytes")


def _tensors(stored: Any, depth: int) -> list[torch.Tensor]:
    if isinstance(stored, torch.Tensor):
        return [stored]
    if not isinstance(stored, Mapping) or not depth:
        return []
    return [one for value in stored.values() for one in _tensors(value, depth - 1)]


def _plain(stored: Any, depth: int = DEEPEST) -> Any:
    if isinstance(stored, torch.Tensor):
        # NumPy has no bfloat16 of torch's; float32 holds each of its numbers
        exact = stored.float() if stored.dtype == torch.bfloat16 else stored
        return exact.detach().resolve_conj().resolve_neg().numpy()
    if isinstance(stored, Mapping) and depth:
        return {str(key): _plain(one, depth - 1) for key, one in stored.items()}
    return None


def _refusal(path: Path, reason: object) -> BadInput:
    # one line, whatever a library has put into its message
    said = shortened(" ".join(str(reason).split()), 200)
    return BadInput(f"{path}: cannot be read as a checkpoint ({said}); {DUE}")
