"""Figures with matplotlib: one file a figure, over a canvas and a scene that they share.

Each function takes plain numbers and a path, and writes one file; none knows of a record.
Nothing that was not measured is drawn.
"""

from __future__ import annotations

from reports.plot.dots import Dot, dots
from reports.plot.joint_errors import joints
from reports.plot.moving import breathing, overlays, walking, watching
from reports.plot.over_time import Panel, history
from reports.plot.parity_ladder import Rung, ladder
from reports.plot.pose_views import pictures, poses, skeletons
from reports.plot.rates import Bar, bars
from reports.plot.surface_views import surfaces
from reports.plot.training_curves import Curve, curves

__all__ = [
    "Bar",
    "Curve",
    "Dot",
    "Panel",
    "Rung",
    "bars",
    "breathing",
    "curves",
    "dots",
    "history",
    "joints",
    "ladder",
    "overlays",
    "pictures",
    "poses",
    "skeletons",
    "surfaces",
    "walking",
    "watching",
]
