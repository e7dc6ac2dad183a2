"""Cameras and clips: the geometry everything else stands on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bench.data.geometry.cameras import (
    Camera,
    Rig,
    back_project,
    camera_to_world,
    look_at,
    project,
    rig_around,
    to_screen,
    uncalibrated,
    undistort,
    world_to_camera,
)
from bench.data.geometry.conventions import CONVENTIONS, extrinsics, matrix_of
from models.errors import BadInput, UnknownName

RIG = Rig(
    (40.0, 130.0),
    (4600.0, 5200.0),
    (1500.0, 1600.0),
    900.0,
    "clip",
    1145.0,
    1000,
    1000,
)
# mm: a room's worth
number = st.floats(-3000, 3000)


def test_looking_along_y_gives_known_pixels() -> None:
    camera = look_at(
        (0, -1000, 0),
        (0, 0, 0),
        focal=500,
        size=(400, 200),
    )
    seen = world_to_camera(camera, np.array([[100.0, 0, 0], [0, 0, 100.0]]))
    # x right, y down, z forward
    assert_allclose(
        seen,
        [[100, 0, 1000], [0, -100, 1000]],
        atol=1e-9,
    )
    assert_allclose(
        project(camera, seen),
        [[250, 100], [200, 50]],
        atol=1e-9,
    )
    assert_allclose(camera.position, [0, -1000, 0], atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.tuples(number, number, number), st.floats(0, 360), st.floats(500, 9000))
def test_world_camera_pixels_and_back(
    point: tuple[float, float, float],
    azimuth: float,
    depth: float,
) -> None:
    camera = rig_around(
        (0, 0, 900),
        azimuths=(azimuth,),
        radius=(9000,),
        height=(1500,),
        focal=1145,
        size=(1000, 1000),
    )[0]
    seen = world_to_camera(camera, np.array(point))
    assert_allclose(camera_to_world(camera, seen), point, atol=1e-6)
    # in front of the camera whatever is drawn, as points behind it are refused
    ray = np.array([0.1 * depth, -0.05 * depth, depth])
    assert_allclose(
        back_project(camera, project(camera, ray), ray[2]),
        ray,
        rtol=1e-9,
    )


QUATERNION = (
    0.1407056450843811,
    -0.1500701755285263,
    -0.755240797996521,
    0.6223280429840088,
)
PLACE = (1841.1070556640625, 4955.28466796875, 1563.4454345703125)
RADIAL = (-0.20709891617298126, 0.24777518212795258, -0.0030751503072679043)
TANGENTIAL = (
    -0.0009756988729350269,
    -0.00142447161488235,
)


def studio(**change: object) -> Camera:
    """Human3.6M's camera 54138969 as it stood for S1, from VideoPose3D's table."""
    parts = extrinsics("videopose3d", QUATERNION, PLACE)
    fields = {"radial": np.array(RADIAL), "tangential": np.array(TANGENTIAL)} | change
    return Camera(
        *parts,
        np.array([1145.0494, 1143.7811]),
        np.array([512.5415, 515.4515]),
        1000,
        1002,
        **fields,
    )


def test_the_lens_by_hand() -> None:
    camera = dataclasses.replace(
        studio(),
        focal=np.array([100.0, 200]),
        centre=np.zeros(2),
        radial=np.array([0.5, 0.25, 2]),
        tangential=np.array([0.125, 0.0625]),
    )
    # x = 1/2, y = 1/4: r2 = 5/16, radial 1 + 5/32 + 25/1024 + 250/4096, <p, x> = 5/64, and
    # p r2 is added
    stretch = 1 + 5 / 32 + 25 / 1024 + 250 / 4096 + 5 / 64
    due = [
        100 * (stretch / 2 + 0.125 * 5 / 16),
        200 * (stretch / 4 + 0.0625 * 5 / 16),
    ]
    assert_allclose(
        project(camera, np.array([1000.0, 500, 2000])),
        due,
        rtol=1e-12,
    )


def test_a_tangential_factor_of_two_would_show() -> None:
    """OpenCV doubles the diagonal terms: a tenth of a pixel at the edge of Human3.6M's picture."""
    camera = studio()
    points = np.array([[1500.0, 1500, 4000], [-1500, 1500, 4000]])
    x, y = (points[:, :2] / points[:, 2:]).T
    (k1, k2, k3), (px, py), square = RADIAL, TANGENTIAL, x * x + y * y
    radial = 1 + k1 * square + k2 * square**2 + k3 * square**3
    twice = 2 * (px * x + py * y)
    opencv = np.stack(
        [x * (radial + twice) + px * square, y * (radial + twice) + py * square],
        axis=-1,
    )
    difference = np.abs(
        project(camera, points) - (opencv * camera.focal + camera.centre)
    )
    # pixels: seen, and not for a fault of something else
    assert 0.05 < difference.max() < 1.0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.45, 0.45), st.floats(-0.45, 0.45), st.floats(500, 9000)),
        min_size=1,
        max_size=20,
    )
)
def test_project_undistort_back_project(rays: list[tuple[float, float, float]]) -> None:
    x, y, depth = np.array(rays).T
    points = np.stack([x * depth, y * depth, depth], axis=-1)
    camera = studio()
    pinhole = studio(radial=np.zeros(3), tangential=np.zeros(2))
    pixels = project(camera, points)
    assert_allclose(undistort(camera, pixels), project(pinhole, points), atol=1e-8)
    assert_allclose(back_project(camera, pixels, depth), points, atol=1e-6)
    # not only close: without a lens nothing is computed
    assert_array_equal(undistort(pinhole, pixels), pixels)
    assert_allclose(
        camera_to_world(camera, points) @ camera.rotation.T + camera.translation,
        points,
        atol=1e-8,
    )


