"""A worker for tests of agentd that does nothing but live: python stand_in.py [MANNER] TOKEN FILE.

It writes its status file as a worker does and ends at SIGTERM. Manners: `stubborn` ignores
SIGTERM, `crash` ends at once with code 3, `broken` says that its import failed, `parent` starts
something that leaves its session.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def main() -> int:
    manner, token, path = sys.argv[1], sys.argv[-2], Path(sys.argv[-1])
    assignment = json.loads(path.read_text())
    assert token == assignment["token"]
    print(f"stand-in for {assignment['worker']}", flush=True)
    if manner == "crash":
        print("boom", flush=True)
        return 3
    if manner == "parent":
        subprocess.Popen(
            ["/bin/sleep", "1000"], start_new_session=True, env={"FLOWCTL_EXECUTOR": f"{token}0"}
        )
    ended = threading.Event()
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else lambda *_: ended.set()
    )
    while not ended.wait(0.1):
        _write(Path(assignment["status"]), manner)
    return 0


def _write(path: Path, manner: str) -> None:
    broken = manner == "broken"
    status = {
        "pid": os.getpid(),
        "status": "failed" if broken else "running",
        "executors": 0 if broken else 2,
        "reason": "ImportError: nope" if broken else "",
        "at": time.monotonic(),
    }
    aside = path.with_suffix(".aside")
    aside.write_text(json.dumps(status))
    aside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
