"""AMASS: motion capture as SMPL-H parameters, turned into joints and filmed.

By the protocol's virtual cameras: the archives hold none.

    DATASET/SUBJECT/*.npz   poses (n, 156) axis-angle, radians: root, 21 body joints, hands;
                            trans (n, 3) m; betas (16,); mocap_framerate; gender

The world's z points up. SMPL-H itself is not in the archives. Where
FOLDER/body_models/smplh/{male,female,neutral}/model.npz holds it, joints are the model's for each
person's shape; with J_regressor_h36m*.npy (17, V) beside those folders too, they are Human3.6M's
own, regressed from the skinned mesh. Without it the built-in skeleton moves: the same motion in an
average body. SMPL's (n, 72) and SMPL-X's (n, 165) poses begin with the same 22 joints and are read
so.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip, Take, crop, film
from bench.data.formats.checks import array
from bench.data.formats.pickles import load_npy, load_npz
from bench.data.geometry import conversions, smplh
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import AMASS22, H36M17
from bench.data.pieces import trusted
from models.errors import BadInput

SOURCE = (
    "amass:FOLDER, AMASS archives (SMPL-H parameters), seen by the protocol's virtual"
    " cameras"
)

WIDTHS = (156, 165, 72)  # of poses: SMPL-H, SMPL-X, SMPL
MODELS, REGRESSOR = "body_models", "J_regressor_h36m*.npy"
RATES = (
    "mocap_framerate",
    "mocap_frame_rate",
)  # SMPL-H's archives and SMPL-X's spell it so
FIELDS = ("poses", "trans", "betas", "gender", *RATES)
# Beyond these numbers are of another unit: two turns in radians, metres from the origin, frames a
# second.
TURN, FAR, FASTEST = 13.0, 100.0, 10_000.0
GENDERS = ("male", "female", "neutral")
NOTE = f"joints of the built-in skeleton, {smplh.STATURE:g} m tall: there is no {MODELS}/smplh"

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Motion:
    """An archive's content."""

    poses: Array  # (n, 72, 156 or 165) radians
    trans: Array  # (n, 3) metres
    betas: Array  # (any,)
    gender: str
    fps: float


