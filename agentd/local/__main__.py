"""`python -m agentd.local FILE`: run the flow that an order describes, and write down how it ended."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from agentd.executor import die_with
from agentd.local.hands import hands
from agentd.local.line import Line
from flowctl.errors import FlowError
from flowctl.model.local import Ending, Order, read, write
from flowctl.services.control import open_control
from flowctl.settings import load

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run an order; return the exit status."""
    file = Path(arguments[-1])
    die_with(os.getppid())
    # What a call prints is on the screen already; the worker's log of it would double that.
    logging.getLogger("call").disabled = True
    try:
        order = read(file.read_bytes(), Order)
        with open_control(load(), name="flowctl run --local") as control:
            line = Line(control, hands(control, order), order)
            line.run()
        ending = line.ending()
    except FlowError as error:
        ending = Ending(trouble=error.message, remedy=error.remedy)
    except KeyboardInterrupt:
        return INTERRUPTED
    file.write_bytes(write(ending))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
