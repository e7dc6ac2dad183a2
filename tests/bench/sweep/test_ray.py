"""Sweeps on a cluster of two nodes: the same cells as on this machine, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench import records
from bench.records import Record
from bench.sweep.executors import local
from bench.sweep.executors import ray as on_ray
from bench.sweep.order import Setting
from models.errors import Missing
from tests.bench.sweep.sweeping import statuses, swept, written

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")
    from ray.cluster_utils import Cluster

# Ray's own, of what it opens and never closes
pytestmark = pytest.mark.filterwarnings("ignore")
GRID = {"seed": [0, 1], "model": ["simple_baseline", "semgcn"]}
BASE = {"tasks": ["feasibility", "parity"], "profile": "smoke"}
WAIT = 120.0  # seconds for a cell to begin on a busy machine


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    # else its workers give way to whatever else the machine does
    args = {"num_cpus": 1, "_system_config": {"worker_niceness": 0}}
    made = Cluster(initialize_head=True, head_node_args=args)
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def measured(folder: Path) -> dict[tuple[str, ...], Record]:
    """Every record of a sweep by point and cell, without what a clock or the system says."""
    found = {}
    for place in sorted(folder.glob("*/run.json")):
        for record in records.load(place.parent).records:
            plain = record.model_copy(update={"seconds": None, "peak_rss_bytes": None})
            found[place.parent.name, *records.cell(record)] = plain
    return found


def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "here", tmp_path / "there"]
    for folder in made:
        folder.mkdir()
    return made


def test_a_cluster_finds_what_this_machine_finds(cluster: Any, tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    swept(written(here, base=BASE, grid=GRID), local.start(Setting(workers=1)))
    setting = Setting(workers=1, address=cluster.address)
    swept(written(there, base=BASE, grid=GRID), on_ray.start(setting))
    assert measured(there) == measured(here)
    assert len(measured(here)) == 8
    left = [
        sorted(place.relative_to(one) for place in one.rglob("*.safetensors"))
        for one in (here, there)
    ]
    assert left[0] == left[1]


@pytest.mark.parametrize("lost", ["worker", "node"])
def test_what_is_lost_in_mid_cell_is_done_again(
    cluster: Any, tmp_path: Path, lost: str
) -> None:
    node = cluster.add_node(num_cpus=1)
    killed: list[str] = []

    def kill() -> None:
        worker = _working()
        if lost == "worker":
            os.kill(worker, signal.SIGKILL)
        else:
            cluster.remove_node(node, allow_graceful=False)
        killed.append(lost)

    thread = threading.Thread(target=kill)
    thread.start()
    setting = Setting(workers=1, address=cluster.address)
    sweep = swept(written(tmp_path, base=BASE, grid=GRID), on_ray.start(setting))
    thread.join()
    assert killed == [lost]
    assert set(statuses(sweep)) == {"ok"}
    # by Ray, unseen: no attempt of the sweep's was spent
    assert {known.attempt for known in sweep.index.cells.values()} == {1}
    if lost == "worker":
        cluster.remove_node(node)


def _working() -> int:
    """The first process of Ray's that has a worker of ours, as soon as there is one."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                said = (place / "cmdline").read_bytes()
                parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
                owner = Path(f"/proc/{parent}/cmdline").read_bytes()
                if b"bench.processes.child" in said and owner.startswith(b"ray::"):
                    return parent
        time.sleep(0.05)
    raise AssertionError("no cell has begun")


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("nowhere", "it is no HOST:PORT"),
        ("127.0.0.1:9", "no Ray cluster answers there (Connection refused)"),
        ("ray://127.0.0.1:9", "no Ray cluster answers there (Connection refused)"),
    ],
)
def test_an_address_where_nobody_is_is_one_line(address: str, complaint: str) -> None:
    before = time.monotonic()
    with pytest.raises(Missing) as refused:
        on_ray.start(Setting(workers=1, address=address))
    assert complaint in str(refused.value)
    assert time.monotonic() - before < on_ray.ANSWERED + 5


def test_a_port_that_is_no_cluster_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "JOINED", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        host, port = dumb.getsockname()
        with pytest.raises(Missing, match="no Ray cluster answers there"):
            on_ray.start(Setting(workers=1, address=f"{host}:{port}"))
