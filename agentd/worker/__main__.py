"""`python -m agentd.worker TOKEN ASSIGNMENT`: serve one deployment until told to stop."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading

from agentd.worker.core import Core
from agentd.worker.identity import read_identity
from flowctl.errors import FlowError
from flowctl.log import set_up
from flowctl.secrecy import hide
from flowctl.services.control import open_control
from flowctl.settings import load

_PR_SET_CHILD_SUBREAPER = 36
_BROKEN_THREAD = 70
"""Exit status after an error that nobody expected, in any thread."""


def main(arguments: list[str]) -> int:
    """Run a worker; return its exit status."""
    try:
        hide()
        settings = load()
        set_up(settings.log_level, as_json=True)
        identity = read_identity(arguments[-1])
        threading.excepthook = _end
        # What user code leaves behind becomes our child, so that it can be found and ended.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with open_control(settings, name=identity.worker) as control:
            core = Core(control, identity)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: core.stop())
            return core.run()
    except FlowError as error:
        logging.getLogger(__name__).error("%s %s", error, error.remedy)
        return 1


def _end(found: threading.ExceptHookArgs) -> None:
    """End the process: a worker without one of its threads would only look alive."""
    logging.getLogger(__name__).critical(
        "a thread ended: %r", found.exc_value, exc_info=found.exc_value
    )
    os._exit(_BROKEN_THREAD)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
