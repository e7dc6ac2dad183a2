"""Ray's cluster: one that is there, by its address, or one that is started here.

A task of Ray's serves an order with the very same worker, a child process: no framework is ever
loaded into Ray's own. What an order reads from its run folder goes with it, and what it leaves
there comes back, so that nodes need no disk in common. A task whose process or node is lost is
done again, by Ray.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.processes import ending, machine
from bench.records import Record
from bench.sweep.hands import Hands
from bench.sweep.order import Ended, Executor, Hurried, Order, Setting, lost
from models.errors import Missing

RETRIES = 5  # times that Ray does an order again whose process or node is lost
AHEAD = 4  # orders for each processor of the cluster that are given to it in advance
ANSWERED = 5.0  # seconds for a machine to answer, by which a cluster is reached
JOINED = 30.0  # seconds for a cluster to be joined, or started
# what a cell leaves for itself, to go on from or to look up, and what all of them share
OWN = (dataset.FILE, "oracle/", "steps/", ".")
_HANDS = Hands()  # of a process of Ray's, alive between its tasks


class Ray:
    """Orders as tasks of a cluster."""

    def __init__(self, ray: Any, setting: Setting) -> None:
        self._ray = ray
        self._setting = setting
        self._orders: dict[Any, Order] = {}  # by what Ray calls their answers
        self._sent: dict[tuple[int, int], Any] = {}  # files that many orders read
        cluster = ray.cluster_resources()
        self._gpus = int(cluster.get("GPU", 0))
        self._room = AHEAD * max(1, int(cluster.get("CPU", 1)))
        nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes()]
        self._largest = max(nodes, default=1)
        self._serve = ray.remote(_serve)

    def takes(self, order: Order) -> bool:
        """Some in advance, so that no processor waits; Ray puts them in order."""
        return len(self._orders) < self._room

    def submit(self, order: Order) -> None:
        """As a task with the processors that its threads take."""
        files = dict(_files(order.jobs[0]))
        contents = [self._content(place) for place in files.values()]
        task = self._serve.options(**self._needs(order))
        answer = task.remote(order.model_dump_json(), list(files), *contents)
        self._orders[answer] = order

    def ended(self, seconds: float) -> Sequence[Ended]:
        """Answers that have come."""
        if not self._orders:
            return []
        waiting = list(self._orders)
        try:
            came, _ = self._ray.wait(waiting, num_returns=1, timeout=seconds)
        except self._ray.exceptions.RayError as error:
            raise Missing(
                f"the Ray cluster is gone ({_why(error)}); what has ended is kept: go on"
                " with --resume FOLDER"
            ) from None
        return [self._answered(answer) for answer in came]

    def close(self, hurried: Hurried = lambda: False) -> None:
        """Cancel what is at work, and leave the cluster; one that was started here ends."""
        for answer in self._orders:
            self._ray.cancel(answer, force=True)
        self._orders.clear()
        self._sent.clear()
        self._ray.shutdown()

    def _needs(self, order: Order) -> dict[str, Any]:
        job = order.jobs[0]
        threads = min(job.config.threads, self._largest)
        # of what competes nothing else may compute beside it: a whole node
        needs = {"num_cpus": self._largest if order.alone else threads}
        kind, _, number = job.config.device.partition(":")
        if self._gpus and job.backend and kind in ("auto", "cuda"):
            # the others that a number counts must be seen, too
            needs["num_gpus"] = min(self._gpus, int(number or 0) + 1)
        env = dict(self._setting.environments.get(job.backend) or {})
        variables = {"PYTHONPATH": _path(), **env.pop("env_vars", {})}
        env = {**env, "env_vars": variables}
        return {**needs, "runtime_env": env, "max_retries": RETRIES}

    def _content(self, place: Path) -> Any:
        """A file in Ray's store; the clips, which many orders read, once."""
        found = place.stat()
        key = found.st_dev, found.st_ino
        if place.name != dataset.FILE:
            return self._ray.put(place.read_bytes())
        if key not in self._sent:
            self._sent[key] = self._ray.put(place.read_bytes())
        return self._sent[key]

    def _answered(self, answer: Any) -> Ended:
        """Records, with the files put where they belong; or why there are none."""
        order = self._orders.pop(answer)
        try:
            text, files = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            return lost(order, _why(error))
        folder = order.jobs[0].folder
        for name, content in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}")
            draft.write_bytes(content)
            draft.replace(place)  # whole, or not there
        found = [Record.model_validate(said) for said in json.loads(text)]
        return Ended(order.number, tuple(found))


