"""The words a daemon says to systemd, in eight lines instead of a library.

Where nothing listens (no NOTIFY_SOCKET in the environment) nothing is said, so that a daemon
behaves the same under systemd, in a shell and in a test.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


def notify(*words: str, environ: Mapping[str, str] | None = None) -> bool:
    """Say `words` to the service manager; tell whether it was there to listen."""
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.settimeout(1)
            # A leading @ stands for the zero byte of an abstract address.
            manager.connect("\0" + address[1:] if address[0] == "@" else address)
            manager.sendall("\n".join(words).encode())
    except OSError:
        return False
    return True


def status(sentence: str) -> str:
    """Return the word that shows `sentence` in `systemctl status`."""
    return "STATUS=" + " ".join(sentence.split())
