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
    alike: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        if fault.model:
            # by what it runs in; a device that is claimed has no honest run
            key = (fault.model, fault.precision, fault.setting.name)
            alike.setdefault(key, []).append(fault)
    for (model, precision, setting), group in alike.items():
        tasks = [task for fault in group for task in fault.tasks]
        blind = [set(fault.blind) for fault in group if "parity" in fault.tasks]
        yield Fault(
            name=f"nothing: {profile} {model} {precision} {setting}".rstrip(),
            model=model,
            tasks=tuple(dict.fromkeys(task for task in tasks if task != "shape_ops")),
            # a rung that none of them is put to
            blind=tuple(set.intersection(*blind)) if blind else (),
            setting=group[0].setting,
            precision=precision,
        )
