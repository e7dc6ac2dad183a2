"""Human3.6M as VideoPose3D's archives: poses in the world, keypoints in each camera.

The studio's cameras are known by heart.

    data_3d_h36m.npz      positions_3d: {subject: {action: (frames, 32 or 17, 3) world metres}}
    data_2d_h36m_*.npz    positions_2d: {subject: {action: [4 arrays (frames, joints, 2 or 3)
                          pixels, confidence]}}, metadata

The keypoints are those of the archive that is named
(`h36m-npz:FOLDER/data_2d_h36m_cpn_ft_h36m_dbb.npz`), of `gt` or the only one where the folder is,
and projected through the lenses where there is none. Keypoints that go on after the poses end are
cut, as VideoPose3D does; the clip's notes say so. Their joints are told from the archive's left and
right lists (Human3.6M, COCO, MPII).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import LEG_MM, UNITS, Clip, Take, film, leg_length
from bench.data.detections.joints import by_sides
from bench.data.formats import pickles
from bench.data.formats.checks import ahead, array, in_pixels
from bench.data.geometry import conversions, h36m_cameras, skeletons
from bench.data.geometry.cameras import Camera, Rig, world_to_camera
from bench.data.geometry.skeletons import H36M17, Skeleton
from bench.data.pieces import middle
from models.errors import BadInput

SOURCE = (
    "h36m-npz:FOLDER, Human3.6M as VideoPose3D's archives (data_3d_h36m.npz,"
    " data_2d_h36m_*.npz), or one of the 2D archives"
)

# the 2D archives' names begin alike and end in the detector's name, or in gt for the true ones
POSES, KEYPOINTS, TRUTH = "data_3d_h36m.npz", "data_2d_h36m_", "data_2d_h36m_gt.npz"
SKELETONS = {32: "h36m32", 17: "h36m17"}
# the recording is damaged, and VideoPose3D leaves it out; `Directions 1` is whole
CORRUPT = ("S11", "Directions")

LONG = 100  # characters; longer names would fill a message's line

Array = NDArray[Any]
Actions = Mapping[str, Any]


def load(
    location: str, *, rig: Rig | None = None, seed: int = 0, small: float = 1.0
) -> list[Clip]:
    """A clip for each subject, action and camera; `small` keeps the middle of each.

    `seed` is unused. `rig` films subjects who are not in the camera table, where there are no
    keypoints. Raises BadInput naming the archive, subject, action and camera for what is missing,
    of another shape, unit or number of frames, not finite or behind its camera.
    """
    poses, keypoints = _archives(Path(location))
    takes = _takes(poses)
    views = None if keypoints is None else seen(keypoints)
    clips: list[Clip] = []
    for take in takes:
        # Keypoints are of the studio's cameras; beside them a rig's would be a contradiction.
        cameras = _cameras(take, None if views else rig, poses)
        if views is None:
            clips += _filmed(take, cameras, poses)
        else:
            clips += views.clips(take, cameras)
    return clips if small == 1 else [middle(clip, small) for clip in clips]


def _archives(path: Path) -> tuple[Path, Path | None]:
    """The poses and the keypoints to take with them."""
    folder = path if path.is_dir() else path.parent
    poses = folder / POSES
    if not poses.is_file():
        raise BadInput(
            f"h36m-npz:{path}: no {POSES} in {folder}; give the folder that holds"
            " VideoPose3D's archives, or a 2D archive in it"
        )
    if path.is_file():
        # The archive of poses by its own name means: no keypoints, project them.
        return poses, None if path.name == POSES else path
    found = sorted(folder.glob(f"{KEYPOINTS}*.npz"))
    truth = folder / TRUTH
    if len(found) > 1 and truth not in found:
        raise BadInput(
            f"h36m-npz:{path}: several 2D archives"
            f" ({', '.join(each.name for each in found)}); give the path of the one to take"
        )
    if len(found) > 1:
        return poses, truth
    return poses, found[0] if found else None


def _content(archive: Mapping[str, Array], key: str, path: Path) -> Actions:
    """The dictionary saved under a key. Raises BadInput."""
    if key not in archive:
        raise BadInput(
            f"{path}: key {key} is missing (it holds {', '.join(sorted(archive))[:200]});"
            " VideoPose3D's archive was due"
        )
    saved = archive[key]
    # numpy.savez puts a dictionary into an array of shape ()
    return _mapping(saved.item() if saved.shape == () else saved, f"{path}: {key}")


def _mapping(value: object, where: str) -> Actions:
    if not isinstance(value, dict) or not value or not all(map(_is_name, value)):
        raise BadInput(
            f"{where}: {type(value).__name__} came; a dictionary with names as keys, not"
            " empty, was due; take a fresh copy"
        )
    return value


def _is_name(key: object) -> bool:
    """Whether a key may stand in one line of a message, and in a clip's name."""
    return type(key) is str and key.isprintable() and len(key) < LONG


