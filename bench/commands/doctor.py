"""Say what this machine can run: backends, devices, precisions, asked of each framework in a process of its own."""

from __future__ import annotations

from bench.commands import Json


def command(json: Json = False) -> int:
    """Say what this machine can run: backends, devices, precisions, asked of each framework in a process of its own."""
    import json as encoder

    import backends
    from bench import environment
    from bench.cells import table

    found = {name: _ask(name) for name in backends.installed()}
    if json:
        print(encoder.dumps({"environment": environment.describe(), "backends": found}))
        return 0
    table(("what", "value"), [(key, str(value)) for key, value in environment.describe().items()])
    print()
    rows = [
        (name, kind, item, reason or "yes")
        for name, answers in found.items()
        for kind, items in answers.items()
        for item, reason in items.items()
    ]
    table(("backend", "question", "item", "usable"), rows)
    return 0


def _ask(name: str) -> dict[str, dict[str, str]]:
    """Import a backend in a child process and let it speak for itself."""
    import json as encoder
    import subprocess
    import sys

    from bench.environment import ROOT

    text = (
        "import backends, json, sys\n"
        "backends.isolate(sys.argv[1])\n"
        "b = backends.load(sys.argv[1])\n"
        "d = b.devices()\n"
        "p = {f'{p} on {k}': r for k, v in d.items() if not v for p, r in b.precisions(k).items()}\n"
        "print(json.dumps({'device': d, 'precision': p, 'feature': b.features()}))"
    )
    done = subprocess.run([sys.executable, "-c", text, name], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        return {"import": {name: done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"}}
    answers: dict[str, dict[str, str]] = encoder.loads(done.stdout.splitlines()[-1])
    return answers
