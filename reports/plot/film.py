"""Moving pictures: what is drawn frame after frame, as GIF by Pillow or MP4 by ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reports.plot.canvas import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 80  # a GIF is held in memory until its end
ENDS = (".gif", ".mp4")


@contextmanager
def film(
    path: Path, size: tuple[float, float], fps: float
) -> Iterator[tuple[Figure, Callable[[], None]]]:
    """A figure of `size` inches, and what takes a picture of it as it is then.

    The file lies at `path`, whole, when the block ends.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        from matplotlib.animation import FFMpegWriter, PillowWriter
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)  # attaches itself to the figure
        kind = FFMpegWriter if path.suffix.lower() == ".mp4" else PillowWriter
        # matplotlib tells the format by the end
        draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix.lower()}")
        writer = kind(fps=fps)  # type: ignore[arg-type]  # its types want a whole number
        try:
            with writer.saving(figure, str(draft), DPI):
                yield figure, writer.grab_frame
            draft.replace(path)
        finally:
            # where anything failed; else it has gone to its name
            draft.unlink(missing_ok=True)