def _takes(path: Path) -> list[Take]:
    """Every action of every subject, 17 joints, world millimetres."""
    found: list[Take] = []
    subjects = _content(pickles.load_npz(path), "positions_3d", path)
    for subject, actions in subjects.items():
        where = f"{path}: positions_3d, {subject}"
        for action, pose in _mapping(actions, where).items():
            if (subject, action) == CORRUPT:
                continue
            take = Take(
                name=f"{subject} {action}",
                subject=subject,
                action=_canonical(action),
                style="",
                fps=h36m_cameras.FPS,
                skeleton=H36M17,
                world=_millimetres(pose, f"{path}: {subject}, {action}"),
            )
            found.append(take)
    return found


def _canonical(action: str) -> str:
    """`Directions 1` -> `Directions`: the number is the take's."""
    return action.split(" ")[0]


def _millimetres(pose: object, where: str) -> NDArray[np.float64]:
    """World metres (frames, 32 or 17, 3) to millimetres (frames, 17, 3).

    Raises BadInput for another shape, NaN, another unit.
    """
    # Published with 32 joints; some archives hold only the 17 that are measured.
    joints = 17 if getattr(pose, "shape", ())[1:2] == (17,) else 32
    metres = array(pose, (-1, joints, 3), f"{where}, world metres", missing=True)
    if not len(metres):
        raise BadInput(f"{where}: zero frames; leave the action out")
    kept = np.asarray(
        conversions.convert(metres, SKELETONS[joints], H36M17.name), np.float64
    )
    leg = leg_length(kept, H36M17)
    if leg is None:
        raise BadInput(
            f"{where}: no frame looked at has a whole right leg, which tells the unit; leave"
            " the action out"
        )
    unit = _unit(leg)
    if unit is None:
        raise BadInput(
            f"{where}: the legs are {leg:.3g} long, which is no person's in"
            f" {', '.join(UNITS)}; world metres were due"
        )
    if unit != "m":
        raise BadInput(
            f"{where}: the poses are in {unit}, by their legs of {leg:.3g}; metres were"
            f" due: multiply by {UNITS[unit] / 1000:g}"
        )
    return kept * 1000.0


def _unit(leg: float) -> str | None:
    """The unit in which a leg is a person's; the units' intervals do not overlap."""
    for unit, size in UNITS.items():
        if LEG_MM[0] <= leg * size <= LEG_MM[1]:
            return unit
    return None


def _cameras(take: Take, rig: Rig | None, path: Path) -> dict[str, Camera]:
    """The studio's cameras, or those of the rig for a subject it never saw."""
    if h36m_cameras.knows(take.subject):
        return h36m_cameras.cameras(take.subject)
    if rig is None:
        raise BadInput(
            f"{path}: {take.subject} is not in the table of the studio's cameras"
            f" ({', '.join(h36m_cameras.PLACES)}); leave the subject out, or the keypoints,"
            " and take a protocol with virtual cameras"
        )
    return rig.around(take.world[:, 0])


def _filmed(take: Take, cameras: dict[str, Camera], path: Path) -> list[Clip]:
    try:
        return film(take, cameras)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


