"""What a file says of itself, made once as JSON; each format only keeps the text.

How to read it back from each stands in `docs/production.md`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.training.origin import CAMERA, CROP, IMAGES, SCREEN, UNITS, project_version
from models import lengths
from models.graph import Graph, Noise

POSES = f"relative to the root; {CAMERA}"
CHANNELS = ("x", "y", "confidence")
# by the input: its unit, and how it is scaled
READ = {
    "poses": ("m", POSES),
    "images": ("colours", IMAGES),
    "keypoints": ("screen", SCREEN),
}
OTHERS = {"poses": ["x", "y", "z"], "images": ["red", "green", "blue"]}
PIXELS = (
    "x and y in pixels from the upper left corner; width and height go in as image_size"
)


def about(
    graph: Graph,
    weights: Mapping[str, np.ndarray],
    *,
    model: Mapping[str, Any],
    origin: Mapping[str, Any],
    scaling: Mapping[str, np.ndarray],
    window: int,
    causal: bool,
    drawn: Mapping[str, Any],
    pixels: bool,
) -> dict[str, Any]:
    """All that a user of the file must know, in plain JSON; None is "not known".

    `model` names it and its sizes, `origin` is the training's (empty where it is not known),
    `window` the frames of a training window, of which a `causal` model predicts the last,
    `drawn` says whether the weights are random. With `pixels` the scaling is inside the graph.
    """
    standardised = {name: array.tolist() for name, array in scaling.items()}
    said = {
        "poseport": project_version(),
        **model,
        "graph": graph.name.rpartition(".")[2],
        "inputs": {name: str(type_) for name, type_ in graph.inputs.items()},
        "noise": {name: _noise(one) for name, one in graph.noise.items()},
        "outputs": {
            name: str(graph.types[made]) for name, made in graph.outputs.items()
        },
        _reads(graph): _given(graph, standardised, pixels=pixels),
        **_made(graph, origin, pixels=pixels),
        **{key: origin.get(key) for key in ("skeleton", "joints", "parents", "root")},
        "frames": _frames(graph, origin, window, causal=causal),
        "flip_averaged": bool(pixels and origin.get("flip_averaging")),
        "weights": {**drawn, "sha256": digest(weights)},
        "preprocessing": _preprocessing(standardised, pixels=pixels),
        "origin": dict(origin) or None,
    }
    # as it is read back: JSON has no tuples
    plain: dict[str, Any] = json.loads(json.dumps(said))
    return plain


def digest(params: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and numbers, in the order of the names."""
    found = hashlib.sha256()
    for name in sorted(params):
        array = params[name]
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _reads(graph: Graph) -> str:
    """What goes in, which is the input's name."""
    return next(name for name in READ if name in graph.inputs)


def _given(
    graph: Graph, standardised: Mapping[str, Any], *, pixels: bool
) -> dict[str, Any]:
    """What goes in."""
    unit, convention = ("pixels", PIXELS) if pixels else READ[_reads(graph)]
    return {
        "unit": unit,
        "convention": convention,
        "channels": _channels(graph),
        # what is left for the caller to do, after the convention: (value - mean) / std
        "standardise": {} if pixels else dict(standardised),
    }


def _pose(graph: Graph, origin: Mapping[str, Any], *, pixels: bool) -> dict[str, Any]:
    """What comes out."""
    pose = graph.types[graph.outputs["pose"]].shape
    if len(pose) == 4 and pose[-1] == 2:
        # keypoints again, which are relative to no joint
        return {"unit": "screen", "frame": SCREEN, "relative_to": None}
    usual = CROP if _reads(graph) == "images" else UNITS["metric"]
    own = origin.get("unit", usual)
    unit = f"m{own}" if pixels else own  # m, or m of what: the graph multiplies by 1000
    return {"unit": unit, "frame": CAMERA, "relative_to": origin.get("root")}


def _made(graph: Graph, origin: Mapping[str, Any], *, pixels: bool) -> dict[str, Any]:
    """What comes out: the pose, and a surface where there is one."""
    found = {"pose": _pose(graph, origin, pixels=pixels)}
    if "vertices" in graph.outputs:
        found["vertices"] = {
            "unit": UNITS["metric"],
            "frame": CAMERA,
            "relative_to": origin.get("root"),
        }
    return found


def _preprocessing(standardised: Mapping[str, Any], *, pixels: bool) -> dict[str, Any]:
    """What the graph does before and after the network."""
    if not pixels:
        return {}
    return {"convention": SCREEN, "standardise": dict(standardised), "pose": "m to mm"}


def _noise(noise: Noise) -> dict[str, Any]:
    """What the caller draws: bernoulli (1 with that probability), normal (std), uniform (below)."""
    return {"shape": str(noise.type), "kind": noise.kind, "number": noise.number}


def _channels(graph: Graph) -> list[str] | None:
    """Of the last axis of the keypoints; None where it holds the joints, too."""
    last = graph.inputs[_reads(graph)].shape
    if _reads(graph) in OTHERS:
        return OTHERS[_reads(graph)]
    return list(CHANNELS[: int(str(last[-1]))]) if len(last) == 4 else None


def _frames(
    graph: Graph, origin: Mapping[str, Any], window: int, *, causal: bool
) -> dict[str, Any]:
    """How many frames go in, and which of them have a pose."""
    # a flat model has no axis of frames: one goes in, and one comes out
    given = graph.inputs[_reads(graph)].shape if window > 1 else ()
    pose = graph.types[graph.outputs["pose"]].shape
    least: int = window
    most: int | None = window
    if "frames" in graph.axes():
        least, most = lengths.bounds(graph, "frames", {"batch": 2, "frames": window})
    one = "last" if causal else "centre"
    return {
        "window": window,
        "least": least,
        "most": most,
        "outputs": "all" if pose[1:2] == given[1:2] else one,
        "pad": origin.get("pad"),
    }
