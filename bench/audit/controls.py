"""What a backend without a fault is put to: all that its faults are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.audit.fault import Fault


def controls(planted: Sequence[tuple[str, Fault]], profile: str) -> Iterator[Fault]:
    """The exam of all their ops at once, and each model with all that any fault asks of it."""
    faults = [fault for _, fault in planted]
    examined = [fault for fault in faults if "shape_ops" in fault.tasks]
    ops = [op for fault in examined for op in (fault.op, *fault.ops) if op]
    if ops:
        yield Fault(
            name=f"nothing: {profile} exam",
            tasks=("shape_ops",),
            ops=tuple(dict.fromkeys(ops)),
        )
    asked: dict[tuple[str, str, str], list[str]] = {}
    settings = {fault.setting.name: fault.setting for fault in faults}
    for fault in faults:
        if fault.model:
            # by what it runs in; a device that is claimed has no honest run
            alike = (fault.model, fault.precision, fault.setting.name)
            tasks = asked.setdefault(alike, [])
            tasks += [task for task in fault.tasks if task != "shape_ops"]
    for (model, precision, setting), tasks in asked.items():
        yield Fault(
            name=f"nothing: {profile} {model} {precision} {setting}".rstrip(),
            setting=settings[setting],
            model=model,
            tasks=tuple(dict.fromkeys(tasks)),
            precision=precision,
        )