@dataclass(frozen=True, eq=False)
class Seen:
    """A 2D archive: keypoints by subject and action, and the skeleton they are of."""

    path: Path
    positions: Actions
    skeleton: Skeleton

    @property
    def detector(self) -> str:
        """What is in the archive's name beside what all have; nothing for the true keypoints."""
        return "" if self.path.name == TRUTH else self.path.stem.removeprefix(KEYPOINTS)

    def clips(self, take: Take, cameras: dict[str, Camera]) -> list[Clip]:
        """The take as each of the studio's cameras saw it.

        Raises BadInput as `load` does.
        """
        world = take.world.astype(np.float32)  # once: the clips share it
        views = self._views(take, len(cameras))
        return [
            self._clip(take, world, name, camera, view)
            for (name, camera), view in zip(cameras.items(), views, strict=True)
        ]

    def _views(self, take: Take, cameras: int) -> list[Any]:
        """The keypoints of each camera, in the archive's order."""
        action = take.name.removeprefix(f"{take.subject} ")
        if take.subject not in self.positions:
            raise BadInput(
                f"{self.path}: subject {take.subject} is missing, and {POSES} has it; take"
                " archives made together"
            )
        actions = _mapping(
            self.positions[take.subject], f"{self.path}: positions_2d, {take.subject}"
        )
        if action not in actions:
            raise BadInput(
                f"{self.path}: {take.subject} lacks action {action!r}, which {POSES} has;"
                " take archives made together"
            )
        views = actions[action]
        # an array of shape () has no length
        listed = isinstance(views, list | tuple | np.ndarray) and getattr(
            views, "shape", True
        )
        count = len(views) if listed else 0
        if count != cameras:
            # Nothing in the archive says whose keypoints are whose: the order alone does.
            due = f"{cameras} were due, in the order {', '.join(h36m_cameras.names())}"
            raise BadInput(
                f"{self.path}: {take.name}: keypoints of {count} cameras came; {due}"
            )
        return list(views)

    def _clip(
        self,
        take: Take,
        world: NDArray[np.float32],
        name: str,
        camera: Camera,
        view: Any,
    ) -> Clip:
        where = f"{self.path}: {take.name}, camera {name}"
        pixels, confidence = self._keypoints(view, where)
        came, due = len(pixels), len(world)
        if came < due:
            raise BadInput(
                f"{where}: {came} frames of keypoints for {due} of poses; take archives"
                " made together"
            )
        # Videos run on after motion capture stops, so what is left over lies at the end.
        cut = f"keypoints cut from {came} to the {due} frames of the poses"
        pose = world_to_camera(camera, take.world)
        ahead(pose, H36M17.joints, where)
        return Clip(
            name=take.name,
            subject=take.subject,
            action=take.action,
            style=take.style,
            camera_name=name,
            fps=take.fps,
            skeleton=H36M17,
            keypoints=pixels[:due],
            confidence=confidence[:due],
            camera_pose=pose.astype(np.float32),
            world_pose=world,
            camera=camera,
            notes=(cut,) if came > due else (),
            detector=self.detector,
        )

    def _keypoints(
        self, view: Any, where: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pixels (frames, 17, 2) and confidence (frames, 17) of one camera."""
        channels = 3 if getattr(view, "shape", ())[2:] == (3,) else 2
        found = array(view, (-1, len(self.skeleton.joints), channels), where)
        points = found.astype(np.float32)
        in_pixels(points[..., :2], where)
        if channels == 3:
            sure = points[..., 2].clip(0, 1)  # Detectron's are not bounded
        else:
            sure = np.ones(points.shape[:2], np.float32)
        pair = (self.skeleton.name, H36M17.name)
        pixels = conversions.convert(points[..., :2], *pair)
        return pixels, conversions.convert_confidence(sure, *pair)


def seen(path: Path) -> Seen:
    """Read a 2D archive.

    Its skeleton is the one whose left and right joints the metadata gives; Human3.6M's where there
    is none. Raises BadInput where the archive is damaged or has another skeleton.
    """
    archive = pickles.load_npz(path)
    positions = _content(archive, "positions_2d", path)
    if "metadata" not in archive:
        return Seen(path, positions, H36M17)
    # By joints, not by `layout_name`: that is whatever the archive's maker called it.
    sides = _content(archive, "metadata", path).get("keypoints_symmetry")
    if skeleton := by_sides(sides):
        return Seen(path, positions, skeletons.load(skeleton))
    raise BadInput(
        f"{path}: metadata: keypoints_symmetry is none of Human3.6M's, COCO's or MPII's;"
        " convert the keypoints to one of these"
    )
