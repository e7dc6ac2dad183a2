"""Data-parallel training: DistributedDataParallel over processes, of which this is the first.

The others follow (`follower.py`): each is sent its share of every batch and whatever else the
trainer is told. So who trains sees one trainer, and all that is decided is decided here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import TCPStore

from backends.base import Arrays, Feeds, Program, Settings, Trainer, Unsupported
from backends.torch.follower import HERE, HOST, PATIENCE, SAYS, join, numbered, send
from backends.torch.module import array
from backends.torch.train import TorchTrainer
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer
from models.shared_batch import is_shared

LAST = 5.0  # seconds for a follower to end
# the port of the crew whose group this process is in; a crew before it may be ended later
MET: list[int] = []
GLANCE = 0.05  # seconds between two looks at one that starts, which takes several


class Crew:
    """The followers, and where they are met."""

    def __init__(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> None:
        count = settings.replicas
        if dist.is_initialized():
            # of a trainer before, whose followers have gone
            dist.destroy_process_group()
        self.store = TCPStore(HOST, 0, count, True, PATIENCE, False)
        self.followers = [
            _started(rank, count, self.store.port) for rank in range(1, count)
        ]
        port = self.store.port
        self._end = weakref.finalize(self, _ended, self.followers, port)
        self.tell(
            "begin",
            [{}] * count,
            graph=graph.to_json(),
            optimizer=asdict(optimizer),
            settings=asdict(settings),
            threads=torch.get_num_threads(),
        )
        self._gather()
        self.led(lambda: join(self.store, 0, count, settings.device))
        MET[:] = [port]

    def _gather(self) -> None:
        """Wait for all followers. Raises RuntimeError where one has ended, or does not come.

        Joining would wait for one that has died while it started, and tell of it minutes later.
        """
        end = time.monotonic() + PATIENCE.total_seconds()
        for rank, follower in enumerate(self.followers, start=1):
            while not self.store.check([f"{HERE}{rank}"]):
                late = time.monotonic() > end
                if late or follower.poll() is not None:
                    error = RuntimeError(
                        f"replica {rank + 1} has not come in {PATIENCE}"
                    )
                    self._lost(error)
                    self._end()
                    raise error
                time.sleep(GLANCE)

    def tell(self, method: str, arrays: Sequence[Arrays], **more: Any) -> None:
        """Send each follower what is its own; the first entry is for this process."""
        for rank, follower in enumerate(self.followers, start=1):
            assert follower.stdin is not None
            try:
                send(follower.stdin, method, arrays[rank], **more)
            except OSError as error:
                self._lost(error)
                raise

    def led(self, run: Callable[[], Any]) -> Any:
        """What this process does meanwhile. Raises RuntimeError where a follower is lost."""
        try:
            return run()
        except RuntimeError as error:
            self._lost(error)
            raise

    def _lost(self, error: Exception) -> None:
        """Raise RuntimeError with what a follower has ended with, where one has."""
        for rank, follower in enumerate(self.followers, start=1):
            with suppress(subprocess.TimeoutExpired):
                code = follower.wait(LAST)
                said = f"exit code {code}" if code >= 0 else f"signal {-code}"
                if self.store.check([f"{SAYS}{rank}"]):
                    said = self.store.get(f"{SAYS}{rank}").decode()
                self._end()
                count = 1 + len(self.followers)
                raise RuntimeError(
                    f"replica {rank + 1} of {count} ended with {said.splitlines()[0]}"
                ) from error


class LeadingProgram(Program):
    """The first replica's program: what it is given, all are; of feeds each gets its share."""

    def __init__(self, own: Program, crew: Crew, replicas: int) -> None:
        self.own, self.crew, self.replicas = own, crew, replicas
        self.native, self.graph = own.native, own.graph

    def load(self, params: Arrays) -> None:
        """Copy weights into all replicas."""
        self.own.load(params)
        self.crew.tell("load", [params] * self.replicas)

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics, which are alike in all."""
        return self.own.params()

    def put(self, arrays: Arrays) -> Feeds:
        """The whole batch."""
        return self.own.put(arrays)

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Not of one replica alone."""
        raise Unsupported("a graph of several replicas makes steps; run it with one")

    def numpy(self, value: Any) -> np.ndarray:
        """One tensor as an array."""
        return self.own.numpy(value)

    def weights(self) -> dict[str, Any]:
        """Parameters and buffers of the first replica."""
        return dict(self.own.weights())

    def device_of(self, value: Any) -> str:
        """As the tensor says."""
        return self.own.device_of(value)

    def shares(self, feeds: Feeds) -> list[dict[str, np.ndarray]]:
        """What each replica is fed."""
        found: list[dict[str, np.ndarray]] = [{} for _ in range(self.replicas)]
        for name, tensor in feeds.items():
            parts = [tensor] * self.replicas
            if is_shared(self.graph.types[name].shape):
                parts = self._parts(tensor)
            for share, part in zip(found, parts, strict=True):
                share[name] = array(part)
        return found

    def _parts(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        if len(tensor) % self.replicas:
            raise BadInput(
                f"a batch of {len(tensor)} has no equal shares for {self.replicas} replicas"
            )
        return list(tensor.chunk(self.replicas))


class TorchLeader(Trainer):
    """The first of several replicas, each a TorchTrainer under DistributedDataParallel."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        self._crew = Crew(graph, optimizer, settings)
        made = self._crew.led(lambda: TorchTrainer(graph, optimizer, settings))
        self._own: TorchTrainer = made
        self._lr = optimizer.lr
        self._count = settings.replicas
        self.program: LeadingProgram = LeadingProgram(
            made.program, self._crew, self._count
        )

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients of the whole batch."""
        shares = self.program.shares(feeds)
        self._crew.tell("gradients", shares)
        put = self._own.program.put(shares[0])
        found: tuple[float, dict[str, np.ndarray]] = self._crew.led(
            lambda: self._own.gradients(put)
        )
        return found

    def apply(self, grads: Arrays) -> None:
        """The optimizer of each, on the same gradients."""
        self._crew.tell("apply", [grads] * self._count, lr=self._lr)
        self._own.apply(grads)

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One step of all; the loss is that of the whole batch."""
        shared = [self.program.shares(each) for each in (feeds, *more)]
        ranks = [[share[rank] for share in shared] for rank in range(self._count)]
        sent = [numbered(batches) for batches in ranks]
        self._crew.tell("step", sent, lr=self._lr, count=len(shared))
        put = [self._own.program.put(share) for share in ranks[0]]
        return self._crew.led(lambda: self._own.step(*put))

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self._lr = lr
        self._own.set_lr(lr)

    def state(self) -> dict[str, np.ndarray]:
        """That of the first: those of the others are alike."""
        return self._own.state()

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave, in all."""
        self._own.load_state(state)
        self._crew.tell("load_state", [state] * self._count)


def _started(rank: int, replicas: int, port: int) -> subprocess.Popen[bytes]:
    module = "backends.torch.follower"
    numbers = [str(number) for number in (rank, replicas, port)]
    return subprocess.Popen(
        [sys.executable, "-m", module, *numbers],
        stdin=subprocess.PIPE,
        # the worker's own output is read by others
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _ended(followers: Sequence[subprocess.Popen[bytes]], port: int) -> None:
    """End all, of whom none has anything to keep, and leave their group.

    In a group whose others are gone the next mean over replicas would wait for them.
    """
    for follower in followers:
        with suppress(OSError):
            assert follower.stdin is not None
            follower.stdin.close()
    for follower in followers:
        try:
            follower.wait(LAST)
        except subprocess.TimeoutExpired:
            follower.kill()
            follower.wait()
    if [port] == MET and dist.is_initialized():
        MET.clear()
        dist.destroy_process_group()
