"""What is around a drawn person: background, clothes, light, and things in front.

Colours are RGB from 0 to 1, pictures (3, height, width) float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Rng = np.random.Generator

COARSE = 5  # patches of a background along each side
GRAIN = 512  # side of the noise that backgrounds take a piece of, but for larger ones
SKINS = np.array(
    [[0.95, 0.78, 0.67], [0.83, 0.62, 0.48], [0.62, 0.43, 0.31], [0.38, 0.26, 0.19]]
)
HAIRS = np.array(
    [[0.08, 0.06, 0.05], [0.25, 0.15, 0.08], [0.55, 0.4, 0.2], [0.5, 0.5, 0.5]]
)


@dataclass(frozen=True, eq=False)
class Dress:
    """How a person looks: colours by name, and from where the light comes."""

    colours: Mapping[str, Array]
    sun: Array  # (3,), a unit vector towards it
    ambient: float

    def palette(self, names: Sequence[str]) -> Array:
        """Colours (3, names)."""
        found = [self.colours[name] for name in names]
        return np.stack(found, axis=1).astype(np.float32)

    def shade(self, normals: Array) -> Array:
        """How bright surfaces (3, n) are (n,)."""
        lit = self.sun.astype(np.float32) @ normals
        return self.ambient + (1 - self.ambient) * np.maximum(lit, 0.0)


def dress(rng: Rng) -> Dress:
    """Clothes and light, drawn."""
    skin = SKINS[rng.integers(len(SKINS))] * rng.uniform(0.9, 1.05)
    coat, shirt, trousers = (_colour(rng, 0.8) for _ in range(3))
    # an open coat over something lighter: who sees the one is in front, who does not behind
    coat *= 0.6
    colours = {
        "skin": skin,
        "hair": HAIRS[rng.integers(len(HAIRS))],
        "coat": coat,
        "shirt": 0.7 + 0.3 * shirt,
        "trousers": 0.7 * trousers,
        "shoes": rng.uniform(0.05, 0.3) * np.ones(3),
    }
    # short or long sleeves and legs
    colours["sleeve"] = coat if rng.random() < 0.85 else skin
    colours["forearm"] = coat if rng.random() < 0.4 else skin
    colours["shank"] = colours["trousers"] if rng.random() < 0.7 else skin
    # from above, and from before the person rather than from behind
    right = rng.uniform(-1, 1)
    down = -rng.uniform(0.3, 1.2)
    away = -rng.uniform(0.2, 1.2)
    sun = np.array([right, down, away])
    sun /= np.sqrt(right * right + down * down + away * away)
    return Dress(colours, sun, ambient=rng.uniform(0.3, 0.55))


def backdrop(rng: Rng, size: tuple[int, int]) -> NDArray[np.float32]:
    """Soft patches, a floor, some flat things and grain."""
    height, width = size
    patches = rng.random((3, COARSE, COARSE), np.float32)
    patches = (patches - 0.5) * np.float32(rng.uniform(0.03, 0.3))
    patches += _colour(rng, 0.5)[:, None, None]
    picture: NDArray[np.float32] = np.matmul(_wider(height) @ patches, _wider(width).T)
    horizon = int(height * rng.uniform(0.55, 1.0))
    picture[:, horizon:] *= np.float32(0.3)
    picture[:, horizon:] += np.float32(0.7) * _colour(rng, 0.4)[:, None, None]
    for _ in range(rng.integers(0, 4)):
        part = _part(rng, size, 0.1, 0.6)
        picture[:, *part] = _colour(rng, 0.6)[:, None, None]
    side = max(GRAIN, height, width)
    y, x = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    grain = _grain(side)[y : y + height, x : x + width]
    picture += grain * np.float32(rng.uniform(0.0, 0.04))
    return picture


def occlude(rng: Rng, picture: NDArray[np.float32]) -> None:
    """Put up to two things before all else."""
    size = (picture.shape[1], picture.shape[2])
    for _ in range(rng.choice(3, p=(0.7, 0.25, 0.05))):
        part = _part(rng, size, 0.1, 0.3)
        thing = picture[:, *part]
        rise = np.linspace(0.75, 1.15, thing.shape[1], dtype=np.float32)
        thing[:] = _colour(rng, 0.7)[:, None, None] * rise[:, None]


def expose(rng: Rng, picture: NDArray[np.float32]) -> None:
    """Brighten or darken all, and tint it a little."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.92, 1.08, 3)
    picture *= gain[:, None, None].astype(np.float32)


def _colour(rng: Rng, most: float) -> NDArray[np.float32]:
    """(3,): some grey, and on it a tint of `most` at the most."""
    tint = (rng.random(3) - 0.5) * rng.uniform(0.0, most)
    return np.clip(rng.uniform(0.05, 0.9) + tint, 0.0, 1.0).astype(np.float32)


def _part(
    rng: Rng, size: tuple[int, int], least: float, most: float
) -> tuple[slice, slice]:
    """A rectangle somewhere in a picture, its sides as shares of it."""
    found = []
    for length in size:
        side = max(1, int(length * rng.uniform(least, most)))
        start = int(rng.uniform(-side / 2, length - side / 2))
        found.append(slice(max(0, start), start + side))
    return found[0], found[1]


@cache
def _wider(length: int) -> NDArray[np.float32]:
    """(length, COARSE): patches next to each other, joined by lines."""
    place = np.linspace(0, COARSE - 1, length)[:, None]
    return np.maximum(0, 1 - np.abs(place - np.arange(COARSE))).astype(np.float32)


@cache
def _grain(length: int) -> NDArray[np.float32]:
    """Noise (length, length), the same in every process."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((length, length), dtype=np.float32)
