"""What a framework reaches on a device with the plainest work, in the same run as its models.

Matrix products (rate of arithmetic), an addition of two large arrays (rate of memory), and an
addition of two numbers (a launch), each by the framework's own ops: Williams, Waterman and
Patterson's roofline (2009), with both of its lines measured.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from backends.base import Backend, Settings
from bench.processes.contract import bare, timed
from bench.records import Limits
from bench.speed import timing
from bench.speed.timing import Contender
from models.builder import Builder
from models.graph import Graph

# Edges of the square products: the best counts, since which one is, differs.
EDGES = {"cpu": (256, 512, 1024), "cuda": (1024, 4096, 8192), "mps": (1024, 4096)}
# Numbers of each array: three of 64 MB on a CPU, beyond its caches; 512 MB elsewhere.
LARGE = {"cpu": (2**24,), "cuda": (2**27,), "mps": (2**25,)}
BYTES = 4  # of a number: inputs of a program are float32 under autocast, too
SAMPLES = 5
SECONDS = 0.01  # of a sample


def measured(backend: Backend, settings: Settings) -> Limits:
    """The limits, each the best of its sizes. Raises what the backend raises."""
    edges, large = EDGES[settings.device], LARGE[settings.device]
    products = [_seconds(backend, settings, _product(n), (n, n)) for n in edges]
    sums = [_seconds(backend, settings, _sum(n), (n,)) for n in large]
    rates = [2 * n**3 / took for n, took in zip(edges, products, strict=True)]
    # two are read, one is written
    flows = [3 * BYTES * n / took for n, took in zip(large, sums, strict=True)]
    return Limits(
        flops_per_second=max(rates),
        bytes_per_second=max(flows),
        launch_seconds=_seconds(backend, settings, _sum(1), (1,)),
        precision=settings.precision,
    )


def _product(n: int) -> Graph:
    g = Builder("product")
    g.output("y", g.input("a", (n, n)) @ g.input("b", (n, n)))
    return g.finish()


def _sum(n: int) -> Graph:
    g = Builder("sum")
    g.output("y", g.input("a", (n,)) + g.input("b", (n,)))
    return g.finish()


def _seconds(
    backend: Backend, settings: Settings, graph: Graph, shape: Sequence[int]
) -> float:
    """Of one call, the best sample: what slows it is no limit."""
    program = backend.program(graph, settings)
    program.load({})
    rng = np.random.default_rng(0)
    fed = {name: rng.random(shape, np.float32) for name in graph.inputs}
    feeds, plain = program.put(fed), bare(program)
    contender = Contender(
        graph.name,
        lambda: plain.run(feeds),
        lambda: backend.synchronize(settings.device),
        timed(plain, "run"),
    )
    count = timing.warm(contender, seconds=SECONDS).count
    return min(timing.once(contender, count, time.perf_counter) for _ in range(SAMPLES))