def test_extrinsics_of_four_conventions_are_one_camera() -> None:
    """The same camera as VideoPose3D, Pose2Mesh, Integral and mmpose write it."""
    rotation = np.array(
        [
            [-0.91536173, 0.40180838, 0.02574753],
            [0.0515481, 0.18037349, -0.9822465],
            [-0.39931905, -0.89778362, -0.18581945],
        ]
    )
    given = {
        "videopose3d": (QUATERNION, PLACE),
        "pose2mesh": (rotation, (-346.05078, 546.98078, 5474.48109)),
        "integral": (rotation, PLACE),
        # a column, as its files hold it
        "mmpose": (rotation.T, np.reshape(PLACE, (3, 1))),
    }
    assert set(given) == set(CONVENTIONS)
    for convention, (turn, move) in given.items():
        camera = Camera(
            *extrinsics(convention, turn, move),
            np.ones(2),
            np.ones(2),
            1,
            1,
        )
        assert_allclose(camera.position, PLACE, atol=2e-3)
        assert_allclose(
            world_to_camera(camera, np.array([0.0, 0, 900])),
            [-322.878, -337.04, 5307.243],
            atol=2e-3,
        )


def test_bad_extrinsics_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean mmpose"):
        extrinsics("mmpoes", np.eye(3), np.zeros(3))
    with pytest.raises(BadInput, match=r"videopose3d extrinsics: shapes \(3, 3\)"):
        extrinsics("videopose3d", np.eye(3), np.zeros(3))
    with pytest.raises(BadInput, match="no rotation"):
        matrix_of((0, 0, 0, 0))


def test_a_pixel_no_ray_reaches_is_named() -> None:
    with pytest.raises(BadInput, match=r"undistort: pixel \[9000.0, 3.0\] is outside"):
        # nine picture widths off: only the second is named
        undistort(studio(), np.array([[500.0, 500], [9000.0, 3]]))


def test_an_uncalibrated_camera_knows_its_picture() -> None:
    camera = uncalibrated(640, 480)
    assert_array_equal(project(camera, np.array([0.0, 0, 1000])), [320, 240])
    assert not camera.distorts
    assert studio().distorts


def test_rig_stands_and_looks_where_it_says() -> None:
    cameras = Rig(
        (0.0, 90.0),
        (4000.0, 5000.0),
        (1500.0, 1200.0),
        900.0,
        "clip",
        1000.0,
        800,
        600,
    ).around(np.array([[100.0, 200, 950]]))
    assert_allclose(cameras["cam0"].position, [4100, 200, 1500], atol=1e-9)
    assert_allclose(cameras["cam1"].position, [100, 5200, 1200], atol=1e-9)
    for camera in cameras.values():
        assert_allclose(
            project(camera, world_to_camera(camera, np.array([100.0, 200, 900]))),
            [400, 300],
            atol=1e-9,
        )


def test_rig_centres_differ() -> None:
    roots = np.array([[100.0, 200, 950]])
    heights = {}
    for centre in ("clip", "root", "world"):
        # the root at 950 mm: its height counts for `root` alone
        camera = dataclasses.replace(RIG, centre=centre).around(roots)["cam0"]
        heights[centre] = camera.rotation[2]
    assert not np.allclose(heights["clip"], heights["root"])
    # same direction, other place
    assert_allclose(heights["clip"], heights["world"])


def test_screen_keeps_the_aspect() -> None:
    corners = to_screen(
        np.array(
            [
                [0.0, 0],
                [1000, 800],
                [500, 400],
            ]
        ),
        width=1000,
        height=800,
    )
    assert_allclose(
        corners,
        [
            [-1, -0.8],
            [1, 0.8],
            [0, 0],
        ],
        atol=1e-12,
    )


CAMERA = {
    "rotation": np.eye(3),
    "translation": np.zeros(3),
    "focal": np.ones(2),
    "centre": np.ones(2),
    "width": 10,
    "height": 10,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotation": np.ones((3, 3))}, "proper rotation"),
        # orthonormal, and a reflection
        ({"rotation": np.diag([1.0, 1, -1])}, "proper rotation"),
        ({"translation": np.full(3, np.nan)}, "translation"),
        ({"focal": np.zeros(2)}, "positive"),
    ],
)
def test_bad_cameras_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Camera(**(CAMERA | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": ()}, "one number per camera"),
        ({"centre": "moon"}, "moon"),
    ],
)
def test_bad_rigs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        dataclasses.replace(RIG, **change)


def test_a_view_along_up_is_refused() -> None:
    with pytest.raises(BadInput, match="parallel to up"):
        look_at(
            (0, 0, 0),
            (0, 0, 5),
            focal=1,
            size=(2, 2),
        )


def test_point_behind_the_camera_is_named() -> None:
    camera = look_at(
        (0, -1000, 0),
        (0, 0, 0),
        focal=500,
        size=(400, 200),
    )
    with pytest.raises(BadInput, match="250 mm behind the camera;"):
        project(camera, np.array([0.0, 0, -250]))
    points = np.ones((3, 17, 3))
    points[2, 5] = 0
    with pytest.raises(BadInput, match=r"depth 0 mm \(index 2, 5\)"):
        project(camera, points)
    # an earlier joint that is no number is told before a later one of depth 0
    points[1, 4] = np.nan
    with pytest.raises(BadInput, match=r"depth nan mm \(index 1, 4\)"):
        project(camera, points)
    with pytest.raises(
        BadInput, match=r"back_project: a point lies 3 mm behind the camera \(index 1\)"
    ):
        back_project(
            camera,
            np.ones((2, 2)),
            np.array([4.0, -3]),
        )
