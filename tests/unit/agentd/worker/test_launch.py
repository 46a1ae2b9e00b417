"""Starting executors with clean hands, and ending them with all they left."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from agentd.worker.frames import Kind, Reader, pack
from agentd.worker.launch import Launched, find_group, kill_group, scrub, spawn

pytestmark = pytest.mark.process

BASE = getattr(sys, "_base_executable", sys.executable)


def test_only_what_is_allowed_is_inherited() -> None:
    environ = {"PATH": "/bin", "LC_ALL": "C", "FLOWCTL_BROKER": "amqp://a:b@c", "AWS_SECRET": "s"}
    assert scrub(environ) == {"PATH": "/bin", "LC_ALL": "C"}


def close(launched: Launched) -> None:
    launched.process.wait(10)
    launched.link.close()
    os.close(launched.stdout)
    os.close(launched.stderr)


def start(code: str, folder: Path, nice: int = 0) -> tuple[Launched, str]:
    """Start an executor and return it with what its one call returned."""
    launched = spawn(BASE, env={}, cwd=folder, nice=nice)
    launched.link.settimeout(20)
    setup = {"kind": "code", "code": code, "tasks": ["f"]}
    launched.link.sendall(pack(Kind.SETUP, setup) + pack(Kind.CALL, {"id": "c", "task": "f"}, b"1"))
    reader = Reader()
    while True:
        for frame in reader.feed(launched.link.recv(65536)):
            if frame.kind is Kind.DONE:
                return launched, frame.body.decode()
            assert frame.kind is Kind.READY, frame


def test_an_executor_leads_a_session_in_its_folder(tmp_path: Path) -> None:
    code = "import os\ndef f(x): return [os.getsid(0) == os.getpid(), os.getcwd(), os.nice(0)]\n"
    launched, answer = start(code, tmp_path, nice=3)
    assert answer == f'[true,"{tmp_path}",3]'
    assert kill_group(launched.process.pid, launched.token)
    close(launched)


def test_the_interpreter_that_is_not_there_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        spawn("/nowhere/python", env={}, cwd=tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_all_that_descends_is_ended_even_what_left_the_session(tmp_path: Path) -> None:
    code = """
import os, subprocess, time
def f(x):
    plain = subprocess.Popen(["sleep", "300"])
    away = subprocess.Popen(["setsid", "sleep", "300"])
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(300)
        os._exit(0)
    daemon = int(os.read(read, 20))
    os.wait3(0)
    return [plain.pid, away.pid, daemon]
"""
    launched, answer = start(code, tmp_path)
    pids = [int(each) for each in answer.strip("[]").split(",")]
    assert set(pids) < find_group(launched.process.pid, launched.token)
    handles = [os.pidfd_open(pid) for pid in pids]
    assert kill_group(launched.process.pid, launched.token)
    for handle in handles:
        assert select.select([handle], [], [], 10)[0]
        os.close(handle)
    close(launched)


def test_a_stranger_with_the_same_number_is_left_alone() -> None:
    assert find_group(1, "no such token") == set()