def start(setting: Setting) -> Executor:
    """A cluster, joined or started.

    Raises Missing where Ray is not installed, and where no cluster is at the address.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise Missing("ray is not installed; pip install 'poseport[ray]'") from None
    if setting.address:
        _reach(setting.address)
        ray.init(address=setting.address, log_to_driver=False, logging_level="ERROR")
    else:
        cores = machine.usable_cores()
        ray.init(
            num_cpus=cores,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            # else its workers give way to whatever else the machine does
            _system_config={"worker_niceness": 0},
        )
    return Ray(ray, setting)


def environment(setting: Setting, backend: str) -> Any:
    """What the file gives; None where a backend is as it is here."""
    return setting.environments.get(backend)


def _reach(address: str) -> None:
    """Raise Missing, within seconds, where no cluster answers at an address.

    Ray itself would ask again for minutes, and then end the process that asks.
    """
    told = f"--address {address}: no Ray cluster answers there"
    do = "give HOST:PORT of its head, or leave it out to start one here"
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto" and not (host and port.isdigit()):
        raise Missing(f"{told}: it is no HOST:PORT; {do}")
    try:
        if address != "auto":
            socket.create_connection((host, int(port)), timeout=ANSWERED).close()
        # it listens; whether it is Ray, a process says that may be given up
        join = "import sys, ray; ray.init(address=sys.argv[1], logging_level='ERROR')"
        command = [sys.executable, "-c", join, address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=JOINED)
    except subprocess.TimeoutExpired:
        raise Missing(f"{told} (nothing in {JOINED:g} s); {do}") from None
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Missing(f"{told} ({why}); {do}") from None
    if "AuthenticationError" in done.stderr:
        raise Missing(
            f"--address {address}: the Ray cluster there asks for its token; give it as"
            " Ray's pages on token authentication say"
        )
    if done.returncode:
        raise Missing(f"{told} ({ending.last(done.stderr, 200)}); {do}")


def _path() -> str:
    """This checkout, where nodes have it, before what they have installed."""
    return os.pathsep.join(
        filter(None, [str(machine.ROOT), os.environ.get("PYTHONPATH")])
    )


def _files(job: Job) -> Iterator[tuple[str, Path]]:
    """What cells of a backend and a model read that is there already, by its name."""
    own = job.checkpoint.with_suffix("").relative_to(job.folder)
    for pattern in (dataset.FILE, "starts/*", f"{own}*"):
        for place in sorted(job.folder.glob(pattern)):
            yield place.relative_to(job.folder).as_posix(), place


def _serve(
    said: str, names: Sequence[str], *contents: bytes
) -> tuple[str, Mapping[str, bytes]]:
    """On a node: an order's records as JSON, and the files that its cells have left."""
    order = Order.model_validate_json(said)
    with tempfile.TemporaryDirectory(prefix="poseport-") as made:
        folder = Path(made)
        given = dict(zip(names, contents, strict=True))
        for name, content in given.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        jobs = tuple(job.model_copy(update={"folder": folder}) for job in order.jobs)
        records = _HANDS.do(order.model_copy(update={"jobs": jobs}))
        left = dict(_left(folder, given))
    return json.dumps([record.model_dump(mode="json") for record in records]), left


def _left(folder: Path, given: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Files that are new, or no longer what was given."""
    for place in sorted(folder.rglob("*")):
        name = place.relative_to(folder).as_posix()
        if not place.is_file() or name.startswith(OWN):
            continue
        content = place.read_bytes()
        if given.get(name) != content:
            yield name, content


def _why(error: Exception) -> str:
    """One line of Ray's many."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"Ray lost it: {type(cause).__name__}: {lines[0] if lines else ''}"[:300]
