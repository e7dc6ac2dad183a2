"""The errors of a real 2D detector: numbers kept in a JSON file, and drawn anew.

An ordinary error of a joint is Gaussian and remembers a part of the last frame's; an outlier is far
off; a miss has no place. All lengths are pixels in a picture 1000 px wide, so that a model serves
any picture. `noise_fit.py` learns the numbers; `noise.py` has a detector that nobody measured.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.detector.noise import miss
from bench.data.formats import places
from models.errors import BadInput

Float = NDArray[np.float64]

FORMAT = "poseport detector noise 1"
HUGE = 1e9  # no error in pixels, nor its square, comes near it
WIDTH = 1000  # pixels of the picture that errors are measured in
# a model's arrays, and their shape for one joint
TAILS: dict[str, tuple[int, ...]] = {
    "bias": (2,),
    "covariance": (2, 2),
    "memory": (),
    "outliers": (),
    "outlier": (),
    "misses": (),
    "confidence": (2,),
}
SHARES = ("memory", "outliers", "misses", "confidence")


@dataclass(frozen=True, eq=False, repr=False)
class FittedNoise:
    """A detector's errors by joint, J of them.

    Raises BadInput for a wrong shape, a share outside 0 to 1, or a covariance that is none.
    """

    joints: tuple[str, ...]
    bias: Float  # (J, 2) px, of ordinary errors
    covariance: Float  # (J, 2, 2) px^2, of ordinary errors
    memory: Float  # (J,), their correlation from frame to frame
    outliers: Float  # (J,), the share of detections that are far off
    outlier: Float  # (J,) px, the standard deviation of those
    misses: Float  # (J,), the share of frames without a detection
    confidence: Float  # (J, 2), the usual one of ordinary and of far-off detections

    def __post_init__(self) -> None:
        count = len(self.joints)
        for name, tail in TAILS.items():
            value = _numbers(getattr(self, name), name)
            if value.shape != (count, *tail) or not (np.abs(value) < HUGE).all():
                raise BadInput(
                    f"detector noise: {name} has shape {value.shape} or numbers out of"
                    f" range; {(count, *tail)} was due"
                )
            # the class is frozen, and JSON's lists are to become arrays all the same
            object.__setattr__(self, name, value)
        for name in SHARES:
            share = getattr(self, name)
            if share.min(initial=0) < 0 or share.max(initial=0) > 1:
                raise BadInput(f"detector noise: {name} must lie from 0 to 1")
        if count == 0 or self.outlier.min() < 0 or not _is_covariance(self.covariance):
            raise BadInput(
                "detector noise: no joints, a negative outlier size, or a covariance that"
                " is not symmetric and positive"
            )

    def __repr__(self) -> str:
        """Told apart by a digest of its numbers, which is what a protocol's hash takes in."""
        # not by the file's name: the same file fitted anew is another detector
        return f"detector {hashlib.sha256(_text(self).encode()).hexdigest()[:12]}"


def save(model: FittedNoise, path: Path) -> None:
    """Write the model as JSON, whole or not at all.

    Raises NotWritten where the file cannot be written.
    """
    places.write(path, _text(model))


def load(path: Path) -> FittedNoise:
    """Read what `save` has written.

    Raises BadInput, with the file's name, for anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    # deeply nested brackets end in a RecursionError
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())  # a message is one line
        raise BadInput(
            f"{path}: not a readable JSON file ({reason}); give one written by `save`"
        ) from None
    due = {"format", "joints", *TAILS}
    if (
        not isinstance(content, dict)
        or content.get("format") != FORMAT
        or set(content) != due
    ):
        raise BadInput(f"{path}: is not '{FORMAT}'; fit the detector again")
    joints = content["joints"]
    if not isinstance(joints, list) or not all(
        isinstance(joint, str) for joint in joints
    ):
        raise BadInput(
            f"{path}: joints must be a list of names; fit the detector again"
        )
    try:
        return FittedNoise(tuple(joints), **{name: content[name] for name in TAILS})
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def disturb(clip: Clip, model: FittedNoise, draw: np.random.Generator) -> Clip:
    """The clip with this detector's errors.

    Joints missed before stay so. Raises BadInput for a joint that the model does not know.
    """
    unknown = set(clip.skeleton.joints) - set(model.joints)
    if unknown:
        raise BadInput(
            f"clip {clip.name}: the detector noise has no joint {min(unknown)}; fit it on"
            f" skeleton {clip.skeleton.name}"
        )
    # the order of the draws is part of every published number: it must not change
    rows = [model.joints.index(joint) for joint in clip.skeleton.joints]
    shape = clip.confidence.shape
    wild = draw.random(shape) < model.outliers[rows]
    ordinary = _ordinary(model, rows, shape[0], draw)
    far = draw.normal(size=(*shape, 2)) * model.outlier[rows, None]
    error = np.where(wild[..., None], far, ordinary)
    keypoints = clip.keypoints + error * (clip.camera.width / WIDTH)
    usual = np.where(wild, model.confidence[rows, 1], model.confidence[rows, 0])
    confidence = clip.confidence * usual
    noisy = dataclasses.replace(
        clip,
        keypoints=keypoints.astype(np.float32),
        confidence=confidence.astype(np.float32),
    )
    return miss(noisy, draw.random(shape) < model.misses[rows])


def _text(model: FittedNoise) -> str:
    content = {
        "format": FORMAT,
        "joints": model.joints,
        **{name: getattr(model, name).tolist() for name in TAILS},
    }
    return json.dumps(content, indent=1) + "\n"


def _ordinary(
    model: FittedNoise,
    rows: list[int],
    frames: int,
    draw: np.random.Generator,
) -> Float:
    """Gaussian errors (frames, joints, 2) of the fitted covariance, frames correlated."""
    values, vectors = np.linalg.eigh(model.covariance[rows])
    # a square root of each covariance; rounding may have made an eigenvalue negative
    root = vectors * np.sqrt(values.clip(0))[:, None, :]
    error = np.einsum("jab,fjb->fja", root, draw.normal(size=(frames, len(rows), 2)))
    kept = model.memory[rows, None]
    # so that the variance is the same in every frame
    fresh = np.sqrt(1 - kept**2)
    for frame in range(1, frames):
        error[frame] = kept * error[frame - 1] + fresh * error[frame]
    return error + model.bias[rows]


def _numbers(values: object, name: str) -> Float:
    try:
        return np.asarray(values, dtype=np.float64)
    # text, ragged lists, whole numbers beyond float64
    except (TypeError, ValueError, OverflowError):
        raise BadInput(
            f"detector noise: {name} holds something else than numbers"
        ) from None


def _is_covariance(matrices: Float) -> bool:
    """Symmetric and, but for rounding, without a negative eigenvalue."""
    # eigvalsh looks at one triangle only, and would not see the other differ
    if not np.allclose(matrices, matrices.swapaxes(-1, -2)):
        return False
    rounding = 1e-9 * max(1.0, float(np.abs(matrices).max()))
    return bool(np.linalg.eigvalsh(matrices).min() > -rounding)
