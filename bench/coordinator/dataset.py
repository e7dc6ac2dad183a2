"""The clips of a run: read and split once, kept in the run folder, mapped from there by every cell.

One file holds the training clips, then the test clips, as `data convert` writes them; its facts
are how many are for training, the protocol as it was applied, and what is told of the clips.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import data
from bench.config import Config
from bench.data import Split, augment, facts
from bench.data.formats import header
from bench.data.protocols import Protocol
from bench.data.readers import cache
from models.errors import BadInput

FILE = "data.cache"


def read(config: Config) -> Split:
    """Train and test clips as a configuration asks for them. Raises as `data.load` does."""
    protocol = data.protocol_for(config.data, config.protocol)
    if config.allow_mismatch:
        protocol = protocol.model_copy(update={"mismatch": "allowed"})
    return data.load(
        config.data,
        protocol=protocol,
        seed=config.seed,
        small=config.small,
        noise=config.noise,
        corrupt=config.corrupt,
    )


def keep(folder: Path, split: Split, config: Config) -> None:
    """Write the clips of a configuration into a run folder, whole or not at all."""
    clips = [*split.train, *split.test]
    kept = {
        "train": len(split.train),
        "protocol": split.protocol.model_dump(mode="json"),
        "asked": asked(config),
        "told": {"source": config.data}
        | facts.of(clips)
        | facts.divided(split.train, split.test, split.protocol),
    }
    folder.mkdir(parents=True, exist_ok=True)
    cache.save(
        folder / FILE,
        clips,
        kind=data.kind_of(config.data),
        rig=split.protocol.rig,
        facts=kept,
    )


def is_kept(folder: Path, config: Config) -> bool:
    """Whether a run folder has the clips that a configuration asks for."""
    file = folder / FILE
    if not file.exists():
        return False
    try:
        kept = header.read(file).text("facts")
    except BadInput:
        return False  # half a file is none: the clips are read anew and take its place
    return kept.get("asked") == asked(config)


def ensure(config: Config, folder: Path) -> None:
    """Read the clips into a run folder, where it has them not. Raises as `read` does."""
    if not is_kept(folder, config):
        keep(folder, read(config), config)


def told(folder: Path) -> dict[str, object]:
    """What there is to say of the clips of the run in `folder`, as `facts` found it."""
    found: dict[str, object] = header.read(folder / FILE).text("facts").get("told", {})
    return found


def of(config: Config, folder: Path) -> Split:
    """The clips of the run in `folder`, put there where they are not yet.

    Raises as `read` does, and BadInput where the kept file is damaged.
    """
    ensure(config, folder)
    kept = header.read(folder / FILE).text("facts")
    protocol = Protocol.model_validate(kept["protocol"])
    try:
        clips = cache.load(str(folder / FILE), rig=protocol.rig)
    except BadInput as error:
        raise BadInput(
            f"{error}; or delete the file, and --resume reads them"
        ) from None
    return Split(clips[: kept["train"]], clips[kept["train"] :], protocol)


def asked(config: Config) -> dict[str, Any]:
    """All that decides which clips there are, as JSON gives it back.

    Of the protocol and of the steps it is what their files say, not how they are called. What
    the data's own files hold is not looked at: a run keeps what it began with.
    """
    steps = augment.asked(config.corrupt)
    deciding = {"data", "seed", "small", "noise", "allow_mismatch"}
    return {
        **config.model_dump(mode="json", include=deciding),
        "protocol": data.protocol_for(config.data, config.protocol).hash,
        "corruption": [str(step) for step in steps],
    }