def load(
    location: str, *, rig: Rig | None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """Every take of a folder (sorted by path) or file seen by each camera of the rig.

    `small` keeps the middle of each. `seed` is unused. Raises BadInput without a rig, and naming
    the archive and array for what is missing, of another shape or not finite.
    """
    if rig is None:
        raise BadInput(
            f"amass:{location}: AMASS has no cameras of its own; take a protocol with"
            " virtual cameras"
        )
    path = Path(location)
    files = _files(path)
    bodies = _Bodies((path if path.is_dir() else path.parent) / MODELS)
    notes = () if bodies.here else (NOTE,)
    clips: list[Clip] = []
    for file in files:
        take = crop(_take(file, path, bodies), small)
        try:
            filmed = film(take, rig.around(take.world[:, 0]))
        except BadInput as error:
            raise BadInput(f"{file}: {error}") from None
        # `film` has checked the numbers; a new Clip would look at all of them again
        clips += [trusted(**{**vars(clip), "notes": notes}) for clip in filmed]
    return clips


def read(path: Path) -> Motion:
    """One archive. Raises BadInput as `load` does."""
    content = load_npz(path, only=FIELDS)  # markers and soft tissue are left packed
    lacking = [key for key in ("poses", "trans") if key not in content]
    if lacking:
        raise BadInput(
            f"{path}: {' and '.join(lacking)} missing; an AMASS archive of a motion was due"
        )
    poses = array(content["poses"], (-1, -1), f"{path}: poses")
    if poses.shape[1] not in WIDTHS:
        raise BadInput(
            f"{path}: poses: {poses.shape[1]} numbers a frame came;"
            f" {', '.join(map(str, WIDTHS))} were due (SMPL-H, SMPL-X, SMPL)"
        )
    if not len(poses):
        raise BadInput(f"{path}: zero frames; leave the file out")
    trans = array(content["trans"], (len(poses), 3), f"{path}: trans")
    _check_unit(poses, TURN, "radians", f"{path}: poses")
    _check_unit(trans, FAR, "metres", f"{path}: trans")
    # zeros are the mean shape
    betas = array(content.get("betas", np.zeros(smplh.BETAS)), (-1,), f"{path}: betas")
    return Motion(poses, trans, betas, _gender(content, path), _rate(content, path))


def _check_unit(values: Array, most: float, unit: str, where: str) -> None:
    largest = np.abs(values).max()
    if largest > most:
        raise BadInput(
            f"{where} reach {largest:.4g}; {unit} were due, which stay below {most:g}"
        )


class _Bodies:
    """The body models and the regressor of a folder, each read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.here = (folder / "smplh").is_dir()
        self.models: dict[Path, smplh.Model] = {}

    def model(self, gender: str) -> smplh.Model:
        """The model of a gender, the neutral one where that is missing.

        Raises BadInput where both are.
        """
        folder = self.folder / "smplh"
        paths = [folder / each / "model.npz" for each in (gender, "neutral")]
        found = next((path for path in paths if path.is_file()), None)
        # Not the built-in skeleton: its joints beside the model's would mix two bodies in one set.
        if found is None:
            raise BadInput(
                f"{folder}: neither {gender}/model.npz nor neutral/model.npz is there; add"
                " one or remove the folder"
            )
        if found not in self.models:  # some eighty megabytes each
            self.models[found] = smplh.read(found)
        return self.models[found]

    @functools.cached_property
    def regressor(self) -> Path | None:
        """Where the regressor of Human3.6M's joints is."""
        return next(iter(sorted(self.folder.glob(REGRESSOR))), None)

    def joints(self, motion: Motion) -> Array:
        """Human3.6M's 17 joints (n, 17, 3) in metres, before the body is moved by trans."""
        if not self.here:
            return _by_rule(smplh.built_in(), motion)
        model = self.model(motion.gender)
        # SMPL's and SMPL-X's hands are not SMPL-H's, so there is no mesh of theirs to regress from.
        if self.regressor is None or motion.poses.shape[1] != WIDTHS[0]:
            rest = model.regressor @ model.shaped(motion.betas)
            return _by_rule(rest[: smplh.BODY], motion)
        regressor = array(
            load_npy(self.regressor),
            (len(H36M17.joints), len(model.template)),
            str(self.regressor),
        )
        local = smplh.rotations(
            motion.poses.reshape(len(motion.poses), smplh.JOINTS, 3)
        )
        return smplh.regress(model, regressor, motion.betas, local)


def _by_rule(rest: Array, motion: Motion) -> Array:
    """Joints of the body, from their rest places (22, 3), as Human3.6M's.

    By the rule amass22-h36m17.
    """
    turns = motion.poses[:, : 3 * smplh.BODY].reshape(-1, smplh.BODY, 3)
    place, _ = smplh.forward(rest, AMASS22.parents, smplh.rotations(turns))
    return np.asarray(conversions.convert(place, AMASS22.name, H36M17.name))


def _take(file: Path, root: Path, bodies: _Bodies) -> Take:
    """Label a file: its path is its name, the folders are subject and dataset.

    AMASS names no actions, so each file is its own.
    """
    motion = read(file)
    world = 1000.0 * (bodies.joints(motion) + motion.trans[:, None])
    inside = file.relative_to(root) if root.is_dir() else Path(file.name)
    return Take(
        name=inside.with_suffix("").as_posix(),
        # resolved: of a file given as `a.npz`, the folder has a name too
        subject=file.resolve().parent.parts[-1],
        action=file.stem,
        style=inside.parts[0] if len(inside.parts) > 2 else "",
        fps=motion.fps,
        skeleton=H36M17,
        world=world,
    )


def _files(path: Path) -> list[Path]:
    """The archives of motions, sorted."""
    if not path.exists():
        raise BadInput(
            f"amass:{path}: no such file or folder; give the path of an AMASS archive or of"
            " a folder of them"
        )
    if path.is_file():
        return [path]
    motions = [
        file
        for file in sorted(path.rglob("*.npz"))
        if MODELS not in file.relative_to(path).parts and _has_motion(file)
    ]
    if not motions:
        raise BadInput(
            f"amass:{path}: the folder holds no archive of a motion (*.npz); give the"
            " folder that holds AMASS's"
        )
    return motions


def _has_motion(file: Path) -> bool:
    """By its name: a subject's shape.npz and the first stage of a fit (*_stagei.npz) have none."""
    return file.name != "shape.npz" and not file.name.endswith("stagei.npz")


def _gender(content: Mapping[str, Any], path: Path) -> str:
    """Written as text or bytes; neutral where it is not written."""
    value = content.get("gender", np.array("neutral"))
    try:
        # some archives hold it as (1,), some as bytes
        word = value.item() if value.size == 1 else None
    except ValueError:  # text that is no Unicode
        word = None
    text = word.decode("ascii", "replace") if isinstance(word, bytes) else word
    if not isinstance(text, str) or text not in GENDERS:
        raise BadInput(
            f"{path}: gender is none of {', '.join(GENDERS)}; correct it or leave the"
            " array out"
        )
    return text


def _rate(content: Mapping[str, Any], path: Path) -> float:
    key = next((key for key in RATES if key in content), None)
    if key is None:
        raise BadInput(
            f"{path}: {RATES[0]} is missing; an AMASS archive of a motion was due"
        )
    rate = float(array(content[key].reshape(-1), (1,), f"{path}: {key}")[0])
    if not 0 < rate <= FASTEST:
        raise BadInput(
            f"{path}: {key} is {rate:g}; frames a second, above 0 and up to {FASTEST:g},"
            " were due"
        )
    return rate
