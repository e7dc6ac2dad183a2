"""Import a module where it can harm nobody: `python -P import_alone.py MODULE SECONDS`.

It is run by its path and knows nothing of PosePort, so that it costs what the module costs.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from contextlib import suppress

# exit codes that nobody gives by chance
BACK, THREADS, CHILDREN, INTERRUPTS = 117, 118, 119, 120


def main(module: str, seconds: float) -> int:
    """How it went."""
    if hasattr(signal, "setitimer"):
        # whoever has asked may have gone
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        importlib.import_module(module)
    except KeyboardInterrupt:
        return INTERRUPTS
    except BaseException:  # noqa: S110  # told by whoever imports it next
        pass
    if threading.active_count() > 1:
        return THREADS
    with suppress(ChildProcessError, AttributeError):
        os.waitpid(-1, os.WNOHANG)
        return CHILDREN
    return BACK


if __name__ == "__main__":
    code = main(sys.argv[1], float(sys.argv[2]))
    os._exit(code)  # past what a module leaves for the end
