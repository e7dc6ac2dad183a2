"""Curves of a training as event files of TensorBoard, while it goes on, where they are asked for.

They lie in `tensorboard/BACKEND-MODEL` of the run folder. The writer is tensorboardX, which needs
no framework: it may stand in any worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from bench.coordinator.job import Job
from models import title
from models.errors import Missing

FOLDER = "tensorboard"
Tell = Callable[[int, Mapping[str, float]], None]  # of a step, numbers by name


def check() -> None:
    """Raise Missing where the writer is not installed."""
    if find_spec("tensorboardX") is None:
        raise Missing(
            "tensorboard: tensorboardX is not installed; pip install 'poseport[tensorboard]',"
            " or leave it out"
        )


def silent(step: int, values: Mapping[str, float]) -> None:
    """What is told where nobody asked."""


@contextmanager
def opened(job: Job, step: int) -> Iterator[Tell]:
    """Who is to be told of a training that goes on from a step."""
    if not job.config.tensorboard:
        yield silent
        return
    from tensorboardX import SummaryWriter

    place = job.folder / FOLDER / f"{job.backend}-{title(job.model)}"
    writer = SummaryWriter(
        str(place),
        # of a training that was cut short, what it told of later steps counts no more
        purge_step=step + 1,
        # a file of the same second would be written over
        filename_suffix=f".after{step}",
    )

    def tell(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        # somebody looks on
        writer.flush()

    try:
        yield tell
    finally:
        writer.close()
