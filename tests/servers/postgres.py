"""A private Postgres server for tests: own folder and port, loopback only, ended by pid.

Postgres refuses to run as root, so root starts it as the user `postgres`. A guardian shell holds
the pid: when this process ends, in whatever way, the guardian's standard input closes and it ends
the server and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

_GUARDIAN = """
cat >/dev/null
[ -s "$1/server.pid" ] && kill -QUIT "$(cat "$1/server.pid")" 2>/dev/null
n=0
while [ -s "$1/server.pid" ] && kill -0 "$(cat "$1/server.pid")" 2>/dev/null && [ $n -lt 100 ]; do
    sleep 0.05; n=$((n+1))
done
rm -rf "$1"
"""


def programs() -> Path | None:
    """Return the folder of the newest server programs on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if found:
        return found[-1].parent
    beside = shutil.which("postgres")
    return Path(beside).parent if beside else None


def installed() -> bool:
    """Whether this machine has the programs."""
    return programs() is not None


def _version(program: Path) -> int:
    name = program.parent.parent.name
    return int(name) if name.isdigit() else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """One server; the constructor makes its folder, `start` starts it, `close` leaves nothing.

    With `careful` it writes to the disk as a real one; without, it is quicker and only a power cut
    could tell the difference.
    """

    def __init__(self, *, careful: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowctl-postgres-"))
        self.port = _free_port()
        self._careful = careful
        self._names = count(1)
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian = subprocess.Popen(
            ["/bin/sh", "-c", _GUARDIAN, "guardian", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._run(
            "initdb",
            "-D",
            "data",
            "-U",
            "flow",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "-N",
            "--no-instructions",
        )

    @property
    def url(self) -> str:
        """The URL of the database that every server has."""
        return self.url_of("postgres")

    def url_of(self, database: str, *, port: int | None = None) -> str:
        """The URL of one database, through another port where a proxy stands before the server."""
        return f"postgresql://flow@127.0.0.1:{port or self.port}/{database}"

    def database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"flow{next(self._names)}"
        self.query(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def query(self, sql: str, *, database: str = "postgres") -> str:
        """Execute SQL as the owner of the server and return what psql prints, bare."""
        return self._run("psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", "flow", "-d", database, "-c", sql)  # fmt: skip

    def start(self, timeout: float = 60.0) -> None:
        """Start the server and wait until it answers."""
        deadline = time.monotonic() + timeout
        while not self._started(deadline):
            assert time.monotonic() < deadline, f"Postgres did not start\n{self.log()}"

    def stop(self) -> None:
        """Stop the server as its service would on a restart: connections are closed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server without any warning."""
        self._end(signal.SIGKILL)

    def log(self) -> str:
        """Return what the server wrote, for the message of a failed test."""
        file = self.folder / "server.out"
        return file.read_text(errors="replace")[-4000:] if file.exists() else ""

    def close(self) -> None:
        """End the server and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGQUIT)
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        self._guardian.wait(30)

    def _started(self, deadline: float) -> bool:
        """Start the server once; False where what is left of a killed one is still in the way."""
        self._process = self._spawn()
        pause = Event()
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"Postgres does not answer\n{self.log()}"
            if self._answers():
                return True
            pause.wait(0.03)
        pause.wait(0.1)
        return False

    def _answers(self) -> bool:
        done = subprocess.run(
            [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return done.returncode == 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "60",
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "fsync": "on" if self._careful else "off",
            "full_page_writes": "on" if self._careful else "off",
            "log_min_messages": "warning",
        }
        chosen = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.out").open("ab") as out:
            process = subprocess.Popen(
                [self._program("postgres"), "-D", "data", *chosen],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self._as,
            )
        (self.folder / "server.pid").write_text(str(process.pid))
        return process

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)
        (self.folder / "server.pid").write_text("")

    def _program(self, name: str) -> str:
        folder = programs()
        assert folder is not None
        return str(folder / name)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._program(program), *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()
