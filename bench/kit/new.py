"""A package to begin with: an adapter over NumPy that is whole, to be replaced piece by piece.

Its files lie in `skeleton`, with NAME and CLASS where those of the backend go.
"""

from __future__ import annotations

import keyword
import re
import shutil
from contextlib import suppress
from pathlib import Path

import backends
from bench.data.formats import places
from models.errors import BadInput, shortened

SKELETON = Path(__file__).parent / "skeleton"
ENDING = ".txt"  # so that nobody takes the files for a part of PosePort
LONGEST = 40  # letters of a name: it becomes a part of the names of files
NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST - 1}}}")


def package(name: str) -> str:
    """The module that the backend `name` is imported as."""
    return f"poseport_{name}"


def write(name: str, folder: Path) -> list[Path]:
    """Write the package of a backend into a folder that is not there; the files, in order.

    Raises BadInput for a name that cannot be a module's or is taken, and for a folder that is
    there or cannot be made. Nothing is left of a package that could not be written whole.
    """
    _check(name)
    if folder.exists() or folder.is_symlink():
        raise BadInput(
            f"{folder} is there already; give a folder that is not by --to FOLDER"
        )
    places.folder(folder)
    # innermost first
    parents = [each for each in folder.parents if not each.exists()]
    made = []
    try:
        with places.writing(folder):
            folder.mkdir(parents=True)
            for source in sorted(SKELETON.rglob(f"*{ENDING}")):
                target = folder / _place(source, name)
                target.parent.mkdir(exist_ok=True)
                target.write_text(_filled(source, name), encoding="utf-8")
                made.append(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        # one that somebody has filled meanwhile stays
        with suppress(OSError):
            for parent in parents:
                parent.rmdir()
        raise
    return made


def _check(name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise BadInput(
            f"backend name {shortened(name)!r}: small letters, digits and _ were due, a letter"
            f" first, at most {LONGEST} of them, and no word of Python's"
        )
    if name in backends.TAKEN:
        raise BadInput(
            f"backend name {name!r}: `--backend {name}` means something else; choose another"
        )
    if name in backends.names():
        raise BadInput(f"there is a backend {name} already; choose another name")


def _place(source: Path, name: str) -> Path:
    within = source.relative_to(SKELETON).as_posix().removesuffix(ENDING)
    folder, slash, rest = within.rpartition("/")
    if folder == "package":
        folder = package(name)
    return Path(f"{folder}{slash}{rest.replace('NAME', name)}")


def _filled(source: Path, name: str) -> str:
    text = source.read_text(encoding="utf-8")
    spoken = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("NAME", name).replace("CLASS", spoken)
