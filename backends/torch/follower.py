"""A replica that follows: it does with its share of each batch what the first one is told to.

    python -m backends.torch.follower RANK REPLICAS PORT

Messages come on stdin, arrays as npz: nothing in them is run. It ends when nobody can
send more, or when the others have gone in the middle of a step.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import IO, Any

import numpy as np
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import Store, TCPStore

from backends.base import Arrays, Settings
from backends.torch.program import full_precision
from backends.torch.train import TorchTrainer
from models.graph import from_json
from models.optim import Optimizer

HOST = "127.0.0.1"
# of a step's exchanges: whoever has not come by then has hung
PATIENCE = timedelta(minutes=5)
MARK = "array "  # before each name
# keys of the store, each before a rank
SAYS = "said by replica "
HERE = "here is replica "


def main(rank: int, replicas: int, port: int) -> int:
    """Follow to the end of stdin."""
    # it is the first one that is asked to stop, and it ends its step before
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    store = TCPStore(HOST, port, replicas, False, PATIENCE)
    try:
        _follow(sys.stdin.buffer, store, rank, replicas)
    except Exception as error:
        store.set(f"{SAYS}{rank}", f"{type(error).__name__}: {error}")
        raise
    return 0


def send(pipe: IO[bytes], method: str, arrays: Arrays, **more: Any) -> None:
    """One message."""
    held = io.BytesIO()
    # numbers alone; a name is not to be an argument of `savez`
    named: dict[str, Any] = {f"{MARK}{name}": array for name, array in arrays.items()}
    np.savez(held, **named)
    body = held.getvalue()
    header = {"method": method, "bytes": len(body), **more}
    pipe.write(json.dumps(header).encode() + b"\n" + body)
    pipe.flush()


def join(store: Store, rank: int, replicas: int, device: str) -> None:
    """Become one of the replicas; of GPUs each has its own."""
    if device == "cuda":
        torch.cuda.set_device(rank)
    engine = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(
        engine, store=store, rank=rank, world_size=replicas, timeout=PATIENCE
    )


def _follow(pipe: IO[bytes], store: Store, rank: int, replicas: int) -> None:
    header, _ = _received(pipe)
    rule = header["optimizer"]
    rule["rates"] = tuple(map(tuple, rule["rates"]))
    settings = Settings(**header["settings"])
    torch.set_num_threads(header["threads"])
    full_precision()
    store.set(f"{HERE}{rank}", "")
    join(store, rank, replicas, settings.device)
    trainer = TorchTrainer(from_json(header["graph"]), Optimizer(**rule), settings)
    while True:
        header, arrays = _received(pipe)
        if not header:
            return
        _do(trainer, header, arrays)


def _received(pipe: IO[bytes]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The next message; nothing where there is none."""
    line = pipe.readline()
    if not line:
        return {}, {}
    header = json.loads(line)
    body = pipe.read(header["bytes"])
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return header, {name.removeprefix(MARK): one for name, one in arrays.items()}


def _do(trainer: TorchTrainer, header: Mapping[str, Any], arrays: Arrays) -> None:
    put = trainer.program.put
    match header["method"]:
        case "load":
            trainer.program.load(arrays)
        case "step":
            trainer.set_lr(header["lr"])
            trainer.step(*[put(each) for each in batches(arrays, header["count"])])
        case "gradients":
            trainer.gradients(put(arrays))
        case "apply":
            trainer.set_lr(header["lr"])
            trainer.apply(arrays)
        case "load_state":
            trainer.load_state(arrays)


def numbered(several: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Several batches as one mapping."""
    return {
        f"{i} {name}": one
        for i, each in enumerate(several)
        for name, one in each.items()
    }


def batches(arrays: Arrays, count: int) -> list[dict[str, np.ndarray]]:
    """The batches that `numbered` has put together."""
    found: list[dict[str, np.ndarray]] = [{} for _ in range(count)]
    for key, one in arrays.items():
        number, _, name = key.partition(" ")
        found[int(number)][name] = one
    return found


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
