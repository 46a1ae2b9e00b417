"""agentd with stand-ins for workers: python agent_program.py MANNER [options of agentd]."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agentd import __main__ as agentd

if __name__ == "__main__":
    agentd.WORKER = (
        sys.executable,
        "-S",
        str(Path(__file__).with_name("stand_in.py")),
        sys.argv[1],
    )
    agentd.main(sys.argv[2:])
