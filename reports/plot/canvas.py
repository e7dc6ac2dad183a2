"""What all figures share: drawn without a screen, in one style and one set of colours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): colours that colour-blind people can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
PURPLE, SKY, RED = "#CC79A7", "#56B4E9", "#D55E00"
# Red last: it means a failure elsewhere, so a series gets it only when all else is taken.
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
# One more thing to tell curves apart by, for whoever prints in black and white.
MARKERS = "osD^vP"
INK, GREY, PALE = "#222222", "#777777", "#e4e4e4"
DPI = 110  # 9 inches are about 1,000 pixels, the width of a page on GitHub
# `Any`: matplotlib's types admit its own keys alone, and a dict of str is wider.
STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    # A page may be dark: text in INK needs its own paper.
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Names come from people and may hold a dollar sign, which would begin a formula.
    "text.parse_math": False,
}


@contextmanager
def canvas(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches that lies at `path`, whole, when the block ends."""
    # Here, not above: matplotlib takes a second to load, and most commands draw nothing.
    import matplotlib

    with matplotlib.rc_context(STYLE):
        # Not pyplot: its state is global and it would look for a screen.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)  # attaches itself to the figure
        yield figure
        # Drawn beside its place, so that a reader of an older report never sees half.
        draft = path.with_name(f".{path.stem}.{os.getpid()}.png")
        try:
            # Without the version of matplotlib in it, equal figures are equal files.
            figure.savefig(draft, dpi=DPI, metadata={"Software": None})
            draft.replace(path)
        finally:
            # where anything failed; else it has gone to its name
            draft.unlink(missing_ok=True)
