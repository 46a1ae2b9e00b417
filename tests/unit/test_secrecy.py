"""A hidden process keeps its environment to itself; read by a real process of the same user."""

from __future__ import annotations

import os
import subprocess
import sys

PEEK = """
import ctypes, os, sys
from flowctl.secrecy import hide

if os.geteuid() == 0:
    os.setuid(65534)  # the superuser would see everything
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a program begins
if sys.argv[1] == "hide":
    hide()
pid = os.getpid()
if os.fork() == 0:
    try:
        seen = open(f"/proc/{pid}/environ").read()
        print("seen" if "password" in seen else "nothing", flush=True)
    except PermissionError:
        print("refused", flush=True)
    os._exit(0)
os.wait()
"""


def peek(how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PEEK, how],
        env=dict(os.environ, SECRET="password"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_another_process_of_the_same_user_sees_no_environment() -> None:
    assert peek("show") == "seen"
    assert peek("hide") == "refused"
