"""BVH files for tests: people whose every joint stands where one can say by hand."""

from __future__ import annotations

from pathlib import Path

from bench.data import protocols

ROTATION = "Zrotation Xrotation Yrotation"
SIX = f"6 Xposition Yposition Zposition {ROTATION}"


def joint(
    name: str,
    offset: str,
    *children: str,
    channels: str = f"3 {ROTATION}",
    word: str = "JOINT",
) -> str:
    # a joint without children must have an end site
    inside = "\n".join(children) or "End Site\n{\nOFFSET 0 1 0\n}"
    return f"{word} {name}\n{{\nOFFSET {offset}\nCHANNELS {channels}\n{inside}\n}}"


def chain(*parts: tuple[str, str]) -> str:
    """Joints, each the child of the one before, given as name and offset."""
    (name, offset), *rest = parts
    return joint(name, offset, *([chain(*rest)] if rest else []))


def person() -> str:
    """The joints of the Bandai-Namco map, y up, centimetres; 16 joints with 51 channels."""
    arms = [
        chain(
            (f"UpperArm_{s}", f"{x} -2 0"),
            (f"LowerArm_{s}", "0 -28 0"),
            (f"Hand_{s}", "0 -25 0"),
        )
        for s, x in (("L", 15), ("R", -15))
    ]
    legs = [
        chain(
            (f"UpperLeg_{s}", f"{x} 0 0"),
            (f"LowerLeg_{s}", "0 -44 0"),
            (f"Foot_{s}", "0 -44 0"),
        )
        for s, x in (("L", 10), ("R", -10))
    ]
    neck = joint("Neck", "0 25 0", chain(("Head", "0 20 0")), *arms)
    return (
        "HIERARCHY\n"
        + joint(
            "Hips",
            "0 0 0",
            joint("Spine", "0 20 0", neck),
            *legs,
            channels=SIX,
            word="ROOT",
        )
        + "\n"
    )


def motion(rows: list[list[float]], frame_time: float = 0.02) -> str:
    lines = "\n".join(" ".join(f"{value:g}" for value in row) for row in rows)
    return f"MOTION\nFrames: {len(rows)}\nFrame Time: {frame_time}\n{lines}\n"


# three values are the hips' position, the rest turn nothing
def still(frames: int = 3, scale: float = 1.0) -> list[list[float]]:
    return [[0, 88 * scale, 5 * frame] + [0] * 48 for frame in range(frames)]


def write(folder: Path, text: str, name: str = "a.bvh") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


RIG = protocols.load("bandai-styles").rig


def usual(
    trunk: dict[str, str], *, toe: str, prefix: str = "", sockets: tuple[str, ...] = ()
) -> str:
    """The person of `person()` with names of the LeftUpLeg kind.

    `trunk` is the chain above the hips with offsets, arms at its neck; `sockets` are joints between
    hips and thighs, as CMU has them.
    """
    arms, legs = [], []
    for side, x in (("Left", 10), ("Right", -10)):
        arm = (("Arm", f"{1.5 * x} -2 0"), ("ForeArm", "0 -28 0"), ("Hand", "0 -25 0"))
        leg = (
            ("UpLeg", f"{x} 0 0"),
            ("Leg", "0 -44 0"),
            ("Foot", "0 -44 0"),
            (toe, "0 0 10"),
        )
        arms.append(chain(*((f"{prefix}{side}{name}", offset) for name, offset in arm)))
        legs.append(chain(*((f"{prefix}{side}{name}", offset) for name, offset in leg)))
    legs = (
        [joint(name, "0 0 0", leg) for name, leg in zip(sockets, legs, strict=True)]
        if sockets
        else legs
    )
    above: list[str] = []
    # from the head down, for each joint holds the one above it
    for name, offset in reversed(trunk.items()):
        above = [
            joint(prefix + name, offset, *above, *(arms if name == "Neck" else ()))
        ]
    return (
        "HIERARCHY\n"
        + joint(f"{prefix}Hips", "0 0 0", *above, *legs, channels=SIX, word="ROOT")
        + "\n"
    )


# Trunks as the data sets have them, each 45 cm to the neck and 55 to the head.
CMU = {
    "LowerBack": "0 0 0",
    "Spine": "0 20 0",
    "Spine1": "0 10 0",
    "Neck": "0 15 0",
    "Neck1": "0 5 0",
    "Head": "0 5 0",
}
SPINE2 = {
    "Spine": "0 10 0",
    "Spine1": "0 10 0",
    "Spine2": "0 10 0",
    "Neck": "0 15 0",
    "Head": "0 10 0",
}
HIERARCHIES = {
    "CMU": usual(CMU, toe="ToeBase", sockets=("LHipJoint", "RHipJoint")),
    "LaFAN": usual(SPINE2, toe="Toe"),
    "Mixamo": usual(SPINE2, toe="ToeBase", prefix="mixamorig:"),
    "Mixamo 2": usual(
        SPINE2 | {"HeadTop_End": "0 15 0"}, toe="ToeBase", prefix="mixamorig1_"
    ),
}


def rest(text: str, frames: int = 2) -> str:
    """The hierarchy at rest, its hips 88 cm up."""
    columns = sum(
        int(line.split()[1])
        for line in text.splitlines()
        if line.startswith("CHANNELS")
    )
    return text + motion([[0, 88, 5] + [0] * (columns - 3)] * frames)
