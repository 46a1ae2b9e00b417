"""A private Redis server for `make bench`: own port and folder, loopback only, ended by pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from threading import Event

from tests.servers.rabbitmq import free_port


def installed() -> bool:
    """Whether this machine has the program."""
    return shutil.which("redis-server") is not None


class RedisServer:
    """One server that keeps nothing on the disk."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="flowctl-redis-")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until it accepts connections."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self._process = subprocess.Popen(
            ["redis-server", *options, self.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline, pause = time.monotonic() + timeout, Event()
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                pause.wait(0.05)
            else:
                return
        raise AssertionError(f"Redis did not open its port in {timeout} s")

    def close(self) -> None:
        """End it and remove its folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
