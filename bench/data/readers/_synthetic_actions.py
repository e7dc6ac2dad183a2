"""The fifteen actions of the synthetic source, as tables of joint angles in degrees.

An angle triple is (flex, side, turn). Limbs: flex swings forward (a knee: folds backward),
side lifts outward, turn twists inward, alike for left and right. Trunk and head: flex bends
forward, side leans right, turn looks left. A part named without `r_` or `l_` stands for
both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Action:
    """A mean pose and how it moves."""

    base: dict[str, Triple] = field(default_factory=dict)  # the mean pose
    sway: dict[str, Triple] = field(default_factory=dict)  # the amplitude around it
    tempo: float = 0.4  # Hz, how fast it sways
    stride: float = 0.0  # Hz, of walkers
    speed: float = 0.0  # mm/s, of walkers

    @property
    def standing(self) -> bool:
        """Whether the feet carry the body: every action but the seated ones."""
        # a chair bends the hips by 85 degrees, the floor by more, and no standing action by 30
        return self.base.get("hip", (0.0, 0.0, 0.0))[0] < 60


# fmt: off
# What every body part does in every action unless the action says more.
SWAY: dict[str, Triple] = {
    "pelvis": (4, 3, 12), "trunk": (8, 5, 12), "head": (12, 8, 25), "clavicle": (3, 5, 4),
    "hip": (8, 4, 6), "knee": (8, 0, 0), "shoulder": (18, 10, 18), "elbow": (20, 0, 0),
}

# Nobody stands quite straight: arms hang away from the body, knees and elbows are a little bent.
STAND: dict[str, Triple] = {
    "hip": (3, 4, 0), "knee": (8, 0, 0), "shoulder": (8, 10, 5), "elbow": (25, 0, 0),
    "trunk": (4, 0, 0),
}
CHAIR: dict[str, Triple] = {
    **STAND,
    "hip": (85, 10, 0), "knee": (85, 0, 0), "trunk": (12, 0, 0),
    "shoulder": (30, 10, 15), "elbow": (60, 0, 0),
}
FLOOR: dict[str, Triple] = {
    **CHAIR,
    "hip": (122, 22, 0), "knee": (112, 0, 0), "trunk": (28, 0, 0),
    "shoulder": (45, 15, 15), "elbow": (40, 0, 0),
}

# The names are Human3.6M's. Each action is told from the others by what moves and how widely; the
# pelvis's turn lets those who stand be seen from all sides.
ACTIONS: dict[str, Action] = {
    "Directions": Action(  # the right arm points about
        {**STAND, "r_shoulder": (70, 20, 0), "r_elbow": (25, 0, 0)},
        {"r_shoulder": (45, 35, 20), "l_shoulder": (25, 20, 20), "pelvis": (4, 3, 35)},
        0.45,
    ),
    "Discussion": Action(  # both hands talk
        {**STAND, "shoulder": (30, 15, 30), "elbow": (75, 0, 0)},
        {"shoulder": (30, 22, 35), "elbow": (40, 0, 0)},
        0.6,
    ),
    "Eating": Action(  # the right hand goes to the mouth, the left lies on the table
        {
            **CHAIR,
            "r_shoulder": (45, 20, 40), "r_elbow": (105, 0, 0), "l_shoulder": (35, 10, 25),
        },
        {"r_shoulder": (22, 12, 15), "r_elbow": (35, 0, 0), "head": (18, 6, 15)},
        0.4,
    ),
    "Greeting": Action(  # a raised hand, and a bow
        {**STAND, "r_shoulder": (110, 45, 0), "r_elbow": (55, 0, 0)},
        {"r_shoulder": (40, 35, 25), "r_elbow": (35, 0, 0), "trunk": (25, 8, 15)},
        0.55,
    ),
    "Phoning": Action(  # the hand at the ear, the head leans to it
        {**STAND, "r_shoulder": (55, 25, 50), "r_elbow": (128, 0, 0), "head": (8, 12, 0)},
        {"l_shoulder": (30, 18, 25), "pelvis": (3, 3, 40)},
        0.3,
    ),
    "Photo": Action(  # both hands before the face, the knees give
        {
            **STAND,
            "shoulder": (65, 15, 30), "elbow": (90, 0, 0), "knee": (25, 0, 0),
            "hip": (22, 8, 0), "trunk": (15, 0, 0),
        },
        {
            "shoulder": (20, 10, 10), "elbow": (22, 0, 0), "knee": (28, 0, 0),
            "hip": (22, 4, 4), "pelvis": (4, 3, 40),
        },
        0.3,
    ),
    "Posing": Action(  # slow, and wide in every joint
        {**STAND, "shoulder": (40, 45, 0), "elbow": (60, 0, 0)},
        {
            "shoulder": (55, 40, 45), "elbow": (50, 0, 0), "trunk": (18, 15, 25),
            "hip": (18, 12, 10), "knee": (20, 0, 0),
        },
        0.25,
    ),
    "Purchases": Action(  # bent over a shelf, up and down
        {
            **STAND,
            "trunk": (35, 0, 0), "shoulder": (50, 10, 10), "hip": (25, 6, 0), "knee": (28, 0, 0),
        },
        {
            "trunk": (30, 10, 25), "shoulder": (35, 18, 20), "hip": (25, 5, 5),
            "knee": (28, 0, 0), "pelvis": (8, 3, 40),
        },
        0.35,
    ),
    "Sitting": Action(
        CHAIR,
        {
            "hip": (8, 10, 8), "knee": (22, 0, 0), "trunk": (18, 10, 18),
            "shoulder": (30, 18, 25), "elbow": (40, 0, 0),
        },
        0.3,
    ),
    "SittingDown": Action(  # on the floor, as in the dataset
        FLOOR,
        {
            "hip": (10, 12, 8), "knee": (14, 0, 0), "trunk": (20, 10, 20),
            "shoulder": (35, 25, 25), "elbow": (30, 0, 0),
        },
        0.25,
    ),
    "Smoking": Action(
        {**STAND, "r_shoulder": (40, 15, 35), "r_elbow": (95, 0, 0), "r_hip": (8, 8, 0)},
        {
            "r_shoulder": (28, 12, 20), "r_elbow": (45, 0, 0), "l_shoulder": (20, 12, 20),
            "head": (20, 8, 25),
        },
        0.3,
    ),
    "Waiting": Action(  # looks around more than anyone
        STAND,
        {
            "shoulder": (25, 18, 30), "elbow": (45, 0, 0), "hip": (10, 6, 8), "knee": (16, 0, 0),
            "pelvis": (4, 6, 45),
        },
        0.25,
    ),
    "WalkDog": Action(  # the right hand on the leash
        {**STAND, "r_shoulder": (55, 12, 10), "r_elbow": (20, 0, 0), "trunk": (8, 0, 0)},
        {"r_shoulder": (22, 15, 12)},
        0.5, stride=0.85, speed=950,
    ),
    "Walking": Action({**STAND, "elbow": (30, 0, 0)}, {}, 0.4, stride=0.95, speed=1200),
    "WalkTogether": Action(  # the head turned to somebody on the left
        {**STAND, "head": (0, 0, 30)},
        {"head": (8, 6, 45), "l_shoulder": (30, 15, 20)},
        0.4, stride=0.8, speed=900,
    ),
}
# fmt: on
